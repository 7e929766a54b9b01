"""Weights of timm's models on the Hugging Face hub."""

from pathlib import Path
from typing import Any

import httpx2
import timm
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from components.frame.errors import UnreachableError, UsageError
from components.model.backbone import check_architecture
from components.model.weights.file import read
from components.model.weights.pretrained import PretrainedWeights

PATIENCE = 5.0
"""Seconds in which the hub must answer."""


def from_hub(architecture: str, revision: str) -> PretrainedWeights:
    """The hub's weights of an architecture at a revision, and what it states of them."""
    repository, stated = _hub(architecture)
    state, _ = read(_fetched(architecture, "model.safetensors", revision))
    return PretrainedWeights(
        state=state,
        architecture=architecture,
        mean=tuple(stated.mean),
        std=tuple(stated.std),
        source=f"{repository} at {revision[:12]}",
        licence=stated.license or "unknown",
    )


def hub_revision(architecture: str) -> str:
    """The commit of a model's repository: the hub's, or without network that in its cache."""
    return _fetched(architecture, "config.json", None).parent.name


def _fetched(architecture: str, name: str, revision: str | None) -> Path:
    """A file of a model's repository; its folder is named after the commit."""
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
    """Whether the hub knows a repository; asked once, since a download tries for half a minute.

    Raises:
        UsageError: the environment names a proxy of a kind that cannot be used.
    """
    try:
        HfApi().model_info(repository, timeout=PATIENCE)
    except (httpx2.HTTPError, OfflineModeIsEnabled):
        return False
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise UsageError(
            f"the hub must be asked through the proxies in the environment, but: {error} Name "
            "others (HTTPS_PROXY, ALL_PROXY, NO_PROXY), or unset them."
        ) from None
    return True


def _hub(architecture: str) -> tuple[str, Any]:
    name = architecture.split(".", maxsplit=1)[0]
    check_architecture(name)
    stated = timm.get_pretrained_cfg(architecture)
    if stated is None or not stated.hf_hub_id:
        tags = ", ".join(timm.list_pretrained(f"{name}.*")) or "none"
        raise UsageError(
            f"params/base.yaml: timm has no weights {architecture!r} on the hub; of this "
            f"model there are: {tags}."
        )
    owner = str(stated.hf_hub_id).rstrip("/")
    repository = owner if "/" in owner else f"{owner}/{stated.architecture}.{stated.tag}"
    return repository, stated
