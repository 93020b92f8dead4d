"""``python -m spikemesh`` is ``spikemesh``."""

from spikemesh.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
