"""How long a run may take, by what it has to compute and how fast this machine is.

Search and training are counted in multiply-accumulates, as the search counts its own budget; a
second of training tells what one takes here. The other tasks take what they took on the machine
named in docs/benchmarks.md, and longer where training is slower than it was there: on a slow
machine, or on one that does other work. What a task then really took corrects the next forecast in
this project. A forecast decides nothing but the values of `--budget`.
"""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.data.images.sizing import near
from components.frame import files
from components.model.weights.place import PACKAGED
from components.study.values import FEW, FOLDS
from flows.parameters.architectures import architectures
from flows.pipeline.census import Census
from flows.project import Project, environment
from flows.runtime import process

Seconds = dict[str, float]
"""By task, in their order."""

ONCE: Seconds = {
    "sync": 1,
    "ingest": 3,
    "validate": 3,
    "split": 3,
    "base": 7,
    "augment": 8,
    "search": 9,
    "train": 7,
    "evaluate": 6,
    "report": 9,
    "publish": 8,
    "register": 12,
    "judge": 3,
    "promote": 2,
    "push": 2,
}
"""What each task takes whatever the images are."""
EACH: Seconds = {
    "ingest": 0.001,
    "validate": 0.003,
    "search": 0.005,
    "train": 0.001,
    "evaluate": 0.001,
}
"""What each image adds: it is decoded, hashed, or brought to its size."""
AUGMENTING = 0.0012
"""Seconds that preparing an image for training takes, each time it is seen."""
PASSES = 3
"""Training an image costs as much as this many passes."""
PROBES = 2
"""Cheap trials of the staged strategy besides its budget, each a third as long as a trial."""
EACH_TRIAL = 0.008
"""What each trial adds to the budget of the staged strategy; see components/study/strategies."""
HALF = 0.6
"""What a trial of `tpe` costs on the mean, of one that trains everything."""
PATIENCE = 120
"""Seconds that finding out the speed may take."""
SMALL = 1e12
"""Multiply-accumulates of a run that takes about a minute anywhere."""
ASSUMED = 2e10
"""Multiply-accumulates a second of a machine of which nothing is known, and of that on which `ONCE`
and `EACH` were taken."""
FURTHEST = 10.0
"""Factor by which what a task took may correct the next forecast, at most."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What search and training have to compute, in passes of images through the network."""

    search: float
    train: float
    prepared: int
    """Images that training prepares."""


def size(values: Mapping[str, Any], census: Census) -> int:
    """The side of the images that the network will see, pixels."""
    if values["augment.image_size"] != "auto":
        return int(values["augment.image_size"])
    native, limit = architectures()[network(values)].size, values["augment.image_size_limit"]
    return near(census.side, native, limit)


def network(values: Mapping[str, Any]) -> str:
    """The network's bare name; the packaged one where only the weights will tell."""
    name = str(values["base.architecture"]).partition(".")[0]
    return name if name in architectures() else PACKAGED


def work(values: Mapping[str, Any], images: int) -> Work:
    """What search and training may have to compute at most, were every layer trained."""
    validation = images * values["split.val_fraction"]
    training = images * (1 - values["split.test_fraction"]) - validation
    epoch = PASSES * training + validation
    learnt = training * _part(values["search.subset"], training)
    folds, pool = _folds(values, validation), learnt + validation
    seen = PASSES * learnt + validation if folds == 1 else PASSES * (folds - 1) * pool + pool
    trial, trials = values["search.epochs"] * seen, values["search.max_trials"]
    if values["search.strategy"] == "staged":
        tried = values["search.compute"] * (1 + EACH_TRIAL * trials) + PROBES / 3
    elif values["search.strategy"] == "baseline":
        tried = values["search.confirmation_runs"]
    else:
        tried = HALF * (trials + 2 * values["search.confirmation_runs"])
    epochs = values["train.epochs"]
    return Work(search=tried * trial, train=epochs * epoch, prepared=int(epochs * training))


def _folds(values: Mapping[str, Any], validation: float) -> int:
    """Over how many a trial is scored."""
    if values["search.folds"] != "auto":
        return int(values["search.folds"])
    return FOLDS if validation < FEW and values["search.strategy"] != "baseline" else 1


def _part(subset: float, images: float) -> float:
    """The fraction of the images that a subset is: it names a fraction, or how many."""
    return subset if isinstance(subset, float) else min(1.0, subset / images)


def expected(
    values: Mapping[str, Any], census: Census, pass_seconds: float, corrections: Mapping[str, float]
) -> Seconds:
    """Seconds that each task may take.

    Args:
        values: all parameters by name.
        census: of the images.
        pass_seconds: what an image takes to pass the network once, at the size in use.
        corrections: factors by task.
    """
    todo = work(values, census.images)
    slower = max(1.0, pass_seconds * ASSUMED / macs(values, census))
    computing = {
        "search": todo.search * pass_seconds,
        "train": todo.train * pass_seconds + slower * todo.prepared * AUGMENTING,
        "evaluate": census.images * values["split.test_fraction"] * pass_seconds,
    }
    return {
        task: (slower * (once + EACH.get(task, 0) * census.images) + computing.get(task, 0))
        * corrections.get(task, 1)
        for task, once in ONCE.items()
    }


def macs(values: Mapping[str, Any], census: Census) -> float:
    """Multiply-accumulates of one pass of one image, at the size in use."""
    return _macs(network(values), size(values, census))


def _macs(architecture: str, side: int) -> float:
    known = architectures()[architecture]
    return known.macs * (side / known.size) ** 2


def pass_seconds(project: Project, values: Mapping[str, Any], census: Census) -> float:
    """What an image takes to pass the network once here; kept, and measured where it is not.

    For a small run no measurement is made: it is assumed, or follows from one at another size.
    """
    todo, each = work(values, census.images), macs(values, census)
    name = f"{network(values)} {size(values, census)}"
    known = _kept(project).get("pass_seconds", {})
    if name not in known and (todo.search + todo.train) * each < SMALL:
        return each * max([1 / ASSUMED, *map(_each_mac, known.items())])
    return float(known[name]) if name in known else _measured(project, name)


def _each_mac(measured: tuple[str, float]) -> float:
    """Seconds a multiply-accumulate, of a network and a size and what a pass took."""
    (architecture, side), seconds = measured[0].split(), measured[1]
    return seconds / _macs(architecture, int(side))


def _measured(project: Project, name: str) -> float:
    """Of a network and a size, such as `resnet18 96`; kept."""
    done = subprocess.run(
        process.module("components.model.speed", *name.split()),
        cwd=project.root,
        env={**environment(project), "OMP_WAIT_POLICY": "PASSIVE"},  # as the stages have it
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    measured, kept = float(done.stdout.splitlines()[-1]) / PASSES, _kept(project)
    kept["pass_seconds"] = {**kept.get("pass_seconds", {}), name: measured}
    files.write_json(_file(project), kept)
    return measured


def forget_speed(project: Project) -> None:
    """Have it measured anew: a machine that was busy then may not be so now."""
    kept = _kept(project)
    if kept.pop("pass_seconds", None) is not None:
        files.write_json(_file(project), kept)


def corrections(project: Project) -> dict[str, float]:
    """By what factor each task took longer than was expected when it last ran here."""
    return dict(_kept(project).get("corrections", {}))


def correct(project: Project, task: str, expected: float, took: float) -> None:
    """Take up what a whole task took."""
    kept = _kept(project)
    before = kept.setdefault("corrections", {}).get(task, 1.0)
    factor = before * took / max(expected, 1e-9)
    kept["corrections"][task] = min(max(factor, 1 / FURTHEST), FURTHEST)
    files.write_json(_file(project), kept)


def grouped(seconds: Mapping[str, float], tasks: Iterable[str]) -> Seconds:
    """Search, training, and all the rest together, of these tasks."""
    chosen = {task: seconds[task] for task in tasks if task in seconds}
    apart = {task: chosen.pop(task) for task in ("search", "train") if task in chosen}
    return apart | {"the rest": sum(chosen.values())}


def _kept(project: Project) -> dict[str, Any]:
    """What this machine was found to be like; nothing where that is missing or torn."""
    try:
        kept = files.read_json(_file(project))
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _file(project: Project) -> Path:
    return project.private / "speed.json"
