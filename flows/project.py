"""Where a project lies, what lies where in it, and the surroundings that its processes get."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.frame import addresses
from components.frame.errors import UsageError
from flows import proxies


@dataclass(frozen=True)
class Project:
    """A folder with a `dvc.yaml`; everything that Thawline writes lies in it."""

    root: Path

    @property
    def private(self) -> Path:
        """`.thawline/`: caches, studies, checkpoints, events; safe to delete."""
        return self.root / ".thawline"

    @property
    def cache(self) -> Path:
        """`.thawline/cache/`: what the stages share, decoded images and kept activations."""
        return self.private / "cache"

    @property
    def mlflow(self) -> Path:
        """`mlflow/`: the local store of runs and models, and the ledger."""
        return self.root / "mlflow"

    @property
    def params(self) -> Path:
        """`params/`: one YAML file a stage or action."""
        return self.root / "params"

    @property
    def data(self) -> Path:
        """`data/`: the pins and the images."""
        return self.root / "data"

    @property
    def build(self) -> Path:
        """`build/`: what the stages make, a folder each."""
        return self.root / "build"

    @property
    def pipeline(self) -> Path:
        """`dvc.yaml`: the stages."""
        return self.root / "dvc.yaml"

    @property
    def lock(self) -> Path:
        """`dvc.lock`: what the stages were built from, and what came out."""
        return self.root / "dvc.lock"

    @property
    def ledger(self) -> Path:
        """`mlflow/ledger.jsonl`: the verdicts, append-only."""
        return self.mlflow / "ledger.jsonl"

    def relative(self, path: Path) -> str:
        """`path` as a person in the project folder writes it."""
        return os.path.relpath(path, self.root)


def find(start: Path | None = None) -> Project:
    """The project around `start`, by default around the current folder.

    Raises:
        UsageError: no folder from there up holds a `dvc.yaml`.
    """
    here = _here() if start is None else start.resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file():
            return Project(folder)
    raise UsageError(
        f"A Thawline project is a folder with a dvc.yaml, but none is at {here} or above it. "
        "Make one, thawline init FOLDER, or change into your clone of the repository."
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "A project is found from the present folder, but that was removed. "
            "Change into your clone of the repository."
        ) from None


def environment(project: Project, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that works on `project`: `given`, and what we rely on.

    What a person may want otherwise (an own Prefect home or server, a log level) is kept.
    """
    given = os.environ if given is None else given
    here = str(Path(sys.executable).parent)
    chosen = {
        "PREFECT_LOGGING_SETTINGS_PATH": str(Path(__file__).parent / "runtime" / "console.yaml"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DVC_SITE_CACHE_DIR": str(project.private / "dvc"),
    }
    if "PREFECT_API_URL" not in given and "PREFECT_HOME" not in given:
        home = project.private / "prefect"
        database = addresses.sqlite(home / "prefect.db", "sqlite+aiosqlite")
        chosen |= {"PREFECT_HOME": str(home), "PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
    fixed = {
        "PATH": os.pathsep.join([here, given.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "DVC_NO_ANALYTICS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {**chosen, **given, **fixed, **proxies.spared(given)}


def enter(project: Project) -> None:
    """Make the project the surroundings of this very process, before anything heavy is imported."""
    os.environ.update(environment(project))
    (project.private / "prefect").mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
    os.chdir(project.root)
