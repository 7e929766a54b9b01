"""Where every fit starts: the pretrained network, and its layers as freeze depths."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from components.frame import files
from components.model.backbone import State, build_pretrained, create
from components.model.description import PACKAGE, PretrainedDescription
from components.model.groups import Group, groups, resolve, trained_fraction
from components.model.head import (
    add_hidden_layers,
    classifier_names,
    draw_head,
    grow_head,
    know_outputs,
    last_layers,
    zero_head,
)
from components.model.hidden_layers import NO_LAYERS
from components.training.recipe import BASE, Setting

HEAD = "head"
HEAD_INITS = {"small": draw_head, "zero": zero_head}
"""How the classifier is drawn, by name; `timm` needs a network to take it from."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Pretrained weights, ready to be made into a network with a new head."""

    config: PretrainedDescription
    state: State
    outputs: int
    """Of the head."""
    size: int
    """Side of the images, pixels."""
    groups: tuple[Group, ...]
    """From stem to head."""
    fractions: tuple[float, ...]
    """The fraction of the parameters trained at each freeze depth, with four digits."""
    names: tuple[str, ...] = ()
    """What the outputs stand for; empty: nothing by name."""
    package: State | None = None
    """The package's weights, where those of a champion of its network are started from."""

    @classmethod
    def read(
        cls, model: Path, config: Path, outputs: int, size: int, names: tuple[str, ...] = ()
    ) -> "Pretrained":
        """Read what `base` wrote, for a head of so many outputs, which may have names."""
        described, tensors = PretrainedDescription.read(config), files.read_tensors(model)
        state = {name: value for name, value in tensors.items() if not name.startswith(PACKAGE)}
        package = {k.removeprefix(PACKAGE): v for k, v in tensors.items() if k not in state}
        built = build_pretrained(described, state, outputs, size)
        parts = groups(built)
        fractions = tuple(
            round(trained_fraction(built, parts, index), 4) for index in range(len(parts))
        )
        return cls(
            config=described,
            state=state,
            outputs=outputs,
            size=size,
            groups=parts,
            fractions=fractions,
            names=names,
            package=package or None,
        )

    def starting(self, setting: Setting | None) -> "Pretrained":
        """The weights that a setting starts from; those that `base` took where nothing is said."""
        return self if setting is None or setting.start == BASE else self._of_package

    @cached_property
    def _of_package(self) -> "Pretrained":
        """The package's weights, of whose classifier nothing is known."""
        origin = self.config.package
        assert self.package is not None  # noqa: S101  # no setting asks for them otherwise
        assert origin is not None  # noqa: S101  # they come together
        config = replace(self.config, names=(), source=origin.source, licence=origin.licence)
        return replace(self, config=config, state=self.package, package=None)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        state = hashlib.sha256()
        for name, value in sorted(self.state.items()):
            state.update(name.encode())
            state.update(value.reshape(-1).contiguous().view(torch.uint8).numpy().data)
        return state.hexdigest()

    @property
    def layers(self) -> list[str]:
        """The name of the first trained layer, by freeze depth."""
        return [group.name for group in self.groups]

    def network(self, seed: int, setting: Setting | None = None) -> nn.Module:
        """A new network; the seed draws its head, but for what is known of it."""
        start = self.starting(setting)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = build_pretrained(start.config, start.state, self.outputs, self.size)
        start.redraw_head(model, seed, setting)
        return model

    @property
    def known(self) -> tuple[int, ...]:
        """The outputs that the weights started from can give already."""
        return tuple(i for i, name in enumerate(self.names) if name in self.config.names)

    def redraw_head(self, model: nn.Module, seed: int, setting: Setting | None = None) -> None:
        """Draw the head from a seed alone, on the CPU: equal on every device.

        The rows of outputs that the weights started from have by the same name are theirs, where
        the classifier has no hidden layers.
        """
        layers = setting.head_layers if setting else NO_LAYERS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            add_hidden_layers(model, layers)
            self._draw(model, layers, setting.head_init if setting else "small")
        known = self.known if layers == NO_LAYERS else ()
        know_outputs(model, known)
        for part in classifier_names(model) if known else ():
            self._keep_rows(model.get_submodule(part), part, seed)

    def _draw(self, model: nn.Module, layers: str, init: str) -> None:
        """Draw the classifier; `timm`'s is that of a network which timm has just built."""
        if init in HEAD_INITS:
            HEAD_INITS[init](model)
            return
        config = self.config
        bare = create(config.architecture, self.outputs, self.size, config.arguments)
        add_hidden_layers(bare, layers)
        for mine, drawn in zip(last_layers(model), last_layers(bare), strict=True):
            mine.load_state_dict(drawn.state_dict())

    def _keep_rows(self, layer: nn.Module, part: str, seed: int) -> None:
        weight, bias = (self.state.get(f"{part}.{name}") for name in ("weight", "bias"))
        if weight is not None:
            grown = grow_head(weight, bias, self.config.names, self.names, seed)
            own = dict(layer.named_parameters())
            with torch.no_grad():
                for name, value in zip(("weight", "bias"), grown, strict=True):
                    if value is not None:
                        own[name].copy_(value)

    def freeze_depth(self, text: float | str) -> int:
        """The freeze depth that a parameter means: an index, a fraction, a layer's name or `head`.

        Raises:
            UsageError: this network has no such freeze depth.
        """
        return len(self.groups) - 1 if text == HEAD else resolve(self.groups, text)


class Renewable:
    """One network for many fits: made anew each time, which takes no building."""

    def __init__(self, pretrained: Pretrained, device: torch.device) -> None:
        self._pretrained = pretrained
        self.model = pretrained.network(0).to(device).to(memory_format=torch.channels_last)
        self._classifiers = {
            path: self.model.get_submodule(path) for path in classifier_names(self.model)
        }
        self._states = {BASE: self._copied(self.model)}

    def renew(self, seed: int, setting: Setting | None = None) -> nn.Module:
        """The network as `Pretrained.network` would give it."""
        for path, module in self._classifiers.items():
            self.model.set_submodule(path, module)
        self.model.load_state_dict(self._started(setting))
        self._pretrained.starting(setting).redraw_head(self.model, seed, setting)
        return self.model

    def _started(self, setting: Setting | None) -> State:
        start = setting.start if setting else BASE
        if start not in self._states:
            self._states[start] = self._copied(self._pretrained.network(0, setting))
        return self._states[start]

    @staticmethod
    def _copied(model: nn.Module) -> State:
        return {name: value.clone() for name, value in model.state_dict().items()}
