"""The batch size that `auto` stands for: the largest that a card holds, found by trying."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from components.frame import files
from components.model.device import Precision, autocast
from components.training.step import FEWEST_ROWS, is_out_of_memory

USUAL = 32
"""On a CPU, whose memory is the machine's: a step takes as long an image in larger ones."""
LARGEST = 256
"""Above it rates and epochs would have to be others (Goyal et al. 2017, arXiv:1706.02677)."""
FEWEST_STEPS = 8
"""An epoch has so many steps or more, as far as a batch of the usual size allows."""


def largest_batch(
    network: Callable[[], nn.Module],
    size: int,
    rows: int,
    *,
    device: torch.device,
    precision: Precision,
    keep: Path,
) -> int:
    """The batch size for so many images to train on; kept in a file, so that it stays the same.

    Args:
        network: makes the network; all of it is trained while trying.
        size: side of the images, pixels.
        rows: how many images there are to train on.
        device: where it runs.
        precision: in which it trains.
        keep: a search that goes on after a kill finds here what was found before.
    """
    if keep.exists():
        return int(json.loads(keep.read_text(encoding="utf-8")))
    found = min(USUAL, rows)
    if device.type == "cuda":
        model = network().to(device).to(memory_format=torch.channels_last).train()
        most = max(found, min(LARGEST, rows // FEWEST_STEPS))
        found = largest(lambda count: _fits(model, count, size, device, precision), found, most)
    files.write_json(keep, found)
    return found


def largest(fits: Callable[[int], bool], usual: int, most: int) -> int:
    """The largest batch of `usual` halved or doubled that fits, at most `most`."""
    count = usual
    while count > FEWEST_ROWS and not fits(count):
        count //= 2
    while count >= usual and 2 * count <= most and fits(2 * count):
        count *= 2
    return max(FEWEST_ROWS, count)


def _fits(
    model: nn.Module, count: int, size: int, device: torch.device, precision: Precision
) -> bool:
    """Whether memory holds a step on so many blank images; nothing is held afterwards."""
    try:
        blank = torch.zeros(count, 3, size, size, device=device)
        with autocast(device, precision):
            outputs = model(blank.contiguous(memory_format=torch.channels_last))
        outputs.float().sum().backward()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        model.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
    return True
