"""The frozen-feature cache: what the frozen layers make of each image, computed once.

A trial that trains only the layers from some freeze depth on reads the activations there instead of
the images. They lie on disk, one entry for each freeze depth and view, are read by memory map and
written in batches: memory does not grow with the number of images.

In "float32" a trial from the cache equals one without it to the bit on a CPU, as long as both read
batches of one size; an entry at a low freeze depth then also feeds the higher ones. In "float16" an
entry is half as large and the numbers are rounded once; all come from the images, so that what
happens to be cached makes no difference.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import timm
import torch
from torch import Tensor

from components.data.batch import padded
from components.features.activations import Features, Layout
from components.features.store import Entry, EntryStore, footprint
from components.frame import files
from components.model.partial.cost import Cost
from components.model.partial.forward import Cut

CachePrecision = Literal["float32", "float16"]
FORMAT = 1
"""Of the files; entries of another one are not found."""
DISK_TOO_FULL = "the disk had no room to spare for kept activations"
"""Why a trial did without them that would have them on another day."""
Batches = Callable[[], Iterator[Tensor]]
"""Gives images (n, C, H, W) in order, in batches of at most the size that training uses."""


@dataclass(frozen=True, kw_only=True)
class ActivationSource:
    """What the activations at any freeze depth depend on, besides the freeze depth."""

    data: str
    """Digest of the images in their order and of how they are decoded."""
    weights: str
    """Digest of the frozen layers' weights."""
    architecture: str
    """With its arguments."""
    size: int
    """Side of the images, pixels."""
    view: str
    """Names the transform, or one augmented view of every image."""
    rows: int
    """How many images there are."""
    batch_size: int
    """Sums of floats may differ with it."""
    device: str
    """The kind: "cpu", "cuda"."""


class RangeError(ArithmeticError):
    """Activations cannot be kept in the precision asked for."""


@dataclass(frozen=True)
class Provided:
    """What a trial can read."""

    features: dict[int, Features]
    """By freeze depth."""
    refusals: dict[int, str]
    """Why there is nothing at the other freeze depths."""


class FeatureCache:
    """Activations in a folder, within a byte budget."""

    def __init__(self, folder: Path, budget: int, precision: CachePrecision) -> None:
        """`budget` is in bytes, for all files in the folder together."""
        self.precision: CachePrecision = precision
        self._store = EntryStore(folder, budget)
        self._in_use: set[str] = set()

    def release(self) -> None:
        """What was provided until now may go when room is needed."""
        self._in_use.clear()

    def bytes_needed(self, cut: Cut, freeze_depth: int, rows: int) -> int:
        """How large the entries for so many images are; nothing is computed."""
        return rows * prod(cut.points[freeze_depth].shape) * np.dtype(self.precision).itemsize

    def provide(
        self,
        source: ActivationSource,
        cut: Cut,
        freeze_depths: Collection[int],
        cost: Cost,
        images: Batches,
    ) -> Provided:
        """The activations at some freeze depths, those that are missing computed in one pass.

        All of them stay until `release`; where the budget does not hold them all, the freeze depths
        that save most per byte come first.

        Raises:
            UnreachableError: the disk is full.
        """
        with self._store.lock():
            kept = {
                freeze_depth: self._store.use(self._key(source, cut, freeze_depth))
                for freeze_depth in freeze_depths
            }
            entries = {
                freeze_depth: entry for freeze_depth, entry in kept.items() if entry is not None
            }
            self._in_use.update(entry.key for entry in entries.values())
            planned, refusals = self._plan(source, cut, set(freeze_depths) - set(entries), cost)
            try:
                entries |= self._fill(source, cut, planned, images)
            except RangeError as error:
                refusals |= dict.fromkeys(planned, str(error))
            self._in_use.update(entry.key for entry in entries.values())
            features = {
                freeze_depth: self._open(entries[freeze_depth]) for freeze_depth in sorted(entries)
            }
        return Provided(features, refusals)

    def _key(self, source: ActivationSource, cut: Cut, freeze_depth: int) -> str:
        point = cut.points[freeze_depth]
        place = [point.module, point.side, point.leaf]
        versions = [FORMAT, torch.__version__, timm.__version__]
        content = files.canonical([asdict(source), place, self.precision, versions])
        return hashlib.sha256(content).hexdigest()[:32]

    def _plan(
        self, source: ActivationSource, cut: Cut, freeze_depths: Collection[int], cost: Cost
    ) -> tuple[dict[int, Entry], dict[int, str]]:
        """The entries that are to be made, room for which is made, and those there is none for."""
        wanted = [
            self._entry(source, cut, freeze_depth, cost) for freeze_depth in sorted(freeze_depths)
        ]
        planned: dict[int, Entry] = {}
        refusals: dict[int, str] = {}
        for entry in sorted(wanted, key=lambda entry: -entry.saves / entry.size):
            freeze_depth = entry.about["freeze_depth"]
            others = sum(footprint(other) for other in planned.values())
            if self._store.make_room(others + entry.size, self._in_use):
                planned[freeze_depth] = entry
            elif self._store.within_budget(others + entry.size, self._in_use):
                refusals[freeze_depth] = DISK_TOO_FULL
            else:
                refusals[freeze_depth] = (
                    f"its {entry.size:,} bytes do not fit beside what is in use "
                    f"within the {self._store.budget:,} of the cache"
                )
        return planned, refusals

    def _entry(self, source: ActivationSource, cut: Cut, freeze_depth: int, cost: Cost) -> Entry:
        about = {
            "freeze_depth": freeze_depth,
            "layer": cut.points[freeze_depth].module,
            "precision": self.precision,
        }
        return Entry(
            key=self._key(source, cut, freeze_depth),
            size=self.bytes_needed(cut, freeze_depth, source.rows),
            saves=cost.prefix(freeze_depth) * source.rows,
            about={**about, **asdict(source)},
        )

    def _fill(
        self, source: ActivationSource, cut: Cut, planned: Mapping[int, Entry], images: Batches
    ) -> dict[int, Entry]:
        """Compute all planned entries together, batch by batch.

        Raises:
            RangeError: a number is too large for the precision.
        """
        if not planned:
            return {}
        batches = self._activations(source, cut, list(planned), images)
        first = next(batches)
        layouts = {
            freeze_depth: Layout.of(activation) for freeze_depth, activation in first[1].items()
        }
        made = {
            freeze_depth: replace(entry, about={**entry.about, **asdict(layouts[freeze_depth])})
            for freeze_depth, entry in planned.items()
        }
        rows = 0
        with ExitStack() as stack:
            outputs = {d: stack.enter_context(self._store.adding(made[d])) for d in made}
            for count, activations in chain([first], batches):
                for freeze_depth, activation in activations.items():
                    self._write(
                        outputs[freeze_depth], layouts[freeze_depth].rows(activation[:count])
                    )
                rows += count
            if rows != source.rows:
                raise ValueError(f"there must be {source.rows} images, but {rows} came.")
        return made

    def _activations(
        self, source: ActivationSource, cut: Cut, freeze_depths: list[int], images: Batches
    ) -> Iterator[tuple[int, dict[int, Tensor]]]:
        """Batches at some freeze depths, each padded to full size, with the number that counts."""
        size = source.batch_size
        feeder = self._feeder(source, cut, min(freeze_depths))
        if feeder is None:
            for batch in images():
                yield len(batch), cut.tap(padded(batch, size), freeze_depths)
            return
        kept = self._open(feeder)
        for start in range(0, len(kept), size):
            rows = kept[slice(start, start + size)].to(source.device)
            yield (
                len(rows),
                cut.advance(padded(rows, size), feeder.about["freeze_depth"], freeze_depths),
            )

    def _feeder(self, source: ActivationSource, cut: Cut, below: int) -> Entry | None:
        """The highest entry from which those at `below` and higher follow to the bit."""
        if self.precision != "float32":
            return None
        for freeze_depth in sorted(cut.points, reverse=True):
            entry = (
                self._store.use(self._key(source, cut, freeze_depth))
                if freeze_depth < below
                else None
            )
            if entry is not None:
                return entry
        return None

    def _write(self, file: BinaryIO, rows: Tensor) -> None:
        values = rows.to(getattr(torch, self.precision))
        if not values.isfinite().all():
            raise RangeError(f"a number is too large for {self.precision} or is none")
        values.cpu().numpy().tofile(file)

    def _open(self, entry: Entry) -> Features:
        return Features(self._store.path(entry.key), entry.about)
