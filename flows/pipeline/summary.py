"""What a run came to: a few lines for the screen, and a table for Prefect's page of the run."""

from components.frame.durations import duration
from components.model.description import NetworkDescription
from flows.pipeline import next_steps
from flows.project import Project
from flows.records import identity, ledger
from flows.tracking.outputs import Outputs, task_tables

WIDTH = 16
"""Of the column of headings."""


def screen(project: Project, seconds: float) -> str:
    """The last lines of `thawline run`."""
    lines = [*facts(project), ("Took", duration(seconds))]
    told = [_line(heading, text) for heading, text in lines]
    made = _registered(project)
    steps = next_steps.after(project, made, _verdict(project, made))
    width = max(len(command) for command, _ in steps)
    told += ["", "  Next:", *(f"    {command:<{width}}  # {why}" for command, why in steps)]
    page = project.build / "report" / "index.html"
    if page.exists():
        told += ["", _line("The page of it", project.relative(page))]
    return "\n" + "\n".join(told) + "\n"


def _line(heading: str, text: str) -> str:
    return f"  {heading:<{WIDTH}}{text}"


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
        rows += [("Limits", weak) for weak in outputs.task.limits(task_tables(project))[1:]]
        rows += [("Trained", _trained(outputs.network)), *_gate(outputs)]
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


def _registered(project: Project) -> ledger.Entry | None:
    """As what the model in `build/train` was registered; None: it was not yet."""
    if not (project.build / "train" / "network.json").exists():
        return None
    return ledger.last(project, "registered", model=identity.model_digest(project))


def _verdict(project: Project, made: ledger.Entry | None) -> ledger.Entry | None:
    """The last verdict on a registered model."""
    if made is None:
        return None
    return ledger.last(project, "verdict", name=made["name"], challenger=made["model"])


def _gate(outputs: Outputs) -> list[tuple[str, str]]:
    """The version and its rank, the champion that it was judged against, and what may be done."""
    made = _registered(outputs.project)
    if made is None:
        return [("Model", "not registered yet")]
    verdict = _verdict(outputs.project, made)
    rows = [("Model", _ranked(outputs.project, made, verdict))]
    if verdict and verdict["champion_score"] is not None:
        rows.append(("Against", _against(outputs, made, verdict)))
    if verdict and verdict["advice"]:
        rows.append(("Advice", verdict["advice"]))
    return rows


def _ranked(project: Project, made: ledger.Entry, verdict: ledger.Entry | None) -> str:
    """The name and number of a model, its rank, and the verdict's reason."""
    champion = ledger.last(project, "promoted", name=made["name"])
    rank = "champion" if champion and champion["model"] == made["model"] else "challenger"
    if verdict and verdict["refused"]:
        rank = "refused"
    name = f"{made['name']} version {made['version']}, {rank}"
    return f"{name} ({verdict['reason']})" if verdict else name


def _against(outputs: Outputs, made: ledger.Entry, verdict: ledger.Entry) -> str:
    """The score of the champion that it was judged against, and its own, on the same images."""
    its, own = map(outputs.task.shown, (verdict["champion_score"], verdict["challenger_score"]))
    about = {"name": verdict["name"], "model": verdict["champion"]}
    old = ledger.last(outputs.project, "registered", **about)
    who = f"version {old['version']}" if old else "the model"
    return (
        f"{who}, champion until then, reaches {its}, version {made['version']} {own} on the same "
        f"{verdict['images']:,} images, of which neither was trained on any"
    )
