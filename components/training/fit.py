"""The one training loop: search and train both call it."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from components.data.images.dataset import Batch
from components.frame.seeds import derived_seed
from components.model.audit import GroupReport, audit, require_decay
from components.model.freezing import freeze
from components.model.groups import Group
from components.model.head import head_dropout
from components.training import checkpoint as checkpoints
from components.training.checkpoint import Checkpoint, Tensors
from components.training.history import Epoch, Fit, OnEpoch
from components.training.optimizer import adamw
from components.training.recipe import Recipe
from components.training.schedule import one_cycle
from components.training.score import Forward, score, whole
from components.training.step import Steps


class Feed(Protocol):
    """What a fit reads: images, or features of them, in batches."""

    @property
    def batch_size(self) -> int:
        """Rows a batch; the last one of validation may have fewer."""
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


@dataclass
class _State:
    """Where a fit stands."""

    history: list[Epoch] = field(default_factory=list)
    timings: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and images a second of each epoch; kept for the events alone."""
    best: Epoch | None = None
    best_tensors: Tensors = field(default_factory=dict)
    stopped: bool = False
    parts: int = 1


def fit(
    model: nn.Module,
    groups: tuple[Group, ...],
    feed: Feed,
    recipe: Recipe,
    *,
    device: torch.device,
    keep: Path,
    keep_best: bool,
    on_epoch: OnEpoch,
    forward: Forward | None = None,
) -> Fit:
    """Train `model` in place; a killed fit goes on from the last epoch in the file `keep`.

    With `keep_best` the model ends with the weights of its best epoch, otherwise of its last.
    `forward` takes what the feed gives, where that is not images, to the model's logits.

    Raises:
        DivergedError: a loss is no number.
        TooLargeError: a batch does not fit into memory, in however many parts.
        InertError: what the recipe asks for is not in force.
    """
    model.to(device).to(memory_format=torch.channels_last)
    optimizer, in_force = _thawed(model, groups, recipe)
    state = _resumed(model, optimizer, recipe, keep)
    take = Steps(
        forward or whole(model), optimizer, device=device, precision=recipe.precision,
        label_smoothing=recipe.label_smoothing, parts=state.parts,
    )  # fmt: skip
    for epoch, measured in zip(state.history, state.timings, strict=True):
        state.stopped = on_epoch(epoch, *measured)
    while not _is_over(state, recipe):
        started = time.monotonic()
        number = len(state.history) + 1
        with head_dropout(model, recipe.head_dropout):
            epoch, images = _run_epoch(model, take, feed, recipe, number)
        seconds = time.monotonic() - started
        state.timings.append((seconds, images / seconds))
        state.parts = take.parts
        _note(state, epoch, model, keep_best=keep_best)
        checkpoints.save(keep, _snapshot(model, optimizer, recipe, state))
        state.stopped = on_epoch(epoch, *state.timings[-1])
    if keep_best:
        checkpoints.restore_model(model, state.best_tensors)
    assert state.best is not None  # noqa: S101  # a recipe has at least one epoch
    return Fit(tuple(state.history), state.best, in_force, state.parts)


def _thawed(
    model: nn.Module, groups: tuple[Group, ...], recipe: Recipe
) -> tuple[torch.optim.Optimizer, tuple[GroupReport, ...]]:
    """Freeze what is to be frozen; an optimizer of the rest, and what is in force."""
    freeze(model, groups, recipe.freeze_depth)
    optimizer = adamw(
        model, groups, recipe.freeze_depth,
        learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay,
        layer_decay=recipe.layer_decay,
    )  # fmt: skip
    in_force = audit(model, groups, recipe.freeze_depth, optimizer)
    require_decay(in_force, recipe.freeze_depth, recipe.layer_decay)
    return optimizer, in_force


def _run_epoch(
    model: nn.Module, take: Steps, feed: Feed, recipe: Recipe, number: int
) -> tuple[Epoch, int]:
    """Train and validate once; the epoch's record and how many images it took."""
    with torch.random.fork_rng():
        # Dropout and stochastic depth draw from torch's global state: an epoch sets its own, so
        # that one that is resumed draws what it would have drawn.
        torch.manual_seed(derived_seed(recipe.seed, number))
        loss, accuracy, rate, trained = _train(model, take, feed, recipe, number)
    validation_loss, validation_accuracy = score(
        model, feed.validation(), take.device, recipe.precision, forward=take.forward,
        size=feed.batch_size,
    )  # fmt: skip
    return Epoch(number, loss, accuracy, validation_loss, validation_accuracy, rate), trained


def _train(
    model: nn.Module, take: Steps, feed: Feed, recipe: Recipe, number: int
) -> tuple[float, float, float, int]:
    """Mean loss, accuracy, last rate and images of an epoch's training."""
    model.train()
    steps = feed.steps()
    loss_sum, right, total, rate = torch.zeros((), device=take.device), 0, 0, 0.0
    for step, (inputs, labels) in enumerate(feed.training(number), start=(number - 1) * steps):
        rate = recipe.learning_rate * one_cycle(step, recipe.epochs * steps)
        loss, correct = take.step(inputs, labels, step, rate)
        loss_sum += loss * len(labels)
        right += correct
        total += len(labels)
    return float(loss_sum) / total, right / total, rate, total


def _note(state: _State, epoch: Epoch, model: nn.Module, *, keep_best: bool) -> None:
    state.history.append(epoch)
    if state.best is None or _rank(epoch) > _rank(state.best):
        state.best = epoch
        state.best_tensors = checkpoints.model_state(model) if keep_best else {}


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.validation_accuracy, -epoch.validation_loss


def _is_over(state: _State, recipe: Recipe) -> bool:
    waited = len(state.history) - state.best.epoch if state.best else 0
    return state.stopped or len(state.history) >= recipe.epochs or waited >= recipe.patience


def _snapshot(
    model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, state: _State
) -> Checkpoint:
    history = [asdict(epoch) for epoch in state.history]
    meta = {"digest": recipe.digest(), "history": history, "timings": state.timings,
            "parts": state.parts}  # fmt: skip
    moments = checkpoints.moments(optimizer)
    return Checkpoint(checkpoints.model_state(model), state.best_tensors, moments, meta)


def _resumed(
    model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, keep: Path
) -> _State:
    found = checkpoints.load(keep, recipe.digest())
    if found is None:
        return _State()
    checkpoints.restore_model(model, found.model)
    checkpoints.restore_moments(optimizer, found.moments)
    history = [Epoch(**epoch) for epoch in found.meta["history"]]
    best = max(history, key=_rank)
    timings = [(seconds, speed) for seconds, speed in found.meta["timings"]]
    return _State(history, timings, best, found.best, parts=found.meta["parts"])
