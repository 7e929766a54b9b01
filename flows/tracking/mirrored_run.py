"""What MLflow should hold of the run in `build/`, and of each of its trials."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.frame import files
from flows.project import Project
from flows.records import identity, revision
from flows.tracking import run_content, timings
from flows.tracking.outputs import (
    Outputs,
    best_validation,
    data_version,
    figure_files,
    lineage_files,
    number_in,
    source_name,
    table_files,
)
from flows.tracking.run_content import Dataset, MetricPoint, RunContent, TrialContent
from flows.tracking.tags import (
    BASE_LICENCE_TAG,
    BASE_SHA256_TAG,
    BASE_SOURCE_TAG,
    COMMIT_TAG,
    DATA_TAG,
    MODEL_TAG,
    RUN_TAG,
    STATE_TAG,
    TRIAL_TAG,
)

STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
"""A pruned trial did what was asked of it; MLflow shows `KILLED` in the red of a failure. Its name
and the tag `thawline.state` say that it ended early."""
FOUND = frozenset(
    {"validation_score", "validation_score_error", "validation_loss", "shown", "cost"}
)
TOLD = frozenset({"state", "cached", "why", "chosen"})
NO_SETTING = FOUND | TOLD | {"number"}
"""Columns of `trials.csv` that are no setting of the trial."""
KINDS = {"probe": " · probe", "confirmation": " · confirmation run"}
EARLY = " · ended early"
CONTEXTS = {"train": "train", "val": "validation", "test": "test"}
DIGEST_LENGTH = 36


def parent(outputs: Outputs) -> RunContent:
    """What the run of the whole pipeline should hold."""
    started, ended = outputs.times.whole()
    return RunContent(
        name=run_name(outputs),
        status="FINISHED",
        started=started,
        ended=ended,
        params=_params(outputs),
        tags=_tags(outputs),
        points=tuple(_parent_points(outputs, ended)),
        files=_files(outputs.project),
        datasets=tuple(datasets(outputs)),
    )


def trials(outputs: Outputs) -> list[TrialContent]:
    """What the run of each trial should hold, in their order."""
    curves: dict[int, list[dict[str, str]]] = {}
    for row in run_content.rows(outputs.path("search/curves.csv")):
        curves.setdefault(int(row["number"]), []).append(row)
    table = run_content.rows(outputs.path("search/trials.csv"))
    return [_trial(outputs, row, curves.get(int(row["number"]), [])) for row in table]


def run_name(outputs: Outputs) -> str:
    """What tells two runs apart, first what differs most: the lists of runs cut the end."""
    network, task = outputs.network, outputs.task
    score = task.shown(outputs.metrics[task.score_name]).replace("%", " %")
    parts = [score, network.layer, source_name(outputs.project), network.architecture]
    return " · ".join(parts)


def trial_name(told: Mapping[str, Any]) -> str:
    """As `run_name`, of a trial by its row or event; what is no full trial says so."""
    number, layer, learning_rate = int(told["number"]), told["layer"], float(told["learning_rate"])
    kind = KINDS.get(told.get("stage", "full"), "")
    if told["state"] == "pruned" and told.get("stage") != "probe":
        kind += EARLY
    return f"trial {number:02d} · {layer} · {learning_rate:.1e}{kind}"


def datasets(outputs: Outputs) -> list[Dataset]:
    """The images of each split, by a digest of their names, targets and contents."""
    import pandas as pd

    table = pd.read_parquet(outputs.path("split/splits.parquet"))
    parts = table.groupby("split", sort=True)
    return [_dataset(outputs, str(split), images) for split, images in parts]


def _files(project: Project) -> dict[str, Path]:
    return lineage_files(project) | figure_files(project) | table_files(project)


def _params(outputs: Outputs) -> dict[str, str]:
    """The settings that were chosen under their plain names, as trials have them, and all given."""
    network = outputs.network
    chosen = outputs.chosen | {
        "architecture": network.architecture,
        "freeze_depth": network.freeze_depth,
        "layer": network.layer,
        "trained_fraction": network.trained_fraction,
    }
    plain = {key: run_content.text(value) for key, value in run_content.flat(chosen).items()}
    return given_params(outputs.project) | plain


def given_params(project: Project) -> dict[str, str]:
    """Every parameter of every stage and action as `stage.key`."""
    return {
        f"{path.stem}.{key}": run_content.text(value)
        for path in sorted(project.params.glob("*.yaml"))
        for key, value in run_content.flat(files.read_yaml(path) or {}).items()
    }


def _tags(outputs: Outputs) -> dict[str, str]:
    project, base = outputs.project, outputs.network.base
    commit = revision.revision(project.root)
    tags = {
        RUN_TAG: identity.run_key(project),
        MODEL_TAG: identity.model_digest(project),
        DATA_TAG: data_version(project),
        BASE_SOURCE_TAG: run_content.text(base.source),
        BASE_LICENCE_TAG: run_content.text(base.licence),
        BASE_SHA256_TAG: run_content.text(base.sha256),
        STATE_TAG: commit.state,
        "mlflow.source.name": "thawline",
        "mlflow.source.type": "LOCAL",
    }
    return tags | ({COMMIT_TAG: commit.commit} if commit.commit else {})


def _parent_points(outputs: Outputs, ended: int | None) -> list[MetricPoint]:
    times, score_name = outputs.times, outputs.task.score_name
    points = run_content.curve_points(outputs.history, times.times(timings.TRAIN), score_name)
    points += times.measured(timings.TRAIN)
    seconds = {f"seconds/{name}": value for name, value in times.seconds().items()}
    if seconds:
        points += run_content.points_of(seconds | {"seconds/total": sum(seconds.values())}, ended)
    figures = {f"test_{key}": value for key, value in run_content.flat(outputs.metrics).items()}
    figures["best_validation_score"] = best_validation(outputs)
    return run_content.points_of(run_content.named(figures, score_name), ended) + points


def _trial(outputs: Outputs, row: dict[str, str], curve: list[dict[str, str]]) -> TrialContent:
    number, times, score_name = int(row["number"]), outputs.times, outputs.task.score_name
    fit, told = timings.fit_of(number), times.trials.get(number)
    started, ended = times.span(fit)
    if told is not None:
        ended = run_content.milliseconds(told["at"])
    final = run_content.named(_final(row, told), score_name)
    points = run_content.points_of(final, ended)
    points += run_content.curve_points(curve, times.times(fit), score_name)
    points += times.measured(fit)
    content = RunContent(
        name=trial_name(row),
        status=STATUS[row["state"]],
        started=started,
        ended=ended,
        params={key: cell for key, cell in row.items() if key not in NO_SETTING and cell},
        tags={TRIAL_TAG: str(number)} | _told(row),
        points=tuple(points),
    )
    return TrialContent(number, content)


def _final(row: dict[str, str], told: timings.Event | None) -> dict[str, float | None]:
    """What a trial came to."""
    return {
        "best_validation_score": number_in(row, "validation_score"),
        "validation_score_error": number_in(row, "validation_score_error"),
        "cost": number_in(row, "cost"),
        "seconds/total": None if told is None else told.get("seconds"),
    }


def _told(row: dict[str, str]) -> dict[str, str]:
    """What happened to a trial, which is neither a setting nor a metric."""
    return {f"thawline.{key}": row[key] for key in sorted(TOLD) if row.get(key)}


def _dataset(outputs: Outputs, split: str, images: Any) -> Dataset:  # noqa: ANN401  # a data frame
    images = images.sort_values("path")
    truth = outputs.task.truth(images)
    rows = [list(row) for row in zip(images["path"], truth.tolist(), images["sha256"], strict=True)]
    kinds = {"path": "string", str(truth.name): _kind(truth), "sha256": "string"}
    schema = [{"name": name, "type": kind, "required": True} for name, kind in kinds.items()]
    return Dataset(
        name=source_name(outputs.project),
        digest=identity.digest(rows)[:DIGEST_LENGTH],
        context=CONTEXTS.get(split, split),
        source=json.dumps({"uri": "data/raw"}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps({"images": len(images), **_counts(truth)}),
    )


def _kind(truth: Any) -> str:  # noqa: ANN401  # a column of a data frame
    """MLflow's name for the type of the targets."""
    return "double" if truth.dtype.kind in "iuf" else "string"


def _counts(truth: Any) -> dict[str, dict[str, int]]:  # noqa: ANN401  # a column of a data frame
    """How many images show each class, where targets are names."""
    if _kind(truth) != "string":
        return {}
    counts = truth.value_counts().sort_index()
    return {"classes": {str(name): int(count) for name, count in counts.items()}}
