"""Activations of many images on disk, as the network had them in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """How the dimensions of one image's activation lie in memory: kernels may depend on it."""

    stored: tuple[int, ...]
    """Its shape with the dimensions in the order of memory."""
    order: tuple[int, ...]
    """The place of each of its own dimensions in that shape."""

    @classmethod
    def of(cls, activation: Tensor) -> "Layout":
        """The layout of the rows of an activation (n, ...)."""
        strides = activation.stride()
        inner = range(1, activation.ndim)
        by_memory = sorted(inner, key=lambda place: (-strides[place], place))
        stored = tuple(activation.shape[place] for place in by_memory)
        return cls(stored, tuple(by_memory.index(place) for place in inner))

    def rows(self, activation: Tensor) -> Tensor:
        """The activation (n, ...) with its dimensions in the order of memory."""
        by_memory = sorted(range(len(self.order)), key=self.order.__getitem__)
        return activation.permute(0, *(1 + place for place in by_memory)).contiguous()


class Features:
    """The activations of all images at one freeze depth, memory-mapped."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Open values that were written as `about` describes: rows, stored, order, precision."""
        shape = (about["rows"], *about["stored"])
        dtype = np.dtype(about["precision"])
        self._values: NDArray[Any] = np.memmap(path, dtype=dtype, mode="r", shape=shape)
        self._order = [0, *(1 + place for place in about["order"])]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._values)

    def __getitem__(self, rows: NDArray[np.integer[Any]] | slice) -> Tensor:
        """The activations (n, ...) of some images, float32 and laid out as the network's own."""
        values = torch.from_numpy(np.array(self._values[rows], dtype=np.float32))
        return values.permute(*self._order)
