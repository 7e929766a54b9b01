"""A map of learning rates over freeze depths: what a network reaches at each, by plain training.

    python benchmarks/map.py --data PATH --weights FILE --size 112 --csv FILE.csv
    python benchmarks/map.py --trained head full --rates 1e-5 1e-4 ...      some cells of it

Every cell is one training, for --learn images and --epochs epochs, from the kept activations where
they pay. Its rate is that of what lies below the head; the head has a rate of its own, --head-rate,
and where it alone trains, it trains at the cell's rates times a hundred. With --one-rate the head
trains at the cell's rate too. A cell's accuracy is over all images that it does not train on. The
rows are those of published maps: network, dataset, optimizer, trained, learning_rate, accuracy in
percent.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from benchmarks.cases import Case, add_options_of_one, prepared
from benchmarks.fits import BATCH, fitted, plan_of, unheard
from components.data.images.dataset import Split
from components.frame.seeds import derived_seed
from components.study.trial_inputs import Reuse
from components.training.feed import ImageFeed
from components.training.images import Images
from components.training.recipe import Recipe, Setting
from components.training.step import DivergedError
from components.training.subset import subset
from components.training.validate import validate

CPU = torch.device("cpu")
COLUMNS = ("network", "dataset", "optimizer", "trained", "learning_rate", "accuracy")
RATES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
HEAD_FACTOR = 100.0
"""On the rates where the head alone trains: what is drawn wants higher ones."""
FOUR, ONE, EMBEDDING, WHOLE = "last 4", "last", "full but embedding", "full"
HEAD = "head"
ABOVE = {HEAD: 0, ONE: 1, FOUR: 4}
"""Groups that train besides the head, counted from it."""
FROM_STEM = {EMBEDDING: 1, WHOLE: 0}
"""Groups that are frozen, counted from the stem."""


class Map:
    """The cells of one case."""

    def __init__(self, asked: argparse.Namespace, case: Case) -> None:
        learn = subset(case.images, asked.learn or 1.0, asked.seed, "--learn")
        self.asked, self.case = asked, replace(case, images=judged_by_the_rest(case, learn))
        self.head = len(case.pretrained.groups) - 1
        self.reuse = Reuse(
            case.pretrained,
            self.case.images,
            plan_of(
                case.pretrained,
                strategy="staged",
                max_trials=1,
                compute=1.0,
                epochs=asked.epochs,
                rates=(1e-9, 1.0),
                enqueued=(),
                views=asked.epochs,
                cache_bytes=2**34,
                cache_precision="float32",
                seed=asked.seed,
                precision="off",
            ),
            case.folder / "cache",
            CPU,
        )

    def freeze_depth(self, trained: str) -> int:
        """Where what trains begins."""
        return FROM_STEM[trained] if trained in FROM_STEM else self.head - ABOVE[trained]

    def named(self, trained: str) -> str:
        """What trains, as `benchmarks/replay.py` reads it: a layer's name says where it begins."""
        if trained not in (ONE, FOUR):
            return trained
        return self.case.pretrained.layers[self.freeze_depth(trained)].partition("+")[0]

    def setting(self, trained: str, rate: float) -> Setting:
        """A cell's."""
        head = rate if self.asked.one_rate or trained == HEAD else self.asked.head_rate
        return Setting(
            freeze_depth=self.freeze_depth(trained),
            learning_rate=head,
            backbone_rate=1.0 if trained == HEAD else rate / head,
        )

    def accuracy(self, trained: str, rate: float) -> float:
        """Train a cell; its accuracy, percent."""
        asked, setting = self.asked, self.setting(trained, rate)
        seed = derived_seed(asked.seed, 0, 3)
        model = self.reuse.model(setting, seed)
        inputs = self.reuse.inputs(model, setting, seed)
        feed = inputs.feed
        if isinstance(feed, ImageFeed):  # a pass over all of them each epoch would say no more
            feed = replace(feed, images=replace(feed.images, val=few(feed.images)))
        recipe = Recipe(
            setting=setting,
            epochs=asked.epochs,
            patience=asked.epochs,
            seed=seed,
            precision="off",
        )
        try:
            fitted(
                self.case,
                model,
                feed,
                recipe,
                device=CPU,
                on_epoch=unheard,
                forward=inputs.forward,
            )
        except DivergedError:
            return 0.0
        task, batches = self.case.images.task, inputs.feed.validation()
        reached = validate(
            model, batches, task, device=CPU, forward=inputs.forward, size=feed.batch_size
        )
        return 100 * reached.score

    def rows(self) -> Iterator[dict[str, Any]]:
        """A cell after the other."""
        for trained in self.asked.trained:
            for rate in self.asked.rates:
                own = rate * HEAD_FACTOR if trained == HEAD else rate
                yield {
                    "network": self.case.pretrained.config.architecture,
                    "dataset": self.asked.name,
                    "optimizer": "AdamW",
                    "trained": self.named(trained) + (", one rate" if self.asked.one_rate else ""),
                    "learning_rate": f"{own:.0e}".replace("e-0", "e-"),
                    "accuracy": round(self.accuracy(trained, own), 1),
                }


def judged_by_the_rest(case: Case, learn: Images) -> Images:
    """The images with all that are not learnt from as validation."""
    train, val, test = learn.train, case.images.val, case.test
    spare = np.setdiff1d(case.images.train.indices, train.indices)
    own = dict(zip(case.images.train.indices, case.images.train.targets, strict=True))
    rest = replace(
        val,
        indices=np.concatenate([val.indices, test.indices, spare]),
        targets=np.concatenate([val.targets, test.targets, [own[one] for one in spare]]).astype(
            val.targets.dtype
        ),
    )
    return replace(learn, val=rest)


def few(images: Images) -> Split:
    """A batch of the validation images: what is looked at after each epoch."""
    val = images.val
    return replace(val, indices=val.indices[:BATCH], targets=val.targets[:BATCH])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options_of_one(parser, limit=468)
    parser.add_argument("--name", help="of the images in the rows; else the file's")
    parser.add_argument("--csv", type=Path, help="where the rows go as well, one by one")
    parser.add_argument("--learn", type=int, help="images to train on; else half of them")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--head-rate", type=float, default=1e-2)
    parser.add_argument("--one-rate", action="store_true", help="the head at the cell's rate too")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    named = [*ABOVE, *FROM_STEM]
    parser.add_argument("--trained", nargs="+", default=named, choices=named)
    asked = parser.parse_args()
    asked.name = asked.name or Path(asked.data).stem
    with prepared(asked) as case:
        write(Map(asked, case), asked.csv)


def write(cells: Map, path: Path | None) -> None:
    """Print every row as it comes, and keep it."""
    outputs = [sys.stdout]
    if path:
        new = not path.exists()
        outputs.append(path.open("a", newline="", buffering=1))
        if new:
            csv.DictWriter(outputs[1], COLUMNS, lineterminator="\n").writeheader()
    for row in cells.rows():
        for output in outputs:
            csv.DictWriter(output, COLUMNS, lineterminator="\n").writerow(row)
            output.flush()


if __name__ == "__main__":
    main()
