"""The action `publish`: MLflow mirrors what the stages wrote.

What MLflow should hold is computed from the outputs and events; only what it lacks is logged.
Killed anywhere and run again it ends the same, and published twice nothing changes.

    python -m flows.actions.publish          publish the run in build/
    python -m flows.actions.publish --live   follow a run under way, until input ends or SIGTERM
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.frame.errors import ThawlineError, UsageError
from flows import proxies
from flows.project import Project, find
from flows.records import identity
from flows.tracking import stores
from flows.tracking.stores import PublishParams

if TYPE_CHECKING:
    from mlflow.entities import Run

    from flows.tracking.run_content import RunContent, TrialContent
    from flows.tracking.stores import Store


@dataclass(frozen=True)
class Published:
    """A pipeline run as MLflow holds it."""

    run: str
    """The run's id."""
    experiment: str
    """The experiment's id."""
    changed: bool
    message: str
    """One sentence for the log."""


def publish(project: Project, params: PublishParams) -> Published:
    """Mirror the run in `build/` into MLflow: one run, and one nested in it for each trial.

    Raises:
        UsageError: nothing was built yet.
        UnreachableError: the tracking store is away.
    """
    from flows.pages import experiment, model_card, run_page
    from flows.tracking import mirrored_run, runs
    from flows.tracking.outputs import Outputs, figure_files
    from flows.tracking.tags import RUN_TAG

    outputs = Outputs(project)
    content, trials = mirrored_run.parent(outputs), mirrored_run.trials(outputs)
    key = {RUN_TAG: content.tags[RUN_TAG]}
    drawn = figure_files(project) | {project.lock.name: project.lock}  # which names the figures
    with stores.opened(project, params.experiment) as store:
        _adopt_live(project, store, key)
        parent, opened = _parent(store, content, key)
        nested = _publish_trials(store, parent.info.run_id, trials)
        card = model_card.of_run(outputs, parent.info.run_id, store.experiment)
        filled = runs.fill(
            store, parent, content, key | {experiment.NOTE_TAG: card} | runs.drawn_tag(drawn)
        )
        redrawn = runs.is_whole(parent) and runs.redraw(store, parent, drawn)
        paged = run_page.bring(project, store, parent.info.run_id)
        _drop_live(project, store)
        shown = experiment.ensure(store, outputs.task.score_name)
    changed = opened or nested or filled or redrawn or paged or shown
    message = _sentence(content, trials, changed=changed)
    return Published(parent.info.run_id, store.experiment, changed, message)


def _parent(store: "Store", content: "RunContent", key: dict[str, str]) -> "tuple[Run, bool]":
    """The run of the pipeline; where a lost answer made it twice, one of them."""
    from flows.tracking import runs

    run, changed = runs.opened(store, runs.search(store, key), content, key)
    for other in runs.search(store, key) if changed else []:
        if other.info.run_id != run.info.run_id:
            runs.remove(store, other.info.run_id)
    return run, changed


def _publish_trials(store: "Store", parent: str, trials: "list[TrialContent]") -> bool:
    """Settle the nested runs; True if that took any change."""
    from flows.tracking import runs
    from flows.tracking.tags import TRIAL_TAG

    nested: dict[str | None, list[Run]] = {}
    for run in runs.children(store, parent):
        nested.setdefault(run.data.tags.get(TRIAL_TAG), []).append(run)
    kept, changed = set(), False
    for trial in trials:
        tags = {runs.PARENT_TAG: parent, TRIAL_TAG: str(trial.number)}
        there = nested.get(str(trial.number), [])
        run, opened = runs.opened(store, there, trial.content, tags)
        filled = runs.fill(store, run, trial.content, tags)
        changed = changed or opened or filled
        kept.add(run.info.run_id)
    for run in runs.children(store, parent):
        if run.info.run_id not in kept:  # of another search, or made twice by a lost answer
            store.client.delete_run(run.info.run_id)
            changed = True
    return changed


def _adopt_live(project: Project, store: "Store", key: dict[str, str]) -> None:
    """Make the run that was followed live the run itself, unless that is there already."""
    from flows.tracking import runs
    from flows.tracking.tags import LIVE_TAG, PLACE_TAG

    if runs.search(store, key):
        return
    live = {LIVE_TAG: identity.live_key(project), PLACE_TAG: identity.place(project)}
    for run in runs.search(store, live)[:1]:
        for name, value in key.items():
            store.client.set_tag(run.info.run_id, name, value)
        for name in live:
            store.client.delete_tag(run.info.run_id, name)


def _drop_live(project: Project, store: "Store") -> None:
    """Delete provisional runs of this place: they are published now, or were given up."""
    from flows.tracking import runs
    from flows.tracking.tags import PLACE_TAG, RUN_TAG

    for run in runs.search(store, {PLACE_TAG: identity.place(project)}):
        if RUN_TAG in run.data.tags:  # killed between the two steps of adopting it
            store.client.delete_tag(run.info.run_id, PLACE_TAG)
        else:
            runs.remove(store, run.info.run_id)


def _sentence(content: "RunContent", trials: "list[TrialContent]", *, changed: bool) -> str:
    if not changed:
        return f"The run is in MLflow already: {content.name}."
    return f"Published to MLflow: {content.name}, with {len(trials)} trials."


@proxies.reaching_out()
def main(arguments: list[str]) -> int:
    """Publish, or follow a run under way; the exit code."""
    project = find()
    try:
        if arguments == ["--live"]:
            from flows.pages import experiment
            from flows.tracking import live

            live.follow(project, stores.experiment(project), experiment.ensure)
        elif arguments:
            raise UsageError(f"The one option is --live, but got {' '.join(arguments)}.")
        else:
            params = PublishParams(experiment=stores.experiment(project))
            print(publish(project, params).message)
    except ThawlineError as error:
        print(f"error: publish: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
