"""Where a network runs, and in which precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from components.frame.errors import UsageError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "off"]


def choose_device(name: DeviceName) -> torch.device:
    """The device asked for; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the one asked for is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(
            next((device for device, available in there.items() if available), "cpu")
        )
    if not there.get(name, True):
        raise UsageError(f"device: {name} is asked for, but torch finds none here. Set it to auto.")
    return torch.device(name)


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Mixed precision where it pays: bfloat16 on CUDA; a CPU without AMX would only be slower."""
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def described(device: torch.device, precision: Precision) -> tuple[str, str]:
    """A device and the precision it trains in, as a person reads them."""
    mixed = not isinstance(autocast(device, precision), nullcontext)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return name, "bfloat16" if mixed else "float32"
