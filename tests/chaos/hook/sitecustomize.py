"""On PYTHONPATH, Python imports this at its start: every process of a run is watched."""

import os
import sys

if "CHAOS" in os.environ:
    sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120  # light
    import everywhere

    sys.path.pop(0)
    everywhere.start()
