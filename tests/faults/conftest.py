"""Makes the tiny build of tests/engine importable here, and in the processes that are started to be killed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))
