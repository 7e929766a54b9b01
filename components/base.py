"""Take the pretrained weights once and pin them by hash."""

from typing import Annotated

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class BaseParams(Params):
    """What the network starts from."""

    source: Annotated[str, Field(min_length=1)]
    """`package` (EfficientNet-Lite0, needs no network), `hub` (timm's weights of `architecture`),
    `none` (random weights, for comparison), or a path to a .safetensors file or a checkpoint."""
    architecture: Annotated[str, Field(min_length=1)]
    """A timm model's name, for `hub` with its tag; `auto`: the one that the weights state."""
    seed: Annotated[int, Field(ge=0)]
    """Draws the weights of source `none`."""


def base(params: BaseParams, *, start: In, model: Out, config: Out) -> None:
    """Write what the pin `start` names as safetensors, with all a user of the weights needs."""
    from components.model.weights.take import take

    take(start, model=model, config=config, **params.model_dump())


if __name__ == "__main__":
    run(base)
