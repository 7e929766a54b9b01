"""Low-rank adapters beside frozen layers (LoRA: Hu et al., ICLR 2022, arXiv:2106.09685), by peft.

They are folded into the layers at the end: the network that is kept has its own names alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, cast

from torch import nn

from components.frame.errors import InertError
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique

WITHIN = {"attention": ("attn", "attention"), "mlp": ("mlp", "ffn")}
"""What the path of a layer holds, by where it is; `all` takes every layer."""
BASE, ADAPTER = ".base_layer", ".lora_"
"""How peft names a layer that an adapter stands beside, and the adapter's own parts."""


class Lora(Technique):
    """Trains, behind the freeze depth, adapters in place of the layers; and the head."""

    name: ClassVar[str] = "lora"

    def __init__(self, *, rank: int, alpha: float, layers: str, freeze_depth: int) -> None:
        """`rank`: above 0; adapters count `alpha / rank` times; `layers`: as in `WITHIN`."""
        self.rank, self.alpha, self.layers = rank, alpha, layers
        self.freeze_depth = freeze_depth
        self.paths: list[str] = []

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the rank is above zero."""
        if not setting.lora_rank:
            return None
        return cls(
            rank=setting.lora_rank,
            alpha=setting.lora_alpha,
            layers=setting.lora_layers,
            freeze_depth=setting.freeze_depth,
        )

    def prepare(self, model: nn.Module, groups: Sequence[Group]) -> Sequence[Group]:
        """Put adapters beside layers, each in its layer's group.

        Raises:
            InertError: no layer is of those that are asked for.
        """
        from peft import LoraConfig, inject_adapter_in_model  # it takes seconds

        paths = list(self._matching(model, groups))
        if not paths:
            raise InertError(
                f"lora_rank {self.rank} was asked for, but no layer of lora_layers `{self.layers}` "
                "trains below the head. Set search.lora_layers=all, a lower freeze depth, or "
                "search.lora_rank=0."
            )
        config = LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules=paths)
        inject_adapter_in_model(config, model)
        self.paths = paths
        return _renamed(model, groups)

    def trained(
        self, model: nn.Module, groups: Sequence[Group], names: frozenset[str]
    ) -> frozenset[str]:
        """The adapters and the head."""
        head = set(groups[-1].parameters)
        return frozenset(name for name in names if ADAPTER in name or name in head)

    def finish(self, model: nn.Module) -> None:
        """Add what the adapters came to to the layers' weights, and take them away."""
        for path in self.paths:
            layer = cast("Any", model.get_submodule(path))
            layer.merge()
            model.set_submodule(path, layer.get_base_layer())
        self.paths = []
        vars(model).pop("peft_config", None)

    def in_force(self) -> dict[str, Any]:
        """How many layers have an adapter."""
        return {"rank": self.rank, "alpha": self.alpha, "layers": len(self.paths)}

    def _matching(self, model: nn.Module, groups: Sequence[Group]) -> Iterator[str]:
        """Linear layers and 1x1 convolutions that would train, by their paths."""
        below = {name for group in groups[self.freeze_depth : -1] for name in group.parameters}
        for path, module in model.named_modules():
            if f"{path}.weight" in below and _is_matrix(module) and self._within(path):
                yield path

    def _within(self, path: str) -> bool:
        steps = path.split(".")
        words = WITHIN.get(self.layers)
        return words is None or any(word in step for step in steps for word in words)


def _is_matrix(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    return isinstance(module, nn.Linear)


def _renamed(model: nn.Module, groups: Sequence[Group]) -> list[Group]:
    """The groups with the names that their parameters have beside adapters, and the adapters'."""
    owner = {name: index for index, group in enumerate(groups) for name in group.parameters}
    names: list[list[str]] = [[] for _ in groups]
    for name, _ in model.named_parameters():
        path, adapter, _ = name.partition(ADAPTER)
        plain = f"{path}.weight" if adapter else name.replace(BASE, "")
        names[owner[plain]].append(name)
    return [replace(one, parameters=tuple(own)) for one, own in zip(groups, names, strict=True)]
