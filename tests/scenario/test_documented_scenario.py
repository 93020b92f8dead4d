"""The scenario that docs/scenarios.md shows runs as printed."""

import re
from pathlib import Path

from spikemesh.scenario import run_scenario

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def test_the_documented_scenario_runs(tmp_path, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "mine.py"
    script.write_text(code, encoding="utf-8")
    assert run_scenario(str(script)) == 0
    assert "mesh-28nm" in capsys.readouterr().out


def test_every_shipped_scenario_is_listed():
    from spikemesh.scenario import available

    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == available("scenarios")
