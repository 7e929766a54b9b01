"""What is in force for each group of a network's parameters, to be kept with every run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer

from components.frame.errors import InertError
from components.model.groups import Group

BatchNormMode = Literal["none", "frozen", "trained", "mixed"]


@dataclass(frozen=True, kw_only=True)
class GroupReport:
    """What is in force for one group."""

    name: str
    parameters: int
    """How many scalars it holds."""
    trained: int
    """How many of them receive gradients."""
    learning_rates: tuple[float, ...]
    """The different rates the optimizer has for it; empty where frozen or without optimizer."""
    batch_norm: BatchNormMode
    """Whether running statistics move while the model trains; "none" without such layers."""


def audit(
    model: nn.Module,
    groups: Sequence[Group],
    trained: Collection[str],
    optimizer: Optimizer | None = None,
    *,
    frozen_statistics: bool = False,
) -> tuple[GroupReport, ...]:
    """What is in force for each group while the model trains.

    Args:
        model: the network.
        groups: all its parameters.
        trained: the names of those that must train, and no others.
        optimizer: theirs.
        frozen_statistics: whether running statistics rest also where parameters train.

    Raises:
        InertError: others train, or running statistics of a frozen group move.
    """
    rates = _rates(model, optimizer)
    modes = _batch_norm_modes(model, groups)
    reports = tuple(_report(model, group, rates, modes[group.name]) for group in groups)
    wanted, statistics = set(trained), "frozen" if frozen_statistics else "trained"
    for group, report in zip(groups, reports, strict=True):
        asked = wanted.intersection(group.parameters)
        if not (_trains(model, asked, report, optimizer, statistics) if asked else _rests(report)):
            told = f"be trained in {len(asked)} tensors" if asked else "be frozen"
            raise InertError(f"the group `{report.name}` must {told}, but: {report}")
    return reports


def require_rates(reports: Sequence[GroupReport], rates: Sequence[float]) -> None:
    """See that each group that trains does so at its own rate, and at no other.

    Raises:
        InertError: one does not.
    """
    for report, rate in zip(reports, rates, strict=True):
        if report.trained and not all(isclose(one, rate) for one in report.learning_rates):
            raise InertError(
                f"the group `{report.name}` must train at a rate of {rate:g}, but trains at "
                f"{report.learning_rates}"
            )


def _report(
    model: nn.Module, group: Group, rates: dict[str, list[float]], mode: BatchNormMode
) -> GroupReport:
    parameters = [model.get_parameter(name) for name in group.parameters]
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    own_rates = {rate for name in group.parameters for rate in rates.get(name, [])}
    return GroupReport(
        name=group.name,
        parameters=sum(parameter.numel() for parameter in parameters),
        trained=sum(parameter.numel() for parameter in trained),
        learning_rates=tuple(sorted(own_rates)),
        batch_norm=mode,
    )


def _trains(
    model: nn.Module,
    asked: Collection[str],
    report: GroupReport,
    optimizer: Optimizer | None,
    statistics: str,
) -> bool:
    reached = bool(report.learning_rates) or optimizer is None
    parameters = [model.get_parameter(name) for name in asked]
    exact = report.trained == sum(parameter.numel() for parameter in parameters)
    whole = report.trained == report.parameters
    moves = not whole or report.batch_norm in {"none", statistics}
    return reached and exact and moves and all(p.requires_grad for p in parameters)


def _rests(report: GroupReport) -> bool:
    free = report.trained == 0 and not report.learning_rates
    return free and report.batch_norm in {"none", "frozen"}


def _rates(model: nn.Module, optimizer: Optimizer | None) -> dict[str, list[float]]:
    """The learning rates of every parameter that the optimizer holds.

    Raises:
        InertError: it holds a trained parameter not at all or twice.
    """
    if optimizer is None:
        return {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates: dict[str, list[float]] = {}
    for entry in optimizer.param_groups:
        for parameter in entry["params"]:
            rates.setdefault(names.get(id(parameter), "?"), []).append(float(entry["lr"]))
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and len(rates.get(name, [])) != 1:
            raise InertError(f"the optimizer must hold `{name}` once, but: {rates.get(name)}")
    return rates


def _batch_norm_modes(model: nn.Module, groups: Sequence[Group]) -> dict[str, BatchNormMode]:
    """How layers with running statistics behave once `model.train()` was called."""
    before = model.training
    model.train()
    owner = {name: group.name for group in groups for name in group.parameters}
    trainings: dict[str, set[bool]] = {group.name: set() for group in groups}
    for path, module in model.named_modules():
        if isinstance(module, _NormBase) and module.track_running_stats:
            name = owner.get(f"{path}.weight")
            if name is not None:
                trainings[name].add(module.training)
    model.train(before)
    return {name: _mode(modes) for name, modes in trainings.items()}


def _mode(trainings: set[bool]) -> BatchNormMode:
    if len(trainings) > 1:
        return "mixed"
    return "none" if not trainings else "trained" if True in trainings else "frozen"
