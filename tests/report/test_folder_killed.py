"""A results folder whose writer is killed at any moment is the earlier one or the new one, whole."""

import random
import subprocess
import sys
import time

import pytest

from spikemesh.report import Results, read_folder, write_folder

WRITER = """
import sys
from pathlib import Path
import pandas as pd
from spikemesh.report import Results, write_folder
number = int(sys.argv[2])
while True:
    number += 1
    table = pd.DataFrame({"recipe": ["a"] * 50, "hop_cost": [float(number)] * 50})
    write_folder(Path(sys.argv[1]), Results(table, {"seed": number}, [{"number": number}] * 50), report=False)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_folder(tmp_path):
    chance, folder, number = random.Random(0), tmp_path / "run", 0
    for _ in range(15):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(number)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(chance.randint(1, 5)):
            number = int(process.stdout.readline())
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.communicate()
        found = read_folder(folder if folder.exists() else folder.with_name(".run.replaced"))
        seed = found.manifest["seed"]
        assert number <= seed <= number + 20
        assert set(found.table["hop_cost"]) == {float(seed)} and found.mappings == [{"number": seed}] * 50
        number = seed
    write_folder(folder, Results(found.table, {"seed": -1}), report=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "what the killed ones left is gone"
