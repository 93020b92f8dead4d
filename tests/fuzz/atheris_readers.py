"""Coverage-guided fuzzing of every file reader with atheris: not a test, run by hand (docs/reliability.md).

    python tests/fuzz/atheris_readers.py --seconds 180 --out findings            all readers, one after another
    python tests/fuzz/atheris_readers.py --seconds 600 --out findings hardware recipe

Each reader runs in a process of its own, from the good files of spikemesh.testing.readers. What neither reads nor refuses with
a SpikemeshError is written to the out folder, once for each place in the code that it came from: content and traceback.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from pathlib import Path

HANG_S = 20
MEMORY_MB = 4096


def fuzz(name: str, seconds: int, out: Path) -> None:
    """Fuzzes one reader in this process until its time is up."""
    import warnings

    import atheris

    warnings.simplefilter("ignore")
    corpus = out / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["spikemesh", "tomllib", "json"]):  # readers import when they run
        from spikemesh.testing.readers import READERS, check

        for k, seed in enumerate(READERS[name].seeds()):
            (corpus / f"seed{k}").write_bytes(seed)
            assert check(name, seed), f"{name}: seed {k} is refused"
    seen: set[str] = set()
    counts = {"read": 0, "refused": 0, "broken": 0}

    def one(data: bytes) -> None:
        try:
            counts["read" if check(name, data) else "refused"] += 1
        except Exception as error:
            counts["broken"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            own = [
                f
                for f in traceback.extract_tb(error.__traceback__)
                if "spikemesh" in f.filename and "testing" not in f.filename
            ]
            label = f"{name}-{type(error).__name__}-{Path((own or [where])[-1].filename).stem}-{(own or [where])[-1].lineno}"
            if label not in seen:
                seen.add(label)
                (out / label).write_bytes(data)
                (out / f"{label}.txt").write_text(traceback.format_exc())
        total = sum(counts.values())
        if total % 200 == 0:
            (out / f"{name}.count").write_text(f"{name}: {total} files: {counts}\n")

    flags = [f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}", "-max_len=20000", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={out}/{name}-", str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="readers (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--out", type=Path, default=Path("findings"))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.here:
        fuzz(options.names[0], options.seconds, options.out)
        return
    from spikemesh.testing.readers import READERS

    for name in options.names or READERS:
        started = time.monotonic()
        words = [sys.executable, __file__, "--here", "--seconds", str(options.seconds), "--out", str(options.out), name]
        with (options.out / f"{name}.log").open("w") as log:
            code = subprocess.run(words, stdout=log, stderr=log, check=False).returncode
        count = options.out / f"{name}.count"
        told = count.read_text().strip() if count.exists() else f"{name}: under 200 files"
        print(f"{told}; exit code {code} after {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
