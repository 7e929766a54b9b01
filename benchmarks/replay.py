"""The staged search on accuracies that others measured: what it would choose, without training.

    python benchmarks/replay.py --data FILE.csv
    python benchmarks/replay.py --data FILE.csv --json --compute 4 --validation 250

What is played is what is shipped: `params/search.yaml`, but for folds, and `fallback` of
`params/train.yaml`.

A file has the columns network, dataset, optimizer, trained, learning_rate, accuracy; accuracies are
fractions, or percent where one is above 1; without a column `optimizer` it is --optimizer. Each
network, dataset and optimizer is a row of its own, and is searched --seeds times.

`trained` says what the accuracy is of: `full`; `head`; `full but embedding`, or another name with
"but" in it, for all but the first layers; `lora` or `norms` for what trains few parameters of every
layer; or a layer such as `blocks.6`, from which on all are trained. Such a layer lies in the
network as its one number says, the last one at the highest; names without lie apart evenly. Where
nothing is said of the frozen embedding, it is as good as `full` at a rate that is higher by
EMBEDDING_SHIFT with SGD on a transformer, and at the same one elsewhere. Where nothing is said of
the head, it is as bad as the worst that was measured: it tells the search nothing.

A trial's score is the accuracy at its rate, interpolated between the measured rates on their
logarithmic scale, as so many of --validation images drawn with that probability. Beyond the
measured rates it falls: the error is 1 + x^2 times that at the last one, x decades beyond it, which
is steeper than what was measured around the best rates of CLIP; or, where the last two fall
outwards already, the line through them goes on, if it is lower. What kind of network it is, is told
by its name alone. No curve says what a short trial reaches: a probe of a quarter of the epochs is
taken for as good as a full trial at a quarter of its rate, but no better than at its rate.

A search reaches the noise-free accuracy of what it chooses; where the head alone was measured, a
linear model as good as that stands behind the training, and is kept where it is ahead on other
validation images. With several seeds their mean counts. It is to be no more than one standard error
of --validation images below the best measured cell.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import inf, log10, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import optuna
import pandas as pd

from components.frame import files
from components.frame.seeds import derived_seed
from components.model.families import Family, family_of_name
from components.model.partial.cost import Cost
from components.search import SearchParams
from components.study.plan import Plan
from components.study.rates import body_rates, head_rates, is_plain
from components.study.space import Space
from components.study.strategies.staged import staged
from components.study.strategies.strategy import Notes, session
from components.study.trial import Asked, Trial
from components.training.history import Epoch
from components.training.recipe import DEFAULTS, Setting

ROW = ["network", "dataset", "optimizer"]
FULL, EMBEDDING, HEAD = "full", "all but embedding", "head"
FEW: Mapping[str, Mapping[str, Any]] = {"lora": {"lora_rank": 8}, "norms": {"tuning": "norms"}}
"""What trains few parameters of all layers, as settings have it."""
EMBEDDING_SHIFT = 3.0
"""By so much higher rates suit SGD where the embedding is frozen: the lower end of the 3 to 10
that CLIP ViT-B/16 shows (arXiv:2211.09359)."""
EMBEDDING_COST, BODY_COST, HEAD_COST = 10, 990, 1
"""Of a pass, about."""
NORM_SCALE: Mapping[Family, float] = {"batch_norm": 0.23}
"""Of networks that torchvision trained (docs/decisions/0007-rates-by-the-gains-they-change.md)."""
TRAIN = 1000
"""Images to train on."""
PARAMS = Path(__file__).parents[1] / "params"
SHIPPED = SearchParams.model_validate(files.read_yaml(PARAMS / "search.yaml"))
FALLBACK = files.read_yaml(PARAMS / "train.yaml")["fallback"] == "linear"
"""Whether a linear model stands behind the training."""


@dataclass(frozen=True)
class Curve:
    """Accuracies by learning rate, of one way to train."""

    rates: tuple[float, ...]
    """From the lowest up."""
    accuracies: tuple[float, ...]
    """0 to 1."""

    def at(self, rate: float) -> float:
        """The accuracy at a rate: interpolated, or beyond the ends lower than there."""
        places, place = [log10(one) for one in self.rates], log10(rate)
        cells = list(zip(places, self.accuracies, strict=True))
        if place < places[0]:
            return _extrapolated(cells[0], cells[1:2], place)
        if place > places[-1]:
            return _extrapolated(cells[-1], cells[-2:-1], place)
        return float(np.interp(place, places, self.accuracies))

    def shifted(self, factor: float) -> "Curve":
        """The same accuracies at rates that are higher by a factor."""
        return Curve(tuple(rate * factor for rate in self.rates), self.accuracies)


def _extrapolated(
    end: tuple[float, float], inner: Sequence[tuple[float, float]], place: float
) -> float:
    away = abs(place - end[0])
    value = 1 - (1 - end[1]) * (1 + away**2)
    for before in inner:
        fall = (before[1] - end[1]) / abs(before[0] - end[0])
        value = min(value, end[1] - max(0.0, fall) * away)
    return max(0.0, value)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one network on one dataset with one optimizer."""

    network: str
    dataset: str
    optimizer: str
    curves: Mapping[str, Curve]
    """By what is trained."""

    @cached_property
    def family(self) -> Family:
        """By the network's name."""
        return family_of_name(self.network)

    @cached_property
    def plain(self) -> bool:
        """Whether the optimizer is SGD or its like."""
        return is_plain(self.optimizer.lower())

    @cached_property
    def best(self) -> float:
        """The highest accuracy that was measured."""
        return max(max(curve.accuracies) for curve in self.curves.values())

    @cached_property
    def head(self) -> float:
        """The best of the head alone; none: the worst of all."""
        if HEAD in self.curves:
            return max(self.curves[HEAD].accuracies)
        return min(min(curve.accuracies) for curve in self.curves.values())

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The first trained one by freeze depth: whole, all but the embedding, others, the head."""
        named = [one for one in self.curves if one not in {FULL, EMBEDDING, HEAD, *FEW}]
        return (FULL, EMBEDDING, *sorted(named, key=_number), HEAD)

    def value(self, setting: Setting, schedule: float = 1.0) -> float:
        """The noise-free accuracy of a setting, after a fraction of the measured schedule.

        So far as a short one goes, its rate might as well have been lower by that fraction; but
        what a rate undoes, it undoes at once.
        """
        short = replace(setting, learning_rate=setting.learning_rate * schedule)
        return min(self._value(setting), self._value(short))

    def _value(self, setting: Setting) -> float:
        layer = self.layers[setting.freeze_depth]
        if layer == HEAD and HEAD not in self.curves:
            return self.head
        few = next((one for one in FEW if _asks(setting, one)), None)
        body = setting.learning_rate * (1.0 if layer == HEAD else setting.backbone_rate)
        return self.curve(few or layer).at(body)

    def curve(self, trained: str) -> Curve:
        """What was measured, or what stands for it."""
        if trained in self.curves:
            return self.curves[trained]
        other = self.curves[FULL if trained == EMBEDDING else EMBEDDING]
        attends = self.family in {"transformer", "contrastive"}
        shift = EMBEDDING_SHIFT if self.plain and attends else 1.0
        return other.shifted(shift if trained == EMBEDDING else 1 / shift)

    def space(self, asked: argparse.Namespace, seed: int) -> Space:
        """The settings that the search may try."""
        optimizer = "sgd" if self.plain else "adamw"
        few = {
            name: (DEFAULTS[name], value)
            for one in FEW
            if one in self.curves
            for name, value in FEW[one].items()
        }
        single = {name: (value,) for name, value in DEFAULTS.items()}
        rates = head_rates(optimizer)
        layers = self.layers
        lowest = 0 if {FULL, EMBEDDING} & {*self.curves} else 2
        depths = {"head": len(layers) - 1, 0: lowest}
        plan = Plan(
            strategy="staged",
            max_trials=asked.trials,
            max_minutes=None,
            compute=asked.compute,
            epochs=SHIPPED.epochs,
            freeze_depths=(lowest, len(layers) - 1),
            rates=rates,
            body=body_rates(self.family, optimizer),
            family=self.family,
            enqueued=tuple(
                Setting(freeze_depth=depths[one.freeze_depth], learning_rate=one.learning_rate)
                for one in SHIPPED.enqueue
            ),
            prune_after=0,
            head=SHIPPED.head,
            confirmation_runs=SHIPPED.confirmation_runs,
            views=SHIPPED.views,
            cache_bytes=2**34,
            cache_precision="float32",
            batch_size=32,
            choices=single | {"optimizer": (optimizer,)} | few,
            seed=seed,
            precision="off",
            workers=0,
        )
        return Space(
            plan=plan,
            cost=Cost((EMBEDDING_COST, *_between(layers[2:-1]), HEAD_COST)),
            layers=layers,
            train_rows=TRAIN,
            validation_rows=asked.validation,
            norm_scales=(NORM_SCALE.get(self.family, inf),) * len(layers),
            highest_score=1.0,
        )


def _number(layer: str) -> tuple[float, str]:
    """Layers in their order, as far as their names tell."""
    digits = "".join(filter(str.isdigit, layer))
    return (float(digits) if digits else 0.0, layer)


def _between(blocks: Sequence[str]) -> Iterator[int]:
    """What lies before each of some blocks, and behind the last."""
    numbers = [re.findall(r"\d+", one) for one in blocks]
    told = all(len(found) == 1 for found in numbers)
    ends = [int(found[0]) if told else place for place, found in enumerate(numbers, 1)]
    last = max(ends, default=0) + 1
    for begin, end in pairwise([0, *ends, last]):
        yield max(1, round(BODY_COST * (end - begin) / last))


def _asks(setting: Setting, few: str) -> bool:
    return any(getattr(setting, name) == value for name, value in FEW[few].items())


def rows_of(path: Path, optimizer: str) -> Iterator[Row]:
    """The rows of a file, in its order."""
    table = pd.read_csv(path)
    if "optimizer" not in table:
        table = table.assign(optimizer=optimizer)
    missing = {*ROW, "trained", "learning_rate", "accuracy"} - {*table.columns}
    if missing:
        raise SystemExit(f"{path} must have the columns {', '.join(sorted(missing))}, but has not.")
    table = table.dropna(subset=["learning_rate", "accuracy"])
    scale = 100 if table["accuracy"].max() > 1 else 1
    table = table.assign(accuracy=table["accuracy"] / scale, trained=table["trained"].map(_trained))
    for names, own in table.groupby(ROW, sort=False):
        yield Row(
            **dict(zip(ROW, map(str, names), strict=True)),
            curves={str(one): _curve(some) for one, some in own.groupby("trained", sort=False)},
        )


def _trained(said: object) -> str:
    """What is trained, by one name."""
    text = str(said).strip().lower()
    if " but " in text or "embed" in text:
        return EMBEDDING
    words = {"linear": HEAD, "frozen": HEAD, "classifier": HEAD, "all": FULL, "whole": FULL}
    return next((few for few in FEW if few in text), words.get(text, text))


def _curve(table: pd.DataFrame) -> Curve:
    means = table.groupby("learning_rate")["accuracy"].mean().sort_index()
    return Curve(tuple(map(float, means.index)), tuple(map(float, means)))


def play(row: Row, space: Space, notes: Notes) -> tuple[Setting | None, list[Trial]]:
    """Search a row; what was chosen, and the trials."""
    trials: list[Trial] = []
    asking = session(space, staged(space, notes), notes, lambda _: False)
    try:
        asked = next(asking)
        while True:
            trials.append(_trial(row, space, asked, len(trials)))
            asked = asking.send(trials[-1])
    except StopIteration as ended:
        chosen: Setting | None = ended.value
        return chosen, trials


def _trial(row: Row, space: Space, asked: Asked, number: int) -> Trial:
    """A trial that reaches the accuracy of its setting, as far as the images tell."""
    images = space.validation_rows
    draw = np.random.default_rng(derived_seed(space.plan.seed, number))
    value = row.value(asked.setting, asked.epochs / space.plan.epochs)
    score = float(draw.binomial(images, value) / images)
    near = (score * images + 1) / (images + 2)
    short = (one for one in range(1, asked.epochs) if asked.falls_short(one, score))
    epochs = next(short, asked.epochs)
    freeze_depth = asked.setting.freeze_depth
    cached = space.cacheable(freeze_depth)
    return Trial(
        number=number,
        state="pruned" if asked.stage == "probe" or epochs < asked.epochs else "complete",
        origin=asked.origin,
        stage=asked.stage,
        layer=space.layers[freeze_depth],
        trained_fraction=space.fraction(freeze_depth),
        setting=asked.setting,
        history=tuple(
            Epoch(
                epoch=one,
                train_loss=0.0,
                train_score=0.0,
                validation_loss=1 - score,
                validation_score=score,
                validation_score_error=sqrt(near * (1 - near) / images),
                learning_rate=0.0,
            )
            for one in range(1, epochs + 1)
        ),
        cost=epochs * space.epoch(freeze_depth, cached=cached),
        cached=cached,
        why="",
        audit=(),
    )


def kept(row: Row, trained: float, images: int, seed: int) -> float:
    """The accuracy of what is kept, a training or the linear model, by validation images.

    Half of these are as hard for both, which has them disagree on about as many as models do.
    """
    if not FALLBACK or HEAD not in row.curves:
        return trained
    draws = np.random.default_rng(derived_seed(seed, images)).random((3, images))
    hard = np.where(np.arange(images) % 2 == 0, draws[0], draws[1:])
    right = (hard < [[trained], [row.head]]).sum(axis=1)
    return trained if right[0] >= right[1] else row.head


def replayed(row: Row, asked: argparse.Namespace) -> dict[str, Any]:
    """What the search comes to on a row, over all seeds."""
    reached, spent = [], []
    for seed in range(asked.seeds):
        space, notes = row.space(asked, seed), Notes()
        chosen, trials = play(row, space, notes)
        reached.append(kept(row, row.value(chosen) if chosen else 0.0, asked.validation, seed))
        spent.append(sum(trial.cost for trial in trials) / space.whole)
        if asked.verbose and seed == 0:
            print(*(sentence for _, sentence in notes.sentences), sep="\n")
    error = sqrt(row.best * (1 - row.best) / asked.validation)
    least = row.best - error
    return {
        "network": row.network,
        "dataset": row.dataset,
        "optimizer": row.optimizer,
        "best": round(row.best, 6),
        "reached": round(fmean(reached), 6),
        "within_one_standard_error": fmean(reached) >= least,
        "standard_error": round(error, 6),
        "seeds_within": sum(one >= least for one in reached) / len(reached),
        "head": round(row.head, 6) if HEAD in row.curves else None,
        "below_head": HEAD in row.curves and min(reached) < row.head,
        "full_fine_tunings": round(fmean(spent), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a CSV file of accuracies")
    parser.add_argument("--optimizer", default="SGD", help="of a file that has no such column")
    parser.add_argument("--compute", type=float, default=SHIPPED.compute)
    parser.add_argument("--trials", type=int, default=SHIPPED.max_trials)
    parser.add_argument("--validation", type=int, default=500, help="validation images")
    parser.add_argument("--seeds", type=int, default=8, help="searches of each row")
    parser.add_argument("--verbose", action="store_true", help="every decision of the first seed")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    report(asked, [replayed(row, asked) for row in rows_of(asked.data, asked.optimizer)])


def report(asked: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table, and what others read."""
    print("| network | dataset | optimizer | best | reached | 1 SE | within | head | spent |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        head = "" if row["head"] is None else f"{row['head']:.3f}"
        print(
            f"| {row['network']} | {row['dataset']} | {row['optimizer']} | {row['best']:.3f} "
            f"| {row['reached']:.3f} | {row['standard_error']:.3f} | {row['seeds_within']:.0%} "
            f"| {head}{' BELOW' if row['below_head'] else ''} | {row['full_fine_tunings']} |"
        )
    within = sum(row["within_one_standard_error"] for row in rows)
    below = sum(row["below_head"] for row in rows)
    print(f"{within} of {len(rows)} within a standard error; {below} below the head in some seed")
    if asked.json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
