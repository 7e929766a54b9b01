"""Take the pretrained weights once and pin them by hash."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.model import weights

if TYPE_CHECKING:
    import torch


class BaseParams(Params):
    """What the network starts from."""

    source: Annotated[str, Field(min_length=1)]
    """`package` (EfficientNet-Lite0, needs no network), `hub` (timm's weights of `architecture`),
    `none` (random weights, for comparison), or a path to a .safetensors, .pth or .pt file."""
    architecture: Annotated[str, Field(min_length=1)]
    """A timm model's name, for `hub` with its tag; `auto`: the one that the weights state."""
    seed: Annotated[int, Field(ge=0)]
    """Draws the weights of source `none`."""


def base(params: BaseParams, *, start: In, model: Out, config: Out) -> None:
    """Write what the pin `start` names as safetensors, with all a user of the weights needs."""
    pin = files.read_yaml(start)
    _check_pin(pin, params)
    state, facts = _read(params, pin)
    described = weights.describe(state, facts)
    files.write_tensors(model, {name: value.contiguous() for name, value in sorted(state.items())})
    files.write_json(config, described | {"sha256": files.sha256(model)})
    print(f"{described['architecture']} from {described['source']}")


def start_pin(params: BaseParams, known: dict[str, Any]) -> dict[str, Any]:
    """What `data/start.yaml` must say of the weights that `params` asks for.

    Args:
        params: the parameters of this stage.
        known: the present pin; a revision of the hub in it is kept while it is the same model's.

    Raises:
        UsageError: there are no such weights.
        UnreachableError: the hub does not answer.
    """
    asked = {"source": params.source, "architecture": params.architecture}
    if params.source == "none":
        return asked | {"seed": params.seed}
    if params.source == "hub":
        same = {key: known.get(key) for key in asked} == asked
        return asked | {
            "revision": known["revision"] if same else weights.hub_revision(params.architecture)
        }
    return asked | {"sha256": files.sha256(weights.file_of(params.source))}


def _check_pin(pin: dict[str, Any], params: BaseParams) -> None:
    if start_pin(params, pin) != pin:
        raise DataError(
            "the weights that params/base.yaml asks for must be those that data/start.yaml "
            "pins, but are not. Take them: thawline sync"
        )


def _read(
    params: BaseParams, pin: dict[str, Any]
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    if params.source == "none":
        return weights.drawn(params.architecture, params.seed)
    if params.source == "hub":
        return weights.from_hub(params.architecture, pin["revision"])
    path = weights.file_of(params.source)
    state, facts = weights.load(path)
    if params.source == "package":
        return weights.in_order(state), {
            "architecture": weights.PACKAGE_ARCHITECTURE,
            **weights.PACKAGE_CONFIG,
        }
    stated = facts.get("architecture", params.architecture)
    if stated == weights.AUTO:
        raise UsageError(
            f"params/base.yaml: architecture must be named, since {path.name} does not state it. "
            "Name timm's model: thawline run --set base.architecture=NAME"
        )
    if params.architecture not in (weights.AUTO, stated):
        raise DataError(
            f"params/base.yaml: architecture is {params.architecture!r}, but {path.name} holds "
            f"{stated!r}. Set it to `auto` or to that."
        )
    return state, {"architecture": stated, "source": path.name, **facts}


if __name__ == "__main__":
    run(base)
