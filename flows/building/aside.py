"""What a build would remove and nobody could bring back is moved aside.

DVC empties the place of each output before a stage runs. What lies there is the stage's own where
`dvc.lock` or DVC's cache knows it, or where the stage was begun and did not end; else a person put
it there.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from components.frame import files
from flows.project import Project

TORN = re.compile(r"\.[\w-]{22}\.tmp")
"""So DVC calls what it copies beside an output, until it is whole."""


@contextmanager
def strangers(project: Project, repo: Any, name: str) -> Iterator[None]:  # noqa: ANN401  # DVC's
    """Move aside what is a person's among a stage's outputs, and note that it is being built."""
    begun = project.private / "begun" / name
    again = begun.exists()
    for output in repo.stage.load_one(name=name).outs:
        path = Path(output.fs_path)
        if again:
            _sweep(path)
        elif not output.persist and _is_strange(output):
            _move(path)
    files.write_text(begun, "")
    yield
    begun.unlink(missing_ok=True)


def _is_strange(output: Any) -> bool:  # noqa: ANN401  # DVC's
    """Whether something lies there that neither `dvc.lock` nor the cache knows."""
    if not output.exists:
        return False
    found = output.get_hash()
    return found != output.hash_info and not output.cache.exists(found.value)


def _sweep(output: Path) -> None:
    """Remove what a killed DVC had begun to copy beside an output, or in it."""
    for path in (*output.parent.glob(".*.tmp"), *output.rglob(".*.tmp")):
        if TORN.fullmatch(path.name):
            path.unlink()


def _move(path: Path) -> None:
    numbered = (path.with_name(f"{path.name}.aside-{number}") for number in count(1))
    place = next(one for one in numbered if not one.exists())
    path.rename(place)
    print(f"{path.name} holds what no run put there: it was moved to {place}", flush=True)
