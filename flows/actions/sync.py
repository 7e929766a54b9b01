"""The action `sync`: pin what the stages need of the world, and only when it changed.

`data/source.yaml` pins the images, `data/start.yaml` the weights to start from, and
`data/pipeline.yaml` an augmentation of a person's own. Stages depend on the pins: a pin that is not
written again makes nothing stale.
"""

import json
from pathlib import Path
from typing import Any

from components.augment import AugmentParams
from components.base import BaseParams
from components.data.images.pipeline_pin import POLICIES, pipeline_pin
from components.data.source import DIGITS, open_source
from components.frame import files
from components.frame.apart import require_apart
from components.frame.params import load_params
from components.ingest import IngestParams
from components.model.weights.pin import CHAMPION, SOURCES, start_pin
from flows import proxies
from flows.project import Project

SOURCE_HEADING = (
    "The images that `ingest` brings in: a fingerprint of their names and contents.\n"
    "Written by `thawline sync`; commit it."
)
START_HEADING = (
    "The weights that the network starts from, as `base` will take them.\n"
    "Written by `thawline sync`; commit it."
)
PIPELINE_HEADING = (
    "The augmentation of your own that augment.policy names, whole; null: it names none.\n"
    "Written by `thawline sync`; commit it."
)

Pin = dict[str, Any]


def sync(project: Project) -> str:
    """Renew the pins that the world has left behind; says in a sentence which.

    Raises:
        UsageError: `params/` names no images or weights that there are.
        DataError: the source holds something that is no image file.
        UnreachableError: the hub does not answer.
    """
    renewed, told = [], ""
    images = _source_pin(project)
    start = _start_pin(project, images["sha256"])
    if start is None:
        start, told = _of_champion(project, images["sha256"])
    elif start.get("weights"):
        _provide(project, start)
    for name, heading, pin in _written(project, images, start):
        path = project.data / name
        if _present(path) != pin:
            files.write_yaml(path, pin, comment=heading)
            renewed.append(project.relative(path))
    if not renewed:
        return "the images and the starting weights are those that are pinned"
    return f"new or changed: pinned anew in {' and '.join(renewed)}{told}"


@proxies.reaching_out()
def pinned(project: Project) -> bool:
    """Whether the pins already say what the world is like; nothing is written."""
    images = _source_pin(project)
    start = _start_pin(project, images["sha256"])
    return start is not None and all(
        _present(project.data / name) == pin for name, _, pin in _written(project, images, start)
    )


class KnownHashes:
    """SHA-256 of files by size and time of modification, so that an unchanged one is read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = _read_index(path)
        self._seen: dict[str, list[Any]] = {}

    def __call__(self, path: Path) -> str:
        """SHA-256 of a file's content."""
        state = path.stat()
        now = [state.st_size, state.st_mtime_ns, state.st_ino]
        name = str(path.absolute())
        known = self._known.get(name)
        digest = known[-1] if known and known[:-1] == now else files.sha256(path)
        self._seen[name] = [*now, digest]
        return str(digest)

    def save(self) -> None:
        """Keep what was seen this time; files that are gone are forgotten."""
        if self._seen != self._known:
            files.write_text(self._path, json.dumps(self._seen))


def _written(project: Project, images: Pin, start: Pin) -> list[tuple[str, str, Pin]]:
    """The pins' files, their headings, and what they must say now."""
    pins = [("source.yaml", SOURCE_HEADING, images), ("start.yaml", START_HEADING, start)]
    if _augment(project).exists():
        pins.append(("pipeline.yaml", PIPELINE_HEADING, _pipeline_pin(project)))
    return pins


def _source_pin(project: Project) -> Pin:
    params = load_params(IngestParams, project.params / "ingest.yaml")
    if params.source != DIGITS:
        require_apart("ingest.source", params.source, project.root)
    source = open_source(params.source, max_unpacked_gib=params.max_unpacked_gib)
    known = KnownHashes(project.private / "hashes.json")
    fingerprint = source.fingerprint(known)
    known.save()
    return {"sha256": fingerprint}


def _start_pin(project: Project, images: str) -> Pin | None:
    """The pin of the starting weights; None: a champion's, and these images are new to it."""
    params = load_params(BaseParams, project.params / "base.yaml")
    if params.source not in SOURCES:
        require_apart("base.source", params.source, project.root)
    known = _present(project.data / "start.yaml") or {}
    taken = known.get("source"), known.get("images")
    if params.source == CHAMPION and taken != (CHAMPION, images):
        return None
    return start_pin(known=known, **params.model_dump())


def _pipeline_pin(project: Project) -> Pin:
    params = load_params(AugmentParams, _augment(project))
    if params.policy not in POLICIES:
        require_apart("augment.policy", params.policy, project.root)
    return pipeline_pin(params.policy)


def _augment(project: Project) -> Path:
    return project.params / "augment.yaml"


def _of_champion(project: Project, images: str) -> tuple[Pin, str]:
    """The pin of today's champion, or that there is none yet, and what to say of it."""
    from flows.serving import start

    params = load_params(BaseParams, project.params / "base.yaml")
    champion = start.pin(project)
    pin = start_pin(known={"images": images, **champion}, **params.model_dump())
    if champion:
        return pin, f"; training starts from version {champion['version']}, the champion"
    return pin, "; there is no champion yet: training starts from the packaged weights"


def _provide(project: Project, pin: Pin) -> None:
    from flows.serving import start

    start.provide(project, pin)


def _present(path: Path) -> dict[str, Any] | None:
    """What a pin says now; None where it is missing."""
    if not path.exists():
        return None
    content = files.read_yaml(path)
    return content if isinstance(content, dict) else {}


def _read_index(path: Path) -> dict[str, list[Any]]:
    """The index, or an empty one where there is none: every file is then read again."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}
