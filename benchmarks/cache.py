"""A trial from the frozen-feature cache against the same trial from the images, by freeze depth.

    python benchmarks/cache.py                               the digits, packaged weights
    python benchmarks/cache.py --data PATH --weights FILE    other images and weights

Both are trials as the search runs them, on one thread and in turns: an epoch trains and validates,
images are decoded once and augmented each time they are trained on. What is compared is the
median CPU-seconds of an epoch, the first of each trial left out; ratios are given as their median
and, in brackets, smallest and largest value over the repeats. "Everything": against an epoch that
trains all layers, which is what a trial at a good freeze depth saves. "Counted": what
multiply-accumulates promise for the same freeze depth.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from benchmarks.cases import Case, add_options_of_one, prepared
from benchmarks.fits import fitted, plan_of
from components.study.plan import Plan
from components.study.trial_inputs import Reuse
from components.training.history import Epoch
from components.training.recipe import Recipe, Setting

SEED = 0
CPU = torch.device("cpu")
KINDS = ("images", "float32", "float16")


@dataclass(frozen=True, kw_only=True)
class TimedTrial:
    """One trial."""

    epoch: float
    """CPU-seconds, median."""
    filling: float
    """CPU-seconds until the first epoch."""
    history: tuple[Epoch, ...]
    state: dict[str, torch.Tensor]
    numbers: int
    """Of what it reads for each image."""


class Trials:
    """One case: trials of it from the images, and from the cache in either precision."""

    def __init__(self, asked: argparse.Namespace, case: Case) -> None:
        self.asked, self.case = asked, case
        self.variants = {
            kind: Reuse(case.pretrained, case.images, self._plan(kind), case.folder / kind, CPU)
            for kind in KINDS
        }
        self.space = self.variants["images"].space

    def _plan(self, kind: str) -> Plan:
        asked = self.asked
        return plan_of(
            self.case.pretrained,
            strategy="staged",
            max_trials=1,
            compute=1.0,
            epochs=asked.epochs,
            rates=(asked.rate, asked.rate),
            enqueued=(),
            views=asked.views,
            cache_bytes=0 if kind == "images" else 2**36,
            cache_precision="float16" if kind == "float16" else "float32",
            seed=SEED,
            precision="off",
        )

    def run(self, kind: str, freeze_depth: int) -> TimedTrial:
        """Train once, with equal draws every time."""
        reuse, asked = self.variants[kind], self.asked
        setting = Setting(freeze_depth=freeze_depth, learning_rate=asked.rate)
        recipe = Recipe(
            setting=setting,
            epochs=asked.epochs,
            patience=asked.epochs,
            seed=SEED,
            precision="off",
        )
        model = reuse.network.renew(SEED)
        begun = time.process_time()
        inputs = reuse.inputs(model, setting, SEED)
        if kind != "images" and inputs.why:
            raise SystemExit(f"freeze depth {freeze_depth} is not cached: {inputs.why}")
        ends = [time.process_time()]

        def on_epoch(*_: object) -> bool:
            ends.append(time.process_time())
            return False

        done = fitted(
            self.case,
            model,
            inputs.feed,
            recipe,
            device=CPU,
            on_epoch=on_epoch,
            forward=inputs.forward,
        )
        state = {name: value.clone() for name, value in model.state_dict().items()}
        numbers = next(inputs.feed.validation()).inputs[0].numel()
        epoch = float(np.median(np.diff(ends)[1:]))
        return TimedTrial(
            epoch=epoch,
            filling=ends[0] - begun,
            history=done.history,
            state=state,
            numbers=numbers,
        )

    def row(self, freeze_depth: int) -> dict[str, Any]:
        """Trials at one freeze depth in turns, and what they end with."""
        runs: dict[str, list[TimedTrial]] = {kind: [] for kind in (*KINDS, "everything")}
        for _ in range(self.asked.repeats):
            for kind in KINDS:
                runs[kind].append(self.run(kind, freeze_depth))
            runs["everything"].append(self.run("images", 0))
        images, single, half = (runs[kind][0] for kind in KINDS)
        cached = np.array([run.epoch for run in runs["float32"]])
        counted = [self.space.epoch(freeze_depth, cached=kind) for kind in (False, True)]
        return {
            "freeze_depth": freeze_depth,
            "layer": self.space.layers[freeze_depth],
            "pass": self.space.fraction(freeze_depth),
            "same_freeze_depth": spread(np.array([run.epoch for run in runs["images"]]) / cached),
            "everything": spread(np.array([run.epoch for run in runs["everything"]]) / cached),
            "counted": counted[0] / counted[1],
            "cached_seconds": float(np.median(cached)),
            "filling_seconds": single.filling,
            "kib_a_image": single.numbers * 4 / 1024,
            "equal_to_the_bit": equal(images, single),
            "accuracies": [run.history[-1].validation_score for run in (images, single, half)],
        }


def equal(one: TimedTrial, other: TimedTrial) -> bool:
    """Whether two trials have the same history and end with the same weights."""
    same = (torch.equal(value, other.state[name]) for name, value in one.state.items())
    return one.history == other.history and all(same)


def spread(ratios: np.ndarray) -> list[float]:
    """Median, smallest and largest."""
    return [float(np.median(ratios)), float(ratios.min()), float(ratios.max())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options_of_one(parser, limit=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    asked = parser.parse_args()
    with prepared(asked) as case:
        report(asked, Trials(asked, case))


def report(asked: argparse.Namespace, trials: Trials) -> None:
    """A table, and what others read."""
    name, images = trials.case.pretrained.config.architecture, len(trials.case.images.train)
    print(f"{name}, {asked.data}, {asked.size} px, {images} images to train on")
    print(
        "| frozen before | of a pass | same freeze depth | counted | everything | cached epoch, s "
        "| filling, s | KiB an image | from images, float32, float16 | equal to the bit |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for freeze_depth in range(1, trials.space.head + 1):
        if trials.space.cacheable(freeze_depth):
            rows.append(row := trials.row(freeze_depth))
            print(shown(row), flush=True)
    if asked.json:
        print(json.dumps({"network": name, "data": asked.data, "rows": rows}))


def shown(row: dict[str, Any]) -> str:
    """A row of the table."""
    ratios = (
        "{:.3g} ({:.3g} to {:.3g})".format(*row[key]) for key in ("same_freeze_depth", "everything")
    )
    same, everything = ratios
    accuracies = ", ".join(f"{value:.3f}" for value in row["accuracies"])
    return (
        f"| {row['freeze_depth']} {row['layer']} | {row['pass']:.2f} | {same} | "
        f"{row['counted']:.3g} | {everything} | {row['cached_seconds']:.3f} | "
        f"{row['filling_seconds']:.2f} | {row['kib_a_image']:.1f} | {accuracies} "
        f"| {'yes' if row['equal_to_the_bit'] else 'NO'} |"
    )


if __name__ == "__main__":
    main()
