"""Building timm networks: bare, from pretrained weights, or as this project trained them."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import timm
import torch
from torch import nn

from components.frame.errors import DataError, UsageError
from components.model.description import NetworkDescription, PretrainedDescription
from components.model.head import add_hidden_layers, draw_head

State = Mapping[str, torch.Tensor]
ANOTHER = "_another"
"""Where a network keeps how it was made."""


def create(
    architecture: str, outputs: int, size: int, arguments: Mapping[str, Any], **more: object
) -> nn.Module:
    """A network for images of `size` pixels with a head of `outputs`, weights at random.

    `more` is for `timm.create_model`, as `arguments` is.

    Raises:
        UsageError: timm knows no such architecture, or it does not take this size.
    """
    check_architecture(architecture)
    sized = {"img_size": size} if _fixed_input_size(architecture) else {}
    try:
        model: nn.Module = timm.create_model(
            architecture, num_classes=outputs, **{**arguments, **sized, **more}
        )
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise UsageError(
            f"{architecture} cannot be built for images of {size} pixels ({error}). "
            "Choose another augment.image_size, such as the network's own."
        ) from error
    vars(model)[ANOTHER] = partial(create, architecture, outputs, size, arguments)
    return model


def another(model: nn.Module, **more: object) -> nn.Module:
    """Another network as `create` made this one, weights at random; `more` as there."""
    made: nn.Module = vars(model)[ANOTHER](**more)
    return made


def build_pretrained(
    config: PretrainedDescription, state: State, outputs: int, size: int
) -> nn.Module:
    """A network that starts from `state`, as `build/base` describes it, with a new head.

    The head is drawn from torch's present random state.

    Raises:
        UsageError: timm knows no such architecture, or it does not take this size.
    """
    overlay = {"state_dict": dict(state), "num_classes": config.classes}
    model = create(
        config.architecture,
        outputs,
        size,
        config.arguments,
        pretrained=True,
        pretrained_cfg_overlay=overlay,
    )
    draw_head(model)
    return model


def trained(network: NetworkDescription, state: State, outputs: int, size: int) -> nn.Module:
    """A network as `train` left it, in evaluation mode.

    Args:
        network: what `build/train/network.json` holds.
        state: its weights, every one of them.
        outputs: how many numbers its task takes from it.
        size: side of the images that its transform gives it, pixels.

    Raises:
        DataError: they are those of another network.
    """
    model = create(network.architecture, outputs, size, network.arguments)
    add_hidden_layers(model, network.head_layers)
    try:
        model.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        raise DataError(
            f"the weights must be those of {network.architecture} with {outputs} outputs, but are "
            f"others ({str(error).splitlines()[-1].strip()}). Train anew: dvc repro"
        ) from None
    return model.eval()


def check_architecture(architecture: str) -> None:
    """See that timm knows an architecture.

    Raises:
        UsageError: it does not; the nearest names are told.
    """
    if timm.is_model(architecture):
        return
    near = get_close_matches(architecture, timm.list_models(), n=4, cutoff=0.5)
    hint = f" Near are: {', '.join(near)}." if near else ""
    raise UsageError(
        f"base.architecture must be a model of timm, but {architecture!r} is none.{hint}"
    )


def _fixed_input_size(architecture: str) -> bool:
    """Whether a network is built for one size of image, as most transformers are."""
    config = timm.get_pretrained_cfg(architecture)
    return bool(config and config.fixed_input_size)
