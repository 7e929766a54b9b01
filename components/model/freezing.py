"""Freezing parts of a network, in gradients and in running statistics."""

from collections.abc import Collection, Iterator, Sequence
from types import MethodType

from torch import nn

from components.model.groups import Group, behind


def freeze(model: nn.Module, parts: Sequence[Group], freeze_depth: int) -> None:
    """Freeze the groups before `freeze_depth` and thaw the others; may be called again."""
    train_only(model, behind(parts, freeze_depth))


def train_only(model: nn.Module, trained: Collection[str]) -> None:
    """Thaw the parameters of these names and freeze all others; may be called again.

    Frozen parameters get no gradient. Modules that are frozen as a whole, with all inside them,
    are in evaluation mode and stay so when `model.train()` is called: no running statistics move.
    """
    frozen = {name for name, _ in model.named_parameters()} - set(trained)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
        if name in frozen:
            parameter.grad = None
    for module in model.modules():
        vars(module).pop("train", None)
    for module in _whole(model, "", frozen):
        keep_in_evaluation(module)
    model.train(model.training)


def keep_in_evaluation(module: nn.Module) -> None:
    """Have a module stay in evaluation mode when `model.train()` is called."""
    vars(module)["train"] = MethodType(_stay_in_evaluation, module)
    module.eval()


def _whole(module: nn.Module, path: str, frozen: set[str]) -> Iterator[nn.Module]:
    """The topmost modules all of whose parameters are frozen."""
    names = [f"{path}{name}" for name, _ in module.named_parameters()]
    if names and frozen.issuperset(names):
        yield module
        return
    for key, child in module.named_children():
        yield from _whole(child, f"{path}{key}.", frozen)


def _stay_in_evaluation(module: nn.Module, mode: bool = True) -> nn.Module:  # noqa: ARG001, FBT001, FBT002  # torch's signature
    """Takes the place of `train` on a frozen module; the signature is torch's."""
    return type(module).train(module, mode=False)
