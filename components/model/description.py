"""What files of weights are: `config.json` of those started from, `network.json` of those trained.

Both name a network for timm, and what else one needs to use the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from components.frame.documents import Document
from components.model.hidden_layers import NO_LAYERS

PACKAGE = "package:"
"""Stands before the names of the package's tensors where they lie beside a champion's."""
EARLIER = {"depth": "freeze_depth", "trained_share": "trained_fraction"}
"""Keys of `network.json` in versions that Thawline 0.1 registered, and what they are now."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where pretrained weights come from."""

    source: str
    """As a person reads it."""
    licence: str
    sha256: str
    """Of the file in `build/base`."""


@dataclass(frozen=True, kw_only=True)
class PretrainedDescription(Document):
    """`build/base/config.json`: the weights that every fit starts from."""

    architecture: str
    """timm's name."""
    arguments: Mapping[str, Any]
    """Of `timm.create_model`, besides the name."""
    mean: tuple[float, ...]
    """Of the images they were trained on, by channel, for values in 0..1."""
    std: tuple[float, ...]
    input_size: tuple[int, ...]
    """Channels, height and width that they were trained at."""
    fixed_input_size: bool
    """Whether the network takes no other size."""
    classes: int
    """Outputs of the head that comes with them; 0: there is none."""
    source: str
    licence: str
    sha256: str
    names: tuple[str, ...] = ()
    """What those outputs stand for, where a new head keeps the rows of those that it shares."""
    package: Origin | None = None
    """Of the package's weights, which lie beside a champion's of the same network."""

    @property
    def origin(self) -> Origin:
        """Where they come from."""
        return Origin(source=self.source, licence=self.licence, sha256=self.sha256)


@dataclass(frozen=True, kw_only=True)
class NetworkDescription(Document):
    """`build/train/network.json`: all that is needed to use the trained weights."""

    architecture: str
    """timm's name."""
    arguments: Mapping[str, Any]
    """Of `timm.create_model`, besides the name."""
    task: Mapping[str, Any]
    """As `tasks.registry.described` gives it."""
    transform: Mapping[str, Any]
    """As `Transform.to_dict` gives it."""
    freeze_depth: int
    """How many groups of layers were frozen."""
    layer: str
    """The first that was trained."""
    trained_fraction: float
    """Of the parameters, above 0 and up to 1."""
    learning_rate: float
    """The highest."""
    base: Origin
    head_layers: str = NO_LAYERS
    """Hidden ones below the classifier, as `hidden_layers` reads them."""

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "") -> Self:
        """Check what a document holds; one of before there were hidden layers is taken as well.

        Raises:
            DataError: a key is missing or unknown, or its value is of another type.
        """
        if isinstance(content, Mapping) and "classes" in content:
            content = {EARLIER.get(key, key): value for key, value in content.items()}
            classes = content.pop("classes")
            content["task"] = {"name": "classification", "classes": classes}
        if isinstance(content, Mapping):
            content = {"head_layers": NO_LAYERS, **content}
        return super().from_dict(content, where)

    @property
    def output_names(self) -> tuple[str, ...]:
        """What each output stands for, such as a class; empty: they have no names."""
        return output_names(self.task)

    @property
    def identity(self) -> dict[str, Any]:
        """What a model's answers depend on besides its weights; its name is no part of a task's."""
        task = {key: value for key, value in self.task.items() if key != "name"}
        own = {"architecture": self.architecture, "arguments": self.arguments}
        head = {} if self.head_layers == NO_LAYERS else {"head_layers": self.head_layers}
        return {"transform": self.transform, **task, **own, **head}


def output_names(task: Mapping[str, Any]) -> tuple[str, ...]:
    """What each output of a task stands for, by the task's description; empty: nothing by name."""
    return tuple(task.get("classes", ()))
