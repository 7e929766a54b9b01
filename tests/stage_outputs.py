"""A project as the stages leave it: small, but every file is true, the network included."""

import json
import shutil
from pathlib import Path

import pytest

from components.frame import files
from components.frame.events import Events
from components.tasks.classification import Classification
from flows.project import Project
from flows.tracking import timings

CLASSES = ("blue", "green", "red")
TASK = Classification(CLASSES)
SPLITS = {"train": 8, "val": 4, "test": 12}
"""Images a class."""
STAGES = ("ingest", "split", "search", "train", "evaluate")
PIPELINE = """\
stages:
  ingest:
    cmd: python -m components.ingest
    deps: [data/source.yaml]
    params: [{params/ingest.yaml: }]
    outs: [data/raw]
  split:
    cmd: python -m components.split
    deps: [data/raw]
    outs: [build/split/splits.parquet]
  search:
    cmd: python -m components.search
    deps: [build/split/splits.parquet]
    params: [{params/search.yaml: }]
    outs: [build/search/best.yaml, build/search/trials.csv]
  train:
    cmd: python -m components.train
    deps: [build/search/best.yaml]
    outs: [build/train/weights.safetensors, build/train/network.json]
  evaluate:
    cmd: python -m components.evaluate
    deps: [build/train/weights.safetensors]
    outs: [build/evaluate/predictions.parquet]
"""
TRIALS = ("complete", "pruned", "complete")
PAGE = "<p>a run</p><!--durations-->?<!--/durations--><!--verdict-->?<!--/verdict-->"
EPOCHS = 3
START = 1_790_000_000.0


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A built project without a store, made once."""
    root = tmp_path_factory.mktemp("template")
    _write_params(root)
    _write_images(root)
    write_model(root, seed=0)
    write_search(root, root / "data/raw/red/test-00.png")
    write_lock(root, "first")
    write_events(root)
    return root


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """MLflow's empty database: making it anew takes seconds."""
    from mlflow import MlflowClient

    from flows.tracking import stores

    stores.prepare()
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(template, empty_store, tmp_path, monkeypatch):
    """A built project in which every action is pending, in a folder whose name is no plain one."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return fresh(template, empty_store, tmp_path / "ein Projekt ü")


@pytest.fixture(scope="module")
def seen(template, empty_store, tmp_path_factory):
    """A project that was published and registered, for tests that only look."""
    from registry import vouch

    from flows.actions import action

    project = fresh(template, empty_store, tmp_path_factory.mktemp("seen") / "project")
    action.perform(project, "publish")
    action.perform(project, "register")
    vouch(project)
    return project


def fresh(template: Path, empty_store: Path, root: Path) -> Project:
    shutil.copytree(template, root)
    (root / "mlflow").mkdir()
    shutil.copy(empty_store, root / "mlflow" / "mlflow.db")
    return Project(root)


@pytest.fixture
def rebuild(project):
    """Another run of the pipeline: another network, and what fraction of the answers is right."""

    def build(seed: int, right: float = 1.0, task: Classification = TASK) -> None:
        write_model(project.root, seed, right, task)
        write_lock(project.root, f"seed {seed}, {right} right, {task}")

    return build


@pytest.fixture
def perform(project):
    """Do actions in their order; their sentences. What is registered is vouched for."""
    from registry import vouch

    from flows.actions import action

    def do(*names: str) -> list[str]:
        sentences = []
        for name in names:
            sentences.append(action.perform(project, name))
            if name == "register":
                vouch(project)
        return sentences

    return do


@pytest.fixture
def first(project, perform):
    """A project whose first model is the champion; its digest."""
    from registry import ALL

    from flows.records import identity

    perform(*ALL)
    return identity.model_digest(project)


@pytest.fixture
def answers(project):
    """Keep answers of a registered model to today's test images, as if it had been asked."""
    import pandas as pd

    from flows.gate import champion

    def keep(model: str, right: float) -> None:
        table = pd.read_parquet(project.build / "evaluate/predictions.parquet").sort_values("path")
        count = round(right * len(table))
        predicted = [*table["true"][:count], *map(_other, table["true"][count:])]
        path = champion.kept(project, model, table)
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"class": predicted}).to_parquet(path)

    return keep


def write_lock(root: Path, content: str) -> None:
    """`dvc.lock` as another run would have it."""
    files.write_yaml(root / "dvc.lock", {"schema": "2.0", "stages": {"train": {"cmd": content}}})


def write_model(root: Path, seed: int, right: float = 1.0, task: Classification = TASK) -> None:
    """Weights drawn with `seed`, and predictions of which the fraction `right` is right."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    from components.model import backbone
    from components.model.description import NetworkDescription, Origin
    from components.tasks import registry

    network = NetworkDescription(
        architecture="test_efficientnet",
        arguments={},
        task=registry.described(task),
        transform={"size": 32, "resize": 36, "mean": [0.5] * 3, "std": [0.5] * 3},
        freeze_depth=2,
        layer="blocks.1",
        trained_fraction=0.8125,
        learning_rate=0.003,
        base=Origin(source="package", licence="Apache-2.0", sha256="ab" * 32),
    )
    torch.manual_seed(seed)
    model = backbone.create(network.architecture, task.outputs, 32, {})
    (root / "build" / "train").mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), root / "build/train/weights.safetensors")
    network.write(root / "build/train/network.json")
    images = _table(root).query("split == 'test'").reset_index(drop=True)
    wanted = np.arange(len(images)) < round(right * len(images))
    named = np.where(wanted, images["class"], images["class"].map(_other))
    answers = np.array([[float(name == one) for one in task.classes] for name in named], np.float32)
    scored = images[["path", "sha256"]].join(task.predictions(answers, images["class"]))
    (root / "build/evaluate").mkdir(parents=True, exist_ok=True)
    scored.to_parquet(root / "build/evaluate/predictions.parquet", index=False)
    write_results(root, float(wanted.mean()), len(images))


def write_events(root: Path) -> None:
    """The events of a run that wrote these outputs."""
    project = Project(root)
    folders = {name: timings.events_path(project, name) for name in STAGES}
    for name, path in folders.items():
        files.write_text(path.parent.parent / "current", path.parent.name + "\n")
        for event in stage_events(name):
            write_event(path, event)


def write_event(path: Path, event: dict) -> None:
    Events(path)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def stage_events(name: str) -> list[dict]:
    """What a stage tells, with the times of a clock that ticks once an event."""
    start = START + 100 * STAGES.index(name)
    told = [{"kind": "started", "stage": name}]
    if name == "search":
        for number, state in enumerate(TRIALS):
            told += [epoch_event(timings.fit_of(number), number, epoch) for epoch in epochs(state)]
            told.append(trial_event(number, state))
    if name == "train":
        told += [epoch_event("train", None, epoch) for epoch in epochs("complete")]
    told.append({"kind": "finished", "stage": name, "seconds": float(len(told))})
    return [{"at": start + tick, **event} for tick, event in enumerate(told)]


def epochs(state: str) -> range:
    return range(1, (EPOCHS if state == "complete" else 1) + 1)


def epoch_event(fit: str, trial: int | None, epoch: int) -> dict:
    measured = {"seconds": 0.5, "images_per_second": 310.0 + epoch}
    told = {"kind": "epoch", "fit": fit, "trial": trial, "epoch": epoch, "epochs": EPOCHS}
    return told | curve(epoch) | measured


def trial_event(number: int, state: str) -> dict:
    told = {"kind": "trial", "number": number, "state": state, "value": 0.7, "seconds": 1.5}
    return told | settings(number)


def settings(number: int) -> dict:
    rates = (0.003, 0.0001 / 3, 1e-5)
    return {
        "freeze_depth": number,
        "layer": f"blocks.{number}",
        "trained_fraction": 1 / (number + 3),
        "learning_rate": rates[number],
    }


def curve(epoch: int) -> dict:
    return {
        "train_loss": 1 / epoch,
        "train_score": 0.5 + epoch / 7,
        "validation_loss": 2 / epoch,
        "validation_score": 0.4 + epoch / 11,
        "learning_rate": 0.003 / epoch,
    }


def _write_params(root: Path) -> None:
    values = {
        "ingest": {"source": "images/colours.tar"},
        "search": {"max_trials": 3, "learning_rate": {"low": 1e-5, "high": 0.01}},
        "publish": {"experiment": "thawline"},
        "register": {"name": "thawline"},
        "evaluate": {"confidence_level": 0.95, "batch_size": 64, "device": "cpu"},
        "judge": {"alpha": 0.05},
    }
    for name, content in values.items():
        files.write_yaml(root / "params" / f"{name}.yaml", content)
    files.write_text(root / "dvc.yaml", PIPELINE)
    files.write_yaml(root / "data" / "source.yaml", {"images": 72, "sha256": "cd" * 32})
    files.write_yaml(root / "data" / "start.yaml", {"source": "package", "sha256": "ab" * 32})


def _write_images(root: Path) -> None:
    """Noisy single-coloured squares of several sizes, and the table that splits them."""
    import numpy as np
    import pandas as pd
    from PIL import Image

    random, rows = np.random.default_rng(0), []
    for index, name in enumerate(CLASSES):
        for split, count in SPLITS.items():
            for number in range(count):
                pixels = random.integers(0, 90, (28 + number, 40, 3), dtype=np.uint8)
                pixels[:, :, 2 - index] += 150
                path = root / "data" / "raw" / name / f"{split}-{number:02d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
                name_in_raw, digest = f"{name}/{path.name}", files.sha256(path)
                row = {"path": name_in_raw, "class": name, "split": split, "sha256": digest}
                rows.append(row)
    (root / "build/split").mkdir(parents=True)
    table = pd.DataFrame(rows).sort_values("path")
    table.to_parquet(root / "build/split/splits.parquet", index=False)


def write_search(root: Path, figure: Path) -> None:
    """What `search` and `train` write beside the model, with `figure` for each of theirs."""
    import pandas as pd

    from components.data.images.policy import AugmentationDescription
    from components.training.recipe import Best, Setting

    trials, curves = [], []
    for number, state in enumerate(TRIALS):
        lines = [{"number": number, "epoch": epoch, **curve(epoch)} for epoch in epochs(state)]
        curves += lines
        reached = {name: lines[-1][name] for name in ("validation_loss", "validation_score")}
        trial = {"number": number, "state": state, "origin": "sampled", **settings(number)}
        trials.append(trial | {"epochs": len(lines)} | reached)
    folder = root / "build" / "search"
    folder.mkdir(parents=True)
    pd.DataFrame(trials).to_csv(folder / "trials.csv", index=False)
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    chosen = settings(0)
    setting = Setting(freeze_depth=chosen["freeze_depth"], learning_rate=chosen["learning_rate"])
    best = Best(layer=chosen["layer"], batch_size=16, setting=setting)
    best.write(folder / "best.yaml")
    described = AugmentationDescription(
        task=TASK.name,
        evaluation={},
        training={},
        mirrored=True,
        mirroring="training may mirror images: of 40 images",
    )
    described.write(root / "build" / "augment" / "augmentation.json")
    history = [{"epoch": epoch, **curve(epoch)} for epoch in epochs("complete")]
    pd.DataFrame(history).to_csv(root / "build" / "train" / "history.csv", index=False)
    files.write_text(root / "build/report/index.html", PAGE)
    for name in ("augment/preview.png", "report/figures/learning.png"):
        (root / "build" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(figure, root / "build" / name)


def write_results(root: Path, accuracy: float, images: int) -> None:
    metrics = {
        "accuracy": accuracy,
        "accuracy_low": max(0.0, accuracy - 0.05),
        "accuracy_high": min(1.0, accuracy + 0.05),
        "majority_fraction": 1 / 3,
        "macro_f1": accuracy,
        "roc_auc": None,
        "log_loss": 0.25,
        "images": images,
    }
    files.write_json(root / "build" / "evaluate" / "metrics.json", metrics)


def _table(root: Path):
    import pandas as pd

    return pd.read_parquet(root / "build" / "split" / "splits.parquet")


def _other(name: str) -> str:
    return CLASSES[(CLASSES.index(name) + 1) % len(CLASSES)]
