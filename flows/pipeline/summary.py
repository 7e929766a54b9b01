"""What a run came to: a few lines for the screen, and a table for Prefect's page of the run."""

from components.frame.durations import duration
from components.model.description import NetworkDescription
from flows.project import Project
from flows.records import identity, ledger
from flows.tracking.outputs import Outputs

WIDTH = 16
"""Of the column of headings."""


def screen(project: Project, seconds: float) -> str:
    """The last lines of `thawline run`."""
    lines = [*facts(project), ("Took", duration(seconds)), ("Compare", "make ui  (MLflow's pages)")]
    page = project.build / "report" / "index.html"
    if page.exists():
        lines.append(("The page of it", project.relative(page)))
    return "\n" + "\n".join(f"  {heading:<{WIDTH}}{text}" for heading, text in lines) + "\n"


def markdown(project: Project) -> str:
    """The same facts for Prefect's page."""
    rows = [f"| {heading} | {text} |" for heading, text in facts(project)]
    return "\n".join(["| | |", "|---|---|", *rows])


def facts(project: Project) -> list[tuple[str, str]]:
    """What is built now, as headings and sentences; only what there is."""
    outputs, rows = Outputs(project), list[tuple[str, str]]()
    trained = (project.build / "train" / "network.json").exists()
    if trained and (project.build / "evaluate" / "metrics.json").exists():
        rows.append((f"Test {outputs.task.score_name}", _score(outputs)))
    if trained:
        rows += [("Trained", _trained(outputs.network)), ("Model", _model(project))]
    drawn = sorted(path.parent for path in project.build.rglob("*.png"))
    if drawn:
        folders = dict.fromkeys(project.relative(folder) + "/" for folder in drawn)
        rows.append(("Figures", ", ".join(folders)))
    return rows


def _score(outputs: Outputs) -> str:
    metrics, (value, low, high) = outputs.metrics, outputs.shown_score
    beside = outputs.task.beside(metrics)
    return (
        f"{value} on {metrics['images']:,} images ({metrics['confidence_level']:.0%} interval "
        f"{low} to {high}){f'; {beside}' if beside else ''}"
    )


def _trained(network: NetworkDescription) -> str:
    return (
        f"{network.architecture} from {network.layer} on ({network.trained_fraction:.1%} "
        f"of the parameters), learning rate {network.learning_rate:.2g}"
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
    if verdict and verdict["refused"]:
        rank = "refused"
    name = f"{made['name']} version {made['version']}, {rank}"
    return f"{name} ({verdict['reason']})" if verdict else name
