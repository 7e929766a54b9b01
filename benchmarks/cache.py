"""An epoch from the frozen-feature cache against one from the pictures, by freeze depth.

    python benchmarks/cache.py                         random pictures, packaged weights
    python benchmarks/cache.py --data PATH --weights FILE    also what the training ends with

Both train the same layers of the same network with the same optimizer on one thread, in turns; the
ratio is that of their CPU-seconds, its median and, in brackets, its smallest and largest value
over the repeats. "In memory": the pictures lie ready for the network, neither decoding nor
augmentation is counted against the uncached epoch. "As read": it augments decoded pictures anew,
as a trial without a cache does. "Of all": against an uncached epoch that trains all layers.
With --data, networks are also trained for --epochs from --views augmented views of each picture,
uncached and from the cache in both precisions.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from cases import bring, sides, weights_of
from torch import Tensor
from torch.nn import functional

from components import files
from components.data import augmentation as augmentations
from components.data.dataset import Side, derived_seed
from components.data.transform import Transform
from components.model.cost import Cost, cost
from components.model.depth import freeze
from components.model.survey import Survey, survey
from components.training.features import FeatureCache, Features, Precision, Source
from components.training.start import Start

Inputs = Tensor | Features
VALIDATION = "validation"


@dataclass
class Case:
    """What is compared."""

    start: Start
    found: Survey
    cost: Cost
    views: dict[str, Tensor]
    """Pictures as the network takes them, by the name of the view."""
    labels: Tensor
    validation_labels: Tensor
    batch: int
    folder: Path
    reading: Callable[[int], Iterator[object]] | None
    """An epoch's pictures, augmented anew."""
    fill_seconds: dict[int, list[float]] = field(default_factory=dict)

    def cached(self, view: str, depth: int, precision: Precision) -> Features:
        """The view's activations at a depth."""
        model = self.start.network(0).to(memory_format=torch.channels_last).eval()
        pictures = self.views[view]
        source = Source("", "", "", self.start.size, view, len(pictures), self.batch, "cpu")
        cache = FeatureCache(self.folder / precision, 2**36, precision)
        begun = time.process_time()
        provided = cache.provide(
            source, self.found.cut(model), [depth], self.cost, lambda: batches(pictures, self.batch)
        )
        self.fill_seconds.setdefault(depth, []).append(time.process_time() - begun)
        return provided.features[depth]


def batches(pictures: Tensor, size: int) -> Iterator[Tensor]:
    for rows in pictures.split(size):
        yield rows.contiguous(memory_format=torch.channels_last)


def augmented(side: Side, strength: int, family: dict, view: int) -> Tensor:
    """One augmented view of every picture of a side, in order."""
    augment = augmentations.load(family, strength)
    made = [
        augment(side.pixels[int(index)], derived_seed(0, view, place))
        for place, index in enumerate(side.indices)
    ]
    return torch.from_numpy(side.transform.normalise(np.stack(made)))


def case(asked: argparse.Namespace, folder: Path) -> Case:
    model, config = weights_of(asked.weights, folder)
    described = files.read_json(config)
    transform = Transform(asked.size, asked.size, *(tuple(described[k]) for k in ("mean", "std")))
    if asked.data:
        table = bring(asked.data, folder, asked.limit)
        pictures, _ = sides(table, folder, transform)
        views = {
            str(view): augmented(pictures.train, 1, pictures.family, view)
            for view in range(asked.views)
        }
        views[VALIDATION] = torch.cat([rows for rows, _ in pictures.val.batches(256)])
        augment = augmentations.load(pictures.family, 1)
        reading = lambda number: pictures.train.augmented(  # noqa: E731
            augment, asked.batch, seed=0, epoch=number
        )
        labels, judged = (torch.as_tensor(side.labels) for side in (pictures.train, pictures.val))
    else:
        shape = (asked.limit, 3, asked.size, asked.size)
        views = {"0": torch.randn(shape, generator=torch.Generator().manual_seed(0))}
        reading = None
        labels = judged = torch.arange(asked.limit) % 10
    start = Start.read(model, config, int(labels.max()) + 1, asked.size)
    network = start.network(0)
    found = survey(network, start.groups, views["0"][:2])
    for depth, reason in found.refusals.items():
        print(f"depth {depth} cannot be cut: {reason}")
    counted = cost(network, start.groups, views["0"][:1])
    return Case(start, found, counted, views, labels, judged, asked.batch, folder, reading)


class Learner:
    """A network that trains from some depth on, from pictures or from activations."""

    def __init__(self, case: Case, depth: int, rate: float, *, cached: bool) -> None:
        self.case = case
        self.model = case.start.network(0).to(memory_format=torch.channels_last)
        freeze(self.model, case.start.groups, depth)
        cut = case.found.cut(self.model)
        self.forward: Callable[[Tensor], Tensor] = self.model
        if cached:
            self.forward = lambda activation: cut.suffix(activation, depth)
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=rate)

    def epoch(self, inputs: Inputs, number: int) -> float:
        """Train one epoch, the incomplete last batch left out; its CPU-seconds."""
        self.model.train()
        size, labels = self.case.batch, self.case.labels
        order = np.random.default_rng(number).permutation(len(labels))
        begun = time.process_time()
        for step in range(len(labels) // size):
            rows = order[step * size : (step + 1) * size]
            loss = functional.cross_entropy(self.forward(taken(inputs, rows)), labels[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return time.process_time() - begun

    @torch.no_grad()
    def accuracy(self, inputs: Inputs) -> float:
        """On the validation pictures."""
        self.model.eval()
        labels, size = self.case.validation_labels, self.case.batch
        right = 0
        for start in range(0, len(labels), size):
            rows = np.arange(start, min(start + size, len(labels)))
            right += int((self.forward(taken(inputs, rows)).argmax(1) == labels[rows]).sum())
        return right / len(labels)


def taken(inputs: Inputs, rows: np.ndarray) -> Tensor:
    if isinstance(inputs, Features):
        return inputs[rows]
    return inputs[rows].contiguous(memory_format=torch.channels_last)


def read(case: Case, number: int) -> float:
    """CPU-seconds that augmenting an epoch's pictures takes."""
    begun = time.process_time()
    for _ in case.reading(number) if case.reading else ():
        pass
    return time.process_time() - begun


def speed(case: Case, depth: int, repeats: int, precision: Precision) -> dict:
    """Epochs in turn; the first of each is not counted."""
    features, pictures = case.cached("0", depth, precision), case.views["0"]
    cached, uncached = (Learner(case, depth, 1e-4, cached=kind) for kind in (True, False))
    full = Learner(case, 0, 1e-4, cached=False)
    times = np.array(
        [
            (
                uncached.epoch(pictures, number),
                cached.epoch(features, number),
                full.epoch(pictures, number),
                read(case, number),
            )
            for number in range(repeats + 1)
        ]
    )[1:]
    before, after, all_layers, reading = times.T
    return {
        "depth": depth,
        "layer": case.start.groups[depth].name,
        "share": case.start.shares[depth],
        "in_memory": spread(before / after),
        "as_read": spread((before + reading) / after) if case.reading else None,
        "of_all": spread((all_layers + reading) / after),
        "counted": case.cost.training(depth, cached=False) / case.cost.training(depth, cached=True),
        "cached_seconds": statistics.median(after),
        "fill_seconds": case.fill_seconds[depth][0],
        "kib_a_picture": math.prod(case.found.points[depth].shape)
        * np.dtype(precision).itemsize
        / 1024,
    }


def spread(ratios: np.ndarray) -> list[float]:
    """Median, smallest and largest."""
    return [float(np.median(ratios)), float(ratios.min()), float(ratios.max())]


def shown(ratios: list[float] | None) -> str:
    return "{:.2f} ({:.2f}-{:.2f})".format(*ratios) if ratios else "-"


def quality(case: Case, depth: int, epochs: int, rate: float) -> dict:
    """Validation accuracy after the same training: from pictures, and from the cache."""
    views = [view for view in case.views if view != VALIDATION]
    ends: dict[str, float] = {}
    states = {}
    for kind in ("pictures", "float32", "float16"):
        learner = Learner(case, depth, rate, cached=kind != "pictures")
        inputs: dict[str, Inputs] = dict(case.views)
        if kind != "pictures":
            inputs = {view: case.cached(view, depth, kind) for view in case.views}
        for number in range(epochs):
            learner.epoch(inputs[views[number % len(views)]], number)
        ends[kind] = learner.accuracy(inputs[VALIDATION])
        states[kind] = learner.model.state_dict()
    equal = all(
        torch.equal(value, states["float32"][key]) for key, value in states["pictures"].items()
    )
    return {"depth": depth, **ends, "equal_to_the_bit": equal}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="package", help="package, none or a file")
    parser.add_argument("--data", help="a folder or an archive; random pictures without it")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--limit", type=int, default=512, help="pictures, all sides together")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--precision", choices=("float32", "float16"), default="float32")
    parser.add_argument("--all", action="store_true", help="every depth, not three")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        report(asked, case(asked, Path(name)))


def report(asked: argparse.Namespace, made: Case) -> None:
    last = len(made.start.groups) - 1
    depths = range(1, last + 1) if asked.all else (last // 2, last - 1, last)
    depths = [depth for depth in depths if depth in made.found.points]
    print(f"{made.start.config['architecture']}, {asked.size} px, {len(made.labels)} pictures")
    print("| frozen before | share trained | in memory | as read | of all | counted | cached s "
          "| filling s | KiB |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    rows = [speed(made, depth, asked.repeats, asked.precision) for depth in depths]
    for row in rows:
        print(
            f"| {row['depth']} {row['layer']} | {row['share']:.3f} | {shown(row['in_memory'])} "
            f"| {shown(row['as_read'])} | {shown(row['of_all'])} | {row['counted']:.2f} "
            f"| {row['cached_seconds']:.3f} | {row['fill_seconds']:.2f} "
            f"| {row['kib_a_picture']:.1f} |"
        )
    ends = (
        [quality(made, depth, asked.epochs, asked.rate) for depth in depths] if asked.data else []
    )
    if ends:
        print("\n| frozen before | from pictures | cache, float32 | equal to the bit "
              "| cache, float16 |\n|---|---|---|---|---|")  # fmt: skip
    for end in ends:
        print(
            f"| {end['depth']} | {end['pictures']:.4f} | {end['float32']:.4f} "
            f"| {'yes' if end['equal_to_the_bit'] else 'NO'} | {end['float16']:.4f} |"
        )
    if asked.json:
        print(json.dumps({"speed": rows, "quality": ends}))


if __name__ == "__main__":
    main()
