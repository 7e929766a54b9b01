"""The one training loop: search and train both call it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from components.data.batch import Batch
from components.frame.seeds import derived_seed
from components.model.audit import GroupReport, audit, require_rates
from components.model.batch_norm import reestimate
from components.model.device import autocast
from components.model.freezing import train_only
from components.model.groups import Group, behind
from components.model.head import known_outputs
from components.tasks.task import Array, Task
from components.training import checkpoint
from components.training.checkpoint import Checkpoint, Tensors
from components.training.history import Epoch, Fit, OnEpoch
from components.training.optimizers import make_optimizer, scale
from components.training.recipe import Recipe
from components.training.schedules import Moment, fraction
from components.training.soup import MOST, Soup, cook
from components.training.step import DivergedError, Stepper
from components.training.techniques.registry import requested
from components.training.techniques.technique import Technique
from components.training.validate import Forward, Validated, validate, whole
from components.training.world import ALONE, World

ENOUGH = 32
"""Batches whose statistics stand for those of all training images."""


class Feed(Protocol):
    """What a fit reads: images, or features of them, in batches."""

    @property
    def batch_size(self) -> int:
        """Rows a batch; the last one of validation may have fewer."""
        ...

    @property
    def targets(self) -> Array:
        """Those of all images that are trained on, as the task's loss takes them."""
        ...

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, from 1; the same ones each time it is asked for."""
        ...

    def steps(self) -> int:
        """Batches an epoch."""
        ...

    def validation(self) -> Iterator[Batch]:
        """All validation images."""
        ...


@dataclass(kw_only=True)
class _State:
    """Where a fit stands."""

    history: list[Epoch] = field(default_factory=list)
    speed: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and images a second of each epoch; kept for the events alone."""
    best: Epoch | None = None
    kept: dict[int, Tensors] = field(default_factory=dict)
    """The weights of the best epochs by their number, the best one first."""
    stopped: bool = False
    techniques: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each technique did in the last epoch."""


def fit(
    model: nn.Module,
    groups: tuple[Group, ...],
    feed: Feed,
    task: Task,
    recipe: Recipe,
    *,
    device: torch.device,
    keep: Path,
    keep_best: bool,
    on_epoch: OnEpoch,
    forward: Forward | None = None,
    soup: bool = False,
    save_after: float = 0.0,
    world: World = ALONE,
) -> Fit:
    """Train `model` in place; a killed fit goes on from the last epoch in the file `keep`.

    With `keep_best` the model ends with the weights of its best epoch, otherwise of its last; with
    `soup` besides with those of its best epochs, averaged as far as that makes it better.
    The file is written at the end of an epoch, where `save_after` seconds have passed since the fit
    began or it was last written. `forward` takes what the feed gives, where that is not images, to
    the model's outputs. However the fit ends, the model has its own form again. Of the processes of
    `world` the first one validates, keeps and cooks: the others' models are of no use afterwards.

    Raises:
        DivergedError: a loss is no number.
        TooLargeError: a batch does not fit into memory, in however many parts.
        InertError: what the recipe asks for is not in force.
    """
    techniques = requested(recipe.setting, task)
    with ExitStack() as ends:
        for technique in techniques:
            ends.callback(technique.finish, model)
        model.to(device).to(memory_format=torch.channels_last)
        optimizer, prepared, in_force = _prepared(model, groups, recipe, techniques)
        start = checkpoint.model_state(model) if soup else {}
        stepper = Stepper(
            model,
            forward or whole(model),
            optimizer,
            task,
            device=device,
            precision=recipe.precision,
            loss=task.loss(recipe.setting.loss_request, feed.targets),
            techniques=techniques,
            parts=recipe.setting.accumulation,
            world=world,
        )
        state = _resumed(stepper, recipe, keep)
        world.align(model)
        kept = (MOST if soup else 1) * keep_best
        _run(state, stepper, feed, recipe, kept, keep, save_after, on_epoch)
        assert state.best is not None  # noqa: S101  # a recipe has at least one epoch
        mixed = soup and world.first
        cooked = _cooked(stepper, feed, recipe, state, start, prepared[-1]) if mixed else None
        if keep_best:
            tensors = cooked.tensors if cooked else state.kept[state.best.epoch]
            checkpoint.restore_model(model, tensors)
        return Fit(
            history=tuple(state.history),
            best=state.best,
            audit=in_force,
            parts=stepper.parts,
            techniques=state.techniques,
            soup=cooked,
        )


def _run(
    state: _State,
    stepper: Stepper,
    feed: Feed,
    recipe: Recipe,
    kept: int,
    keep: Path,
    save_after: float,
    on_epoch: OnEpoch,
) -> None:
    """Train from where the fit stands to its end; the weights of so many epochs are kept."""
    for epoch, speed in zip(state.history, state.speed, strict=True):
        state.stopped = on_epoch(epoch, *speed)
    saved = time.monotonic()
    while not _is_over(state, recipe):
        _advance(state, stepper, feed, recipe, most=kept)
        if stepper.world.first and time.monotonic() - saved >= save_after:
            checkpoint.save(keep, _snapshot(stepper, recipe, state))
            saved = time.monotonic()
        state.stopped = on_epoch(state.history[-1], *state.speed[-1])


def _prepared(
    model: nn.Module, groups: Sequence[Group], recipe: Recipe, techniques: Sequence[Technique]
) -> tuple[torch.optim.Optimizer, Sequence[Group], tuple[GroupReport, ...]]:
    """Have the techniques change the network; an optimizer, the groups, what is in force."""
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(recipe.seed, 0))  # epochs, from 1, have theirs
        for technique in techniques:
            groups = technique.prepare(model, groups)
    trained: frozenset[str] = behind(groups, 0)
    for technique in techniques:
        trained = technique.trained(model, groups, trained)
    train_only(model, trained)
    for technique in techniques:
        technique.begin(model, groups)
    optimizer = make_optimizer(model, groups, recipe)
    setting, last = recipe.setting, len(groups) - 1
    frozen = setting.batch_norm != "trained"
    in_force = audit(model, groups, trained, optimizer, frozen_statistics=frozen)
    require_rates(
        in_force,
        [setting.learning_rate * scale(last - index, setting) for index in range(len(groups))],
    )
    return optimizer, groups, in_force


def _advance(state: _State, stepper: Stepper, feed: Feed, recipe: Recipe, *, most: int) -> None:
    """Run the next epoch and note what it ended with; keep the weights of so many epochs."""
    started, number = time.monotonic(), len(state.history) + 1
    scores = [epoch.validation_score for epoch in state.history]
    trained, world = _trained(stepper, feed, recipe, number, scores), stepper.world
    world.align(stepper.model, buffers_alone=True)
    with ExitStack() as around:
        for technique in stepper.techniques:
            around.enter_context(technique.around_validation(stepper.model))
        epoch = world.agreed(lambda: _validated(stepper, feed, number, trained))
        state.history.append(epoch)
        _keep(state, stepper.model, most)
    seconds = time.monotonic() - started
    state.speed.append((seconds, trained.images / seconds))
    state.techniques = {technique.name: technique.in_force() for technique in stepper.techniques}


def _keep(state: _State, model: nn.Module, most: int) -> None:
    """Note which epoch is the best, and the weights of the last one if it is among so many."""
    ranked = sorted(
        state.history, key=lambda epoch: epoch.rank, reverse=True
    )  # of equals the first
    numbers, last = [epoch.epoch for epoch in ranked[:most]], state.history[-1].epoch
    kept = state.kept | ({last: checkpoint.model_state(model)} if last in numbers else {})
    state.best, state.kept = ranked[0], {number: kept[number] for number in numbers}


@dataclass(frozen=True)
class _Trained:
    """What an epoch's training came to."""

    loss: float
    score: float
    learning_rate: float
    images: int


def _trained(
    stepper: Stepper, feed: Feed, recipe: Recipe, number: int, scores: Sequence[float]
) -> _Trained:
    """Train for the epoch of this number."""
    phase = _phase(stepper, recipe, number)
    with torch.random.fork_rng(), ExitStack() as around:
        # Dropout and stochastic depth draw from torch's global state: an epoch sets its own, so
        # that one that is resumed draws what it would have drawn.
        torch.manual_seed(derived_seed(recipe.seed, number, *stepper.world.own))
        for technique in stepper.techniques:
            around.enter_context(technique.around_epoch(stepper.model, number))
        return _train(stepper, feed, recipe, number, phase, scores)


def _phase(stepper: Stepper, recipe: Recipe, number: int) -> tuple[int, int]:
    """The first epoch of the phase that an epoch is in, and the one after its last."""
    asked = (technique.phases(recipe.epochs) for technique in stepper.techniques)
    starts = {1, recipe.epochs + 1}.union(*asked)
    first = max(start for start in starts if start <= number)
    return first, min(start for start in starts if start > number)


def _validated(stepper: Stepper, feed: Feed, number: int, trained: _Trained) -> Epoch:
    """Validate; the epoch's record."""
    reached = _reached(stepper, feed)
    if not isfinite(reached.loss):  # what the last step of an epoch did shows here first
        raise DivergedError(
            f"the validation loss must be a number, but is {reached.loss} after epoch {number}. "
            "Lower the learning rate, or the range it is searched in."
        )
    return Epoch(
        epoch=number,
        train_loss=trained.loss,
        train_score=trained.score,
        validation_loss=reached.loss,
        validation_score=reached.score,
        validation_score_error=reached.error,
        learning_rate=trained.learning_rate,
    )


def _reached(stepper: Stepper, feed: Feed) -> Validated:
    return validate(
        stepper.model,
        feed.validation(),
        stepper.task,
        device=stepper.device,
        precision=stepper.precision,
        forward=stepper.forward,
        size=feed.batch_size,
    )


def _cooked(
    stepper: Stepper, feed: Feed, recipe: Recipe, state: _State, start: Tensors, head: Group
) -> Soup:
    """The soup of the epochs that are kept."""
    best = state.best
    assert best is not None  # noqa: S101  # an epoch is kept

    def run() -> None:
        for batch in islice(feed.training(best.epoch), ENOUGH):
            with autocast(stepper.device, stepper.precision):
                stepper.forward(batch.to(stepper.device).inputs)

    def judge(tensors: Tensors) -> tuple[Validated, Tensors]:
        checkpoint.restore_model(stepper.model, tensors)
        with torch.random.fork_rng():
            torch.manual_seed(derived_seed(recipe.seed, 0))  # dropout draws beside the statistics
            reestimate(stepper.model, run)
        return _reached(stepper, feed), checkpoint.model_state(stepper.model)

    whole_head = len(known_outputs(stepper.model)) == stepper.task.outputs
    drawn = () if whole_head else head.parameters
    return cook(state.kept, best.validation, start, drawn, judge)


def _train(
    stepper: Stepper,
    feed: Feed,
    recipe: Recipe,
    number: int,
    phase: tuple[int, int],
    scores: Sequence[float],
) -> _Trained:
    stepper.model.train()
    first, end = phase
    setting, steps = recipe.setting, feed.steps()
    loss_sum, score_sum, images, rate = torch.zeros((), device=stepper.device), 0.0, 0, 0.0
    for place, plain in enumerate(feed.training(number)):
        batch, step = plain, (number - 1) * steps + place
        for technique in stepper.techniques:
            batch = technique.batch(batch, derived_seed(recipe.seed, number, place))
        moment = Moment(
            step=step - (first - 1) * steps,
            steps=(end - first) * steps,
            warm_up=setting.warm_up,
            scores=scores[first - 1 :],
        )
        rate = setting.learning_rate * fraction(setting.schedule, moment)
        loss, score = stepper.step(batch, step, rate)
        loss_sum += loss * len(batch)
        score_sum += score
        images += len(batch)
    return _Trained(float(loss_sum) / images, score_sum / images, rate, images)


def _is_over(state: _State, recipe: Recipe) -> bool:
    waited = len(state.history) - state.best.epoch if state.best else 0
    return state.stopped or len(state.history) >= recipe.epochs or waited >= recipe.patience


def _snapshot(stepper: Stepper, recipe: Recipe, state: _State) -> Checkpoint:
    kept = {
        f"{technique.name}/{name}": value
        for technique in stepper.techniques
        for name, value in technique.state().items()
    }
    return Checkpoint(
        model=checkpoint.model_state(stepper.model),
        best={f"{epoch}/{k}": v for epoch, kept in state.kept.items() for k, v in kept.items()},
        moments=checkpoint.moments(stepper.optimizer),
        techniques=kept,
        meta={
            "digest": recipe.digest,
            "history": [asdict(epoch) for epoch in state.history],
            "speed": state.speed,
            "parts": stepper.parts,
            "numbers": checkpoint.numbers(stepper.optimizer),
            "techniques": state.techniques,
        },
    )


def _resumed(stepper: Stepper, recipe: Recipe, keep: Path) -> _State:
    """Where the fit stands by the file `keep`: at its beginning, if there is none."""
    saved = checkpoint.load(keep, recipe.digest)
    if saved is None:
        return _State()
    checkpoint.restore_model(stepper.model, saved.model)
    checkpoint.restore_moments(stepper.optimizer, saved.moments, saved.meta["numbers"])
    stepper.parts = saved.meta["parts"]
    for technique in stepper.techniques:
        start = f"{technique.name}/"
        own = {k.removeprefix(start): v for k, v in saved.techniques.items() if k.startswith(start)}
        technique.restore(own)
    history = [Epoch(**epoch) for epoch in saved.meta["history"]]
    return _State(
        history=history,
        speed=[(seconds, speed) for seconds, speed in saved.meta["speed"]],
        best=max(history, key=lambda epoch: epoch.rank),
        kept=_by_epoch(saved.best, history),
        techniques=saved.meta["techniques"],
    )


def _by_epoch(saved: Tensors, history: Sequence[Epoch]) -> dict[int, Tensors]:
    """The weights that a checkpoint keeps, the best epoch's first."""
    found: dict[int, Tensors] = {}
    for key, value in saved.items():
        number, _, name = key.partition("/")
        found.setdefault(int(number), {})[name] = value
    ranks = {epoch.epoch: epoch.rank for epoch in history}
    return {number: found[number] for number in sorted(found, key=ranks.__getitem__, reverse=True)}
