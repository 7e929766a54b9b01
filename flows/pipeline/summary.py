"""What a run came to: a few lines for the screen, and a table for Prefect's page of the run."""

from pathlib import Path
from typing import Any

from components.frame import files
from flows.project import Project
from flows.records import identity, ledger

MINUTE = 60
WIDTH = 14
"""Of the column of headings."""


def duration(seconds: float) -> str:
    """A time that a person can read."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"


def screen(project: Project, seconds: float) -> str:
    """The last lines of `thawline run`."""
    lines = [*facts(project), ("Took", duration(seconds)), ("Compare", "make ui  (MLflow's pages)")]
    return "\n" + "\n".join(f"  {heading:<{WIDTH}}{text}" for heading, text in lines) + "\n"


def markdown(project: Project) -> str:
    """The same facts for Prefect's page."""
    rows = [f"| {heading} | {text} |" for heading, text in facts(project)]
    return "\n".join(["| | |", "|---|---|", *rows])


def facts(project: Project) -> list[tuple[str, str]]:
    """What is built now, as headings and sentences; only what there is."""
    metrics = _json(project.build / "evaluate" / "metrics.json")
    network = _json(project.build / "train" / "network.json")
    found: list[tuple[str, str]] = []
    if metrics:
        found.append(("Test accuracy", _accuracy(metrics)))
    if network:
        found += [("Trained", _depth(network)), ("Model", _model(project))]
    drawn = sorted(path.parent for path in project.build.rglob("*.png"))
    if drawn:
        folders = dict.fromkeys(project.relative(folder) + "/" for folder in drawn)
        found.append(("Figures", ", ".join(folders)))
    return found


def _accuracy(metrics: dict[str, Any]) -> str:
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    return (
        f"{metrics['accuracy']:.1%} of {metrics['images']:,} images "
        f"({metrics['confidence_level']:.0%} interval {low:.1%} to {high:.1%}); "
        f"the majority class alone: {metrics['majority_fraction']:.1%}"
    )


def _depth(network: dict[str, Any]) -> str:
    return (
        f"{network['architecture']} from {network['layer']} on ({network['trained_fraction']:.1%} "
        f"of the parameters), learning rate {network['learning_rate']:.2g}"
    )


def _model(project: Project) -> str:
    """The version that the model in `build/train` is, its rank, and the last verdict on it."""
    digest = identity.model_digest(project)
    made = ledger.last(project, "registered", model=digest)
    if made is None:
        return "not registered yet"
    champion = ledger.last(project, "promoted", name=made["name"])
    verdict = ledger.last(project, "verdict", name=made["name"], challenger=digest)
    rank = "champion" if champion and champion["model"] == digest else "challenger"
    name = f"{made['name']} version {made['version']}, {rank}"
    return f"{name} ({verdict['reason']})" if verdict else name


def _json(path: Path) -> dict[str, Any]:
    """What a stage wrote; nothing where it has not run."""
    return dict(files.read_json(path)) if path.exists() else {}
