"""Weights as a source gives them, and whether they fit the architecture they are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.model.backbone import check_architecture
from components.model.description import PretrainedDescription
from components.model.weights.network import Network, State, check_answers


@dataclass(frozen=True, kw_only=True)
class PretrainedWeights:
    """Weights and what their source states of them."""

    state: State
    architecture: str
    source: str
    """As a person reads it."""
    licence: str = "unknown"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of `timm.create_model`, besides the name."""
    mean: tuple[float, ...] = ()
    """Of the images they were trained on; empty: as timm has it for the architecture."""
    std: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    """What the outputs of their classifier stand for; empty: it is of no use here."""

    def describe(self, sha256: str) -> PretrainedDescription:
        """The weights' description, once they are known to fit their architecture.

        Raises:
            DataError: they do not.
        """
        check_architecture(self.architecture.split(".")[0])
        network = Network.of(self.architecture, self.arguments)
        network.check(self.state)
        described = PretrainedDescription(
            architecture=self.architecture,
            arguments=self.arguments,
            mean=self.mean or tuple(network.stated["mean"]),
            std=self.std or tuple(network.stated["std"]),
            input_size=tuple(network.stated["input_size"]),
            fixed_input_size=bool(network.stated.get("fixed_input_size")),
            classes=network.classes(self.state),
            names=self.names,
            source=self.source,
            licence=self.licence,
            sha256=sha256,
        )
        check_answers(described, self.state)
        return described
