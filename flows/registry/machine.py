"""What of a machine may change the bits of a training, as a version carries it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "optuna",
    "pandas",
    "pillow",
    "pyarrow",
    "scikit-learn",
    "timm",
    "torch",
    "torchvision",
)
CPUINFO = Path("/proc/cpuinfo")


def describe() -> dict[str, str]:
    """This machine: what computes, and with which libraries. No name of it."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    """The name of the processor, as far as the system tells it."""
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
