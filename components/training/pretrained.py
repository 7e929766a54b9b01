"""Where every fit starts: the pretrained network, and its layers as freeze depths."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from components.frame import files
from components.model.backbone import State, build_pretrained, create
from components.model.description import PretrainedDescription
from components.model.groups import Group, groups, resolve, trained_fraction
from components.model.head import (
    add_hidden_layers,
    classifier_names,
    draw_head,
    last_layers,
    zero_head,
)
from components.model.hidden_layers import NO_LAYERS
from components.training.recipe import Setting

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

    @classmethod
    def read(cls, model: Path, config: Path, outputs: int, size: int) -> "Pretrained":
        """Read what `base` wrote, for a head of so many outputs."""
        described, state = PretrainedDescription.read(config), files.read_tensors(model)
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
        )

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
        """A new network; the seed draws its head, which is the setting's, or a plain one."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = build_pretrained(self.config, self.state, self.outputs, self.size)
        self.draw(model, seed, setting)
        return model

    def draw(self, model: nn.Module, seed: int, setting: Setting | None = None) -> None:
        """Draw the head from a seed alone, on the CPU: equal on every device."""
        layers = setting.head_layers if setting else NO_LAYERS
        init = setting.head_init if setting else "small"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            add_hidden_layers(model, layers)
            if init == "timm":
                self._take_timms(model, layers)
            else:
                HEAD_INITS[init](model)

    def _take_timms(self, model: nn.Module, layers: str) -> None:
        """Take over the classifier of a network that timm has just built."""
        config = self.config
        bare = create(config.architecture, self.outputs, self.size, config.arguments)
        add_hidden_layers(bare, layers)
        for mine, drawn in zip(last_layers(model), last_layers(bare), strict=True):
            mine.load_state_dict(drawn.state_dict())

    def freeze_depth(self, text: float | str) -> int:
        """The freeze depth that a parameter means: an index, a fraction, a layer's name or `head`.

        Raises:
            UsageError: this network has no such freeze depth.
        """
        return len(self.groups) - 1 if text == HEAD else resolve(self.groups, text)


class Renewable:
    """One network for many fits: made anew each time, which takes no building."""

    def __init__(self, pretrained: Pretrained, device: torch.device) -> None:
        self.pretrained = pretrained
        self.model = pretrained.network(0).to(device).to(memory_format=torch.channels_last)
        self._classifiers = {
            path: self.model.get_submodule(path) for path in classifier_names(self.model)
        }
        self._state = {name: value.clone() for name, value in self.model.state_dict().items()}

    def renew(self, seed: int, setting: Setting | None = None) -> nn.Module:
        """The network as `Pretrained.network` would give it."""
        for path, module in self._classifiers.items():
            self.model.set_submodule(path, module)
        self.model.load_state_dict(self._state)
        self.pretrained.draw(self.model, seed, setting)
        return self.model
