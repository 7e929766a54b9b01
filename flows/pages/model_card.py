"""What MLflow's pages say in words and figures: Markdown of a run and of a version.

MLflow 3.17 renders lists, code, links and images whose address is its own `get-artifact`; headings
look like text there, and columns of tables touch. A run's page shows four lines until one asks for
more, a list of versions the first line alone, unrendered: what matters most comes first, in a plain
sentence.
"""

import json
from pathlib import PurePosixPath
from urllib.parse import quote

from flows.pages import experiment, run_page
from flows.tracking import mirrored_run, run_content
from flows.tracking.outputs import (
    Outputs,
    best_validation,
    data_version,
    figure_files,
    source_name,
    task_tables,
)

FIGURES = {
    "learning": "Learning curves",
    "landscape": "Freeze depths and rates that were tried",
    "front": "What scores cost",
    "epochs": "How the trials learned",
    "confusion_matrix": "Confusion matrix",
    "mistakes": "Worst mistakes",
    "preview": "What training sees",
}
"""Figures by their names, in the order of their interest; others follow under their own."""
NAMED = {
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC, one against the rest",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
"""Metrics of the tasks, by what a person calls them, and in which order."""
DIGITS = {"roc_auc": ".4f", "calibration_error": ".1%"}
"""How they are written, where not with three digits."""
GATE = (
    "*Promote model*, the button on this page, passes the gate by; `thawline promote VERSION` asks "
    "it."
)


def of_run(outputs: Outputs, run: str, experiment_id: str) -> str:
    """The description of a run."""
    parts = [
        headline(outputs),
        f"[The whole run on one page](#{run_page.path(experiment_id, run)})",
        training(outputs),
        _list(named_metrics(outputs)),
        _decisions(outputs),
    ]
    parts += [_figure(path, run) for path in _figures(outputs)]
    parts.append(f"[All runs, in columns that compare](#{experiment.path(experiment_id)})")
    return "\n\n".join(filter(None, parts))


def of_version(outputs: Outputs, run: str, model: str) -> str:
    """The model card: metrics, data, what it starts from, limits, how to load it.

    Args:
        outputs: what the stages made.
        run: the run that shows its figures.
        model: the id under which MLflow keeps the files of this very model.
    """
    own = outputs.task.figures[:1]
    parts = [
        headline(outputs),
        training(outputs),
        f"**Metrics**\n\n{_list(named_metrics(outputs))}",
        f"**Data**\n\n{_data(outputs)}",
        f"**Starts from**\n\n{_base(outputs)}",
        f"**Limits**\n\n{_limits(outputs)}",
        GATE,
        f"**Loading it**\n\n{loading(f'models:/{model}')}",
        *(_figure(path, run) for path in _figures(outputs) if _name(path) in own),
    ]
    return "\n\n".join(filter(None, parts))


def headline(outputs: Outputs) -> str:
    """What the model is worth, in one plain sentence."""
    metrics, task = outputs.metrics, outputs.task
    beside = task.beside(metrics)
    return (
        f"{score(outputs)} {task.score_name} on {metrics['images']:,} test images of "
        f"{source_name(outputs.project)}{f'; {beside}' if beside else ''}."
    )


def score(outputs: Outputs) -> str:
    """The score on the test images with its interval."""
    value, low, high = outputs.shown_score
    return f"{value} ({low} to {high})"


def training(outputs: Outputs) -> str:
    """What was trained, and how, in one sentence."""
    network = outputs.network
    rate = f"at a learning rate of {network.learning_rate:.2g}"
    if network.freeze_depth == 0:
        return f"`{network.architecture}`, trained whole {rate}."
    return (
        f"`{network.architecture}`, trained from `{network.layer}` on "
        f"({network.trained_fraction:.1%} of the parameters) {rate}; what comes before is "
        "frozen as it was pretrained."
    )


def named_metrics(outputs: Outputs) -> dict[str, str]:
    """The metrics on the test images, by what a person calls them."""
    metrics, task = outputs.metrics, outputs.task
    level, best = metrics.get("confidence_level"), best_validation(outputs)
    interval = f", {level:.0%} interval" if level else ""
    own = {
        name: f"{metrics[key]:{DIGITS.get(key, '.3f')}}"
        for key, name in NAMED.items()
        if metrics.get(key) is not None
    }
    named = {f"test {task.score_name}{interval}": score(outputs), **own}
    if best is not None:
        named[f"best validation {task.score_name}"] = task.shown(best)
    return named


def loading(uri: str) -> str:
    """Code that loads a model where this repository is not."""
    return (
        "```python\nimport mlflow\nimport pandas as pd\n\n"
        f'model = mlflow.pyfunc.load_model("{uri}")\n'
        'images = [open("image.jpg", "rb").read()]\n'
        'model.predict(pd.DataFrame({"image": images}))\n```'
    )


def _data(outputs: Outputs) -> str:
    counts = {
        split.context: json.loads(split.profile)["images"]
        for split in mirrored_run.datasets(outputs)
    }
    order = [split for split in mirrored_run.CONTEXTS.values() if split in counts]
    splits = ", ".join(f"{counts[split]:,} for {split}" for split in order)
    return (
        f"{source_name(outputs.project)}: {splits}. The model {outputs.task.about()}. "
        f"Fingerprint `{data_version(outputs.project)}`; every image with its digest lies "
        "in the run, `data/splits.parquet`."
    )


def _limits(outputs: Outputs) -> str:
    size = outputs.transform.size
    first, *rest = outputs.task.limits(task_tables(outputs.project))
    lines = [
        first,
        "The metrics hold for images of the same origin; nothing was measured on others.",
        f"Images are cut to a square and seen at {size} x {size} pixels.",
        *rest,
    ]
    return "\n".join(f"- {line}" for line in lines)


def _decisions(outputs: Outputs) -> str:
    """How the search came to its choice."""
    path = outputs.project.build / "search" / "decisions.csv"
    lines = [f"- {row['decision']}" for row in run_content.rows(path)] if path.is_file() else []
    return "**How the search decided**\n\n" + "\n".join(lines) if lines else ""


def _base(outputs: Outputs) -> str:
    base = outputs.network.base
    return f"{base.source}, licence {base.licence}, SHA-256 `{base.sha256}`."


def _figures(outputs: Outputs) -> list[str]:
    """The run's artifacts that are figures, the most interesting first."""
    order = list(FIGURES)
    figures = sorted(figure_files(outputs.project))
    return sorted(figures, key=lambda path: (*order, _name(path)).index(_name(path)))


def _figure(path: str, run: str) -> str:
    """A figure from the run's own artifacts, by an address that any MLflow server answers."""
    shown = FIGURES.get(_name(path), _name(path).replace("_", " ").capitalize())
    return f"![{shown}](get-artifact?path={quote(path)}&run_uuid={run})"


def _name(path: str) -> str:
    return PurePosixPath(path).stem


def _list(lines: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())
