"""Where a network runs, and in which precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from components.frame.errors import UsageError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "off", "bf16"]


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
    """Mixed precision where it pays or is asked for; a CPU without AMX is only slower by it.

    Raises:
        UsageError: it is asked for, but the device does not have it.
    """
    there = device.type != "cuda" or torch.cuda.is_bf16_supported()
    if precision == "bf16" and not there:
        raise UsageError(
            f"precision: bf16 is asked for, but {torch.cuda.get_device_name(device)} has none. Set "
            "it to auto."
        )
    if precision == "bf16" or (precision == "auto" and device.type == "cuda" and there):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def described(device: torch.device, precision: Precision) -> tuple[str, str]:
    """A device and the precision it trains in, as a person reads them."""
    mixed = not isinstance(autocast(device, precision), nullcontext)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return name, "bfloat16" if mixed else "float32"
