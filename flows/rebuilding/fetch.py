"""What is not computed again: the images and the starting weights, from the DVC remote."""

from pathlib import Path
from tempfile import TemporaryDirectory

from components.data import ingestion
from components.data.source import open_source
from components.frame import files
from components.frame.errors import DataError, UnreachableError, UsageError
from components.frame.spec import spec
from flows.building import repository
from flows.project import Project
from flows.rebuilding.lineage import Lineage

RAW = "data/raw"
STAGES = ("ingest", "base")
"""Their command is not run: the world that they read may have moved on."""


def fetch(project: Project, lineage: Lineage) -> str:
    """Bring the images and the starting weights; says in a line what was done.

    Raises:
        UsageError: no remote is set.
        UnreachableError: it does not give them.
        DataError: they are not those that the version was built from.
    """
    remote = _pull(project, [RAW, *spec("base", project.root).outs])
    weights = project.build / "base" / "model.safetensors"
    if files.sha256(weights) != lineage.base:
        raise _other(project, lineage, weights)
    return f"{RAW} and the starting weights, from the DVC remote {remote}"


def list_images(project: Project, lineage: Lineage) -> None:
    """Make the manifest anew from the images, which must be those the version was built from.

    Raises:
        DataError: they are not.
    """
    import pandas as pd

    manifest = project.build / "ingest" / "manifest.parquet"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    raw = project.root / RAW
    with TemporaryDirectory(dir=project.private) as place:
        pin = Path(place) / "source.yaml"
        files.write_yaml(pin, {"sha256": open_source(str(raw)).fingerprint()})
        ingestion.copy(str(raw), 1.0, pin=pin, raw=Path(place) / "raw", manifest=manifest)
    brought, wanted = (
        pd.read_parquet(path)[["path", "sha256"]].itertuples(index=False, name=None)
        for path in (manifest, lineage.root / "data" / "splits.parquet")
    )
    differing = sorted(set(wanted) - set(brought))
    if differing:
        raise _other(project, lineage, raw / str(differing[0][0]))


def _pull(project: Project, names: list[str]) -> str:
    """Have DVC bring outputs from the default remote; its name."""
    from dvc.exceptions import DvcException

    try:
        with repository.opened(project) as repo:
            remote = repo.config["core"].get("remote")
            if not remote:
                raise UsageError(
                    "A DVC remote with the images is needed, but none is set here. "
                    "Name it: dvc remote add --default NAME ADDRESS"
                )
            repo.pull(names)
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UnreachableError(
            f"The DVC remote must give {', '.join(names)}, but: {reason}. Fix it, or its "
            "settings (`dvc remote list`); what the remote lacks, the project that has it sends: "
            "thawline push"
        ) from error
    return str(remote)


def _other(project: Project, lineage: Lineage, path: Path) -> DataError:
    return DataError(
        f"What the DVC remote gave must be what {lineage.called} was built from, but "
        f"{project.relative(path)} is another file. Remove it from .dvc/cache and from the remote, "
        "and push it again from the project that has it: thawline push"
    )
