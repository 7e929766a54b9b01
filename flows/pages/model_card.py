"""What MLflow's pages say in words and figures: Markdown of a run and of a version.

MLflow 3.17 renders lists, code, links and images whose address is its own `get-artifact`; headings
look like text there, and columns of tables touch. A run's page shows four lines until one asks for
more, a list of versions the first line alone, unrendered: what matters most comes first, in a plain
sentence.
"""

import json
from typing import Any
from urllib.parse import quote

from flows.pages import experiment as view
from flows.tracking import mirrored_run, run_content
from flows.tracking import outputs as mirror
from flows.tracking.outputs import Outputs

FIGURES = {
    "report/figures/learning.png": "Learning curves",
    "report/figures/landscape.png": "Freeze depths and rates that were tried",
    "report/figures/front.png": "What scores cost",
    "report/figures/epochs.png": "How the trials learned",
    "report/figures/matrix.png": "Confusion matrix",
    "report/figures/mistakes.png": "Worst mistakes",
    "augment/preview.png": "What training sees",
}
"""In the order of their interest."""
WEAKEST = 3
"""Classes named among the limits."""
LONGEST_LIST = 300
"""Characters of class names; more of them are only counted."""


def of_run(outputs: Outputs, run: str, experiment: str) -> str:
    """The description of a run."""
    parts = [
        headline(outputs),
        training(outputs),
        _list(named_metrics(outputs)),
        _decisions(outputs),
    ]
    parts += [_figure(outputs, name, run) for name in FIGURES]
    parts.append(f"[All runs, in columns that compare](#{view.path(experiment)})")
    return "\n\n".join(filter(None, parts))


def of_version(outputs: Outputs, run: str, model: str) -> str:
    """The model card: metrics, data, what it starts from, limits, how to load it.

    Args:
        outputs: what the stages made.
        run: the run that shows its figures.
        model: the id under which MLflow keeps the files of this very model.
    """
    parts = [
        headline(outputs),
        training(outputs),
        f"**Metrics**\n\n{_list(named_metrics(outputs))}",
        f"**Data**\n\n{_data(outputs)}",
        f"**Starts from**\n\n{_base(outputs)}",
        f"**Limits**\n\n{_limits(outputs)}",
        f"**Loading it**\n\n{loading(f'models:/{model}')}",
        _figure(outputs, "report/figures/matrix.png", run),
    ]
    return "\n\n".join(filter(None, parts))


def headline(outputs: Outputs) -> str:
    """What the model is worth, in one plain sentence."""
    metrics = outputs.metrics
    return (
        f"{score(outputs)} of {metrics['images']:,} test images of "
        f"{mirror.source_name(outputs.project)} are right; the largest class alone would give "
        f"{metrics['majority_fraction']:.1%}."
    )


def score(outputs: Outputs) -> str:
    """The test accuracy with its interval."""
    metrics = outputs.metrics
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    return f"{metrics['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def training(outputs: Outputs) -> str:
    """What was trained, and how, in one sentence."""
    network = outputs.network
    rate = f"at a learning rate of {network['learning_rate']:.2g}"
    if network["freeze_depth"] == 0:
        return f"`{network['architecture']}`, trained whole {rate}."
    return (
        f"`{network['architecture']}`, trained from `{network['layer']}` on "
        f"({network['trained_fraction']:.1%} of the parameters) {rate}; what comes before is "
        "frozen as it was pretrained."
    )


def named_metrics(outputs: Outputs) -> dict[str, str]:
    """The metrics on the test images, by what a person calls them."""
    metrics = outputs.metrics
    confidence_level = metrics.get("confidence_level")
    interval = f", {confidence_level:.0%} interval" if confidence_level else ""
    found = {
        f"test accuracy{interval}": score(outputs),
        "macro F1": _digits(metrics.get("macro_f1")),
        "ROC AUC, one against the rest": _digits(metrics.get("roc_auc"), 4),
        "log loss": _digits(metrics.get("log_loss")),
        "calibration error": _percent(metrics.get("calibration_error")),
        "best validation accuracy": _percent(mirror.best_validation(outputs)),
    }
    return {name: value for name, value in found.items() if value}


def loading(uri: str) -> str:
    """Code that loads a model where this repository is not."""
    return (
        "```python\nimport mlflow\nimport pandas as pd\n\n"
        f'model = mlflow.pyfunc.load_model("{uri}")\n'
        'images = [open("image.jpg", "rb").read()]\n'
        'model.predict(pd.DataFrame({"image": images}))\n```'
    )


def classes(outputs: Outputs) -> str:
    """The classes by name, or how many where they are many."""
    names = outputs.network["classes"]
    listed = ", ".join(map(str, names))
    return f"{len(names)} classes" + (f": {listed}" if len(listed) <= LONGEST_LIST else "")


def _data(outputs: Outputs) -> str:
    counts = {
        split.context: json.loads(split.profile)["images"]
        for split in mirrored_run.datasets(outputs)
    }
    splits = ", ".join(f"{count:,} for {split}" for split, count in counts.items())
    return (
        f"{mirror.source_name(outputs.project)}: {splits}. {classes(outputs)}. Fingerprint "
        f"`{mirror.data_version(outputs.project)}`; every image with its digest lies in the run, "
        "`data/splits.parquet`."
    )


def _limits(outputs: Outputs) -> str:
    size = outputs.network["transform"]["size"]
    lines = [
        "Every image gets one of these classes, also one that shows none of them.",
        "The metrics hold for images of the same origin; nothing was measured on others.",
        f"Images are cut to a square and seen at {size} x {size} pixels.",
        *_weakest(outputs),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _weakest(outputs: Outputs) -> list[str]:
    path = outputs.project.build / "evaluate" / "tables" / "classes.csv"
    table = run_content.rows(path) if path.is_file() else []
    worst = sorted(table, key=lambda row: float(row["f1"]))[:WEAKEST]
    named = ", ".join(f"{row['class']} ({float(row['f1']):.3f})" for row in worst)
    return [f"Weakest classes by F1: {named}."] if named else []


def _decisions(outputs: Outputs) -> str:
    """How the search came to its choice."""
    path = outputs.project.build / "search" / "decisions.csv"
    lines = [f"- {row['decision']}" for row in run_content.rows(path)] if path.is_file() else []
    return "**How the search decided**\n\n" + "\n".join(lines) if lines else ""


def _base(outputs: Outputs) -> str:
    base = outputs.network["base"]
    return f"{base['source']}, licence {base['licence']}, SHA-256 `{base['sha256']}`."


def _figure(outputs: Outputs, name: str, run: str) -> str:
    """A figure from the run's own artifacts, by an address that any MLflow server answers."""
    if not (outputs.project.build / name).is_file():
        return ""
    path = quote(f"{mirror.FIGURE_FOLDER}/{name}")
    return f"![{FIGURES[name]}](get-artifact?path={path}&run_uuid={run})"


def _list(lines: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _digits(value: Any, digits: int = 3) -> str:  # noqa: ANN401  # whatever JSON holds
    return "" if value is None else f"{value:.{digits}f}"


def _percent(value: Any) -> str:  # noqa: ANN401  # whatever JSON holds
    return "" if value is None else f"{value:.1%}"
