"""What the schedules import beside each other, and the seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
