"""How fast this machine trains a network: `python -m components.model.speed ARCHITECTURE SIZE`.

Prints the seconds that training takes for an image, on the processor or the card in use.
"""

import sys
import time

import torch

from components.model.backbone import create
from components.model.device import choose_device

ROWS = 16
FEWEST = 3
ENOUGH = 1.0
"""Seconds of steps that are timed."""


def seconds_an_image(architecture: str, size: int) -> float:
    """Of training all layers, forwards and backwards, on blank images of `size` pixels a side.

    Raises:
        UsageError: there is no such network, or it does not take this size.
    """
    device = choose_device("auto")
    model = create(architecture, 2, size, {}).to(device).to(memory_format=torch.channels_last)
    blank = torch.zeros(ROWS, 3, size, size, device=device)
    blank = blank.contiguous(memory_format=torch.channels_last)
    _step(model, blank)  # what a process does once is no part of the speed
    begun, steps = time.perf_counter(), 0
    while steps < FEWEST or time.perf_counter() - begun < ENOUGH:
        _step(model, blank)
        steps += 1
    return (time.perf_counter() - begun) / (steps * ROWS)


def _step(model: torch.nn.Module, blank: torch.Tensor) -> None:
    model(blank).float().sum().backward()
    model.zero_grad(set_to_none=True)
    if blank.device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    print(seconds_an_image(sys.argv[1], int(sys.argv[2])))
