"""A tiny project whose whole line takes seconds, its steps, and what is compared of it."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

from components.frame import events, files
from components.frame.stage import run, stage_function
from flows.actions import action
from flows.building import reproduce
from flows.project import Project, enter

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "flows" / "actions")]

CODE = ("components", "flows", "params", "data", "mlflow", ".dvc", ".dvcignore", ".gitignore")
TINY = {
    "augment": {"image_size": 32, "preview_images": 2},
    "base": {"source": "none", "architecture": "test_efficientnet"},
    "search": {"max_trials": 2, "epochs": 2, "batch_size": 8, "views": 1, "folds": 3},
    "train": {"epochs": 2},
    "report": {"mistakes": 2},
}
EACH = 10
"""Images of each of two classes."""
STAGES = ("ingest", "validate", "split", "base", "augment", "search", "train", "evaluate", "report")
ACTIONS = ("publish", "register", "judge", "promote", "push")
PRIVATE = (".git", ".thawline", ".dvc/tmp", "mlflow/mlflow.db", "mlflow/artifacts", "remote")
"""Where names and bytes differ from run to run: what counts there is compared by its meaning."""


def make(root: Path) -> Project:
    """A project as a person has it after cloning, with images and settings of its own."""
    from samples import draw, encode

    root.mkdir(parents=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *CODE, "dvc.yaml"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    images = root.with_name("images")
    for label, name in enumerate(("cat", "dog")):
        (images / name).mkdir(parents=True)
        for number in range(EACH):
            pixels = draw(100 * label + number) // (1 + label)
            (images / name / f"{number:02}.png").write_bytes(encode(pixels))
    for stage, values in (TINY | {"ingest": {"source": str(images)}}).items():
        change(root, stage, **values)
    config = root / ".dvc" / "config"
    named = "['remote \"folder\"']\n    url = ../../remote\n"
    config.write_text(config.read_text().replace("[core]", "[core]\n    remote = folder") + named)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        named = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", *named, *words], cwd=root, check=True)
    return Project(root)


def change(root: Path, stage: str, **values) -> None:
    """Set parameters of a stage."""
    path = root / "params" / f"{stage}.yaml"
    files.write_yaml(path, {**files.read_yaml(path), **values})


def warm() -> None:
    """Import once, before the forks, what steps need; nothing is computed."""
    import killed

    killed.warm()
    for name in STAGES:
        import_module(f"components.{name}")
    for name in (
        "dvc.repo",
        "dvc.api",
        "optuna",
        "timm",
        "albumentations",
        "matplotlib.pyplot",
        "components.figures.registry",
        "components.study.run",
        "components.training.final",
        "components.tasks.assessment",
        "components.data.ingestion",
        "components.data.validation",
        "components.data.splitting",
        "components.model.weights.take",
        "components.figures.augmentation_preview",
    ):
        import_module(name)


def perform(project: Project, step: str) -> None:
    """Do a step in this process: `stage NAME`, `build NAME` by way of DVC, or `action NAME`."""
    kind, name = step.split()[:2]
    enter(project)
    if kind == "stage":
        run(stage_function(name))
    elif kind == "build":
        reproduce.reproduce(project, name)
    else:
        from flows.actions import pending

        print(action.perform(project, name))
        if name in action.AFTER_BUILD:
            pending.remember_action(project, name)


def state(project: Project, *, times: bool = True) -> dict[str, object]:
    """All that a run leaves behind that counts, by its meaning.

    With `times`, those that events told count too.
    """
    return {
        "files": contents(project.root),
        "left over": sorted(left_over(project.root)),
        "damaged in DVC's cache": sorted(damaged(project.root)),
        "trials": told(project, "search", "trial", "number"),
        "epochs of trials": told(project, "search", "epoch", "trial", "epoch"),
        "epochs of train": told(project, "train", "epoch", "epoch"),
        "store": store(project, times=times),
        "ledger": ledger(project),
        "sent": sorted(str(one) for one in _files(project.root.with_name("remote"))),
    }


def contents(root: Path) -> dict[str, str]:
    """SHA-256 of every file of the project by its path."""
    found = {path.relative_to(root).as_posix(): path for path in _files(root)}
    seen = {name: path for name, path in found.items() if not name.startswith(PRIVATE)}
    seen.pop("mlflow/ledger.jsonl", None)
    return {
        name: files.sha256(path)
        for name, path in sorted(seen.items())
        if "__pycache__" not in name and not name.startswith((".dvc/cache/",))
    }


def left_over(root: Path) -> list[str]:
    """Files of a killed writer that nobody reads or removes."""
    private = root / ".thawline"
    found = [path for path in _files(private) if path.name.startswith(".")]
    return [
        path.relative_to(root).as_posix().rpartition(".")[0].rpartition(".")[0] for path in found
    ]


def damaged(root: Path) -> list[str]:
    """Files in DVC's cache that are not what their names say."""
    cache = root / ".dvc" / "cache" / "files" / "md5"
    return [
        str(path.relative_to(cache))
        for path in _files(cache)
        if not _whole(path) and len(path.name.split(".")[0]) == 30
    ]


def _whole(path: Path) -> bool:
    name = path.parent.name + path.name.split(".")[0]
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == name


def told(project: Project, stage: str, kind: str, *names: str) -> list[object]:
    """How often each event of a kind was told."""
    logs = sorted((project.private / "work" / stage).glob("*/events.jsonl"))
    found = [event for log in logs for event in events.read(log) if event["kind"] == kind]
    counted = Counter(tuple(event[name] for name in names) for event in found)
    return sorted([*map(str, key), number] for key, number in counted.items())


def store(project: Project, *, times: bool) -> object:
    """What MLflow holds, without ids."""
    import killed

    if not (project.mlflow / "mlflow.db").exists():
        return None
    from mlflow import MlflowClient

    from flows.tracking import stores

    client = MlflowClient(stores.address(project))
    if client.get_experiment_by_name("thawline") is None:
        return None
    if times:
        return json.loads(killed.held(project))
    experiment = client.get_experiment_by_name("thawline").experiment_id
    runs = client.search_runs([experiment])
    return {
        "runs": sorted([run.info.status, run.info.run_name] for run in runs),
        "versions": [[v.version, v.status, v.aliases] for v in client.search_model_versions()],
        "models": [one.status for one in client.search_logged_models([experiment])],
        "registered": [one.name for one in client.search_registered_models()],
    }


def ledger(project: Project) -> list[object]:
    """Its lines without their times; that a run found nothing to do may come again."""
    found = [event | {"at": 0, "store": 0, "run": 0} for event in events.read(project.ledger)]
    return [event for event in found if event["kind"] != "nothing"]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def keep(project: Project, place: Path) -> None:
    """A snapshot of the project and of its remote."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)
    shutil.copytree(project.root, place / "project", symlinks=True)
    if (remote := project.root.with_name("remote")).exists():
        shutil.copytree(remote, place / "remote")


def restore(project: Project, place: Path) -> None:
    """Make the project what it was, at its own path."""
    for name in ("project", "remote"):
        shutil.rmtree(project.root.with_name(name), ignore_errors=True)
        if (place / name).exists():
            shutil.copytree(place / name, project.root.with_name(name), symlinks=True)
