"""Follow a run under way: MLflow shows it while it goes on, from a process of its own.

Nothing here can disturb the training: it reads the events that the stages write, and a store that
is away is tried again now and then. What it shows is provisional until `publish` takes it over.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from components.frame import events
from components.frame.errors import UnreachableError
from flows.project import Project
from flows.records import identity
from flows.runtime import locks
from flows.tracking import mirrored_run, outputs, run_content, runs, stores, timings
from flows.tracking.run_content import MetricPoint, RunContent
from flows.tracking.tags import LIVE_TAG, PLACE_TAG, TRIAL_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

POLL_SECONDS = 2.0
PAUSE_SECONDS = 30.0
"""Before a store that is away is tried again."""

Opened = Callable[[stores.Store, str], object]
Sleep = Callable[[float], bool]
"""Waits so many seconds, or until the end is asked for; True then."""


def follow(project: Project, experiment: str, opened: Opened, sleep: Sleep | None = None) -> None:
    """Mirror new events every two seconds, until standard input ends or SIGTERM comes."""
    sleep, now = sleep or _until_asked(), time.time()
    follower = Follower(project=project, experiment=experiment, since=now, opened=opened)
    ended, away = False, False
    while not ended:
        ended = sleep(POLL_SECONDS)
        try:
            follower.look()
            away = False
        except UnreachableError as error:
            if not away:
                print(f"live: {error}", file=sys.stderr, flush=True)
            away = True
            ended = ended or sleep(PAUSE_SECONDS)
    follower.end()


@dataclass(kw_only=True)
class Follower:
    """What was told so far, and the provisional runs in MLflow that show it."""

    project: Project
    experiment: str
    since: float
    """Only files in which something was told after this are followed, from their beginning."""
    opened: Opened = lambda _store, _score_name: None
    """Called with the store and the score's name once the first run is there."""
    store: stores.Store | None = None
    told: int = 0
    runs: "dict[str, Run]" = field(default_factory=dict)
    """By fit (`train`: the parent)."""
    sent: set[tuple[str, MetricPoint]] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    """Trials whose end was shown."""

    def look(self) -> None:
        """Show what is new.

        Raises:
            UnreachableError: the store is away; what is new stays new.
        """
        new = [event for path in self._files() for event in events.read(path)]
        if len(new) == self.told or not outputs.is_score_known(self.project):
            return
        from mlflow.exceptions import MlflowException

        try:
            with stores.answering(self.project):
                self._show(timings.gathered(new))
        except MlflowException:  # somebody deleted the run: a new one is made
            self.runs.clear()
            self.sent.clear()
            self.ended.clear()
        else:
            self.told = len(new)

    def end(self) -> None:
        """Say in MLflow that nobody works on the run any more, unless `publish` has it already."""
        if self.store is None or not self.runs:
            return
        try:
            with stores.opened(self.project, self.experiment) as store:
                for run in runs.search(store, self._tags()):
                    for one in (*runs.children(store, run.info.run_id), run):
                        if one.info.status == "RUNNING":
                            store.client.set_terminated(one.info.run_id, "KILLED")
        except UnreachableError:
            return

    def _files(self) -> Iterator[Path]:
        """The events of every stage that told something since the start."""
        for current in sorted((self.project.private / "work").glob("*/current")):
            path = current.parent / current.read_text(encoding="utf-8").strip() / "events.jsonl"
            if path.is_file() and path.stat().st_mtime >= self.since:
                yield path

    def _show(self, told: timings.Timings) -> None:
        store, score_name = self._opened(), outputs.score_name(self.project)
        for fit in sorted(told.epochs, key=lambda fit: (fit != timings.TRAIN, fit)):
            points = told.curve(fit, score_name) + told.measured(fit)
            self._log(store, self._run(store, fit, told.span(fit)[0]), points)
        for number, event in told.trials.items():
            fit = timings.fit_of(number)
            if fit not in self.ended:
                begun = run_content.milliseconds(event["at"] - event["seconds"])
                _end_trial(store, self._run(store, fit, begun), event)
                self.ended.add(fit)

    def _opened(self) -> stores.Store:
        """The store, with the one provisional run of this place in it."""
        self.store = store = self.store or stores.connect(self.project, self.experiment)
        if timings.TRAIN in self.runs:
            return store
        with locks.actions(self.project):
            place = {PLACE_TAG: identity.place(self.project)}
            for run in runs.search(store, place):
                if run.data.tags.get(LIVE_TAG) != self._tags()[LIVE_TAG]:
                    runs.remove(store, run.info.run_id)
            params = mirrored_run.given_params(self.project)
            empty = _provisional(f"under way · {outputs.source_name(self.project)}", params)
            run = _found_or_made(store, self._tags(), empty)
            store.client.update_run(run.info.run_id, status="RUNNING", name=empty.name)
            runs.log(store, run, empty, {})
            self.runs[timings.TRAIN] = run
        self.opened(store, outputs.score_name(self.project))
        return store

    def _run(self, store: stores.Store, fit: str, started: int | None) -> "Run":
        """The run of a fit, which began before it is shown."""
        if fit not in self.runs:
            number, parent = str(int(fit.rpartition("-")[2])), self.runs[timings.TRAIN]
            tags = {runs.PARENT_TAG: parent.info.run_id, TRIAL_TAG: number}
            empty = replace(_provisional(f"trial {int(number):02d}", {}), started=started)
            self.runs[fit] = _found_or_made(store, tags, empty)
        return self.runs[fit]

    def _log(self, store: stores.Store, run: "Run", points: list[MetricPoint]) -> None:
        new = [point for point in points if (run.info.run_id, point) not in self.sent]
        if new:
            runs.log(store, run, _provisional("", {}, tuple(new)), {})
            self.sent |= {(run.info.run_id, point) for point in new}

    def _tags(self) -> dict[str, str]:
        return {
            LIVE_TAG: identity.live_key(self.project),
            PLACE_TAG: identity.place(self.project),
        }


def _found_or_made(store: stores.Store, tags: dict[str, str], empty: RunContent) -> "Run":
    runs_there = runs.search(store, tags)
    return runs_there[0] if runs_there else runs.create(store, empty, tags)


def _end_trial(store: stores.Store, run: "Run", event: timings.Event) -> None:
    names = ("freeze_depth", "layer", "trained_fraction", "learning_rate")
    params = {name: run_content.text(event[name]) for name in names}
    name = mirrored_run.trial_name(event)
    runs.log(store, run, _provisional(name, params), {})
    store.client.update_run(run.info.run_id, name=name)
    ended = run_content.milliseconds(event["at"])
    store.client.set_terminated(run.info.run_id, mirrored_run.STATUS[event["state"]], ended)


def _provisional(
    name: str, params: dict[str, str], points: tuple[MetricPoint, ...] = ()
) -> RunContent:
    return RunContent(
        name=name,
        status="RUNNING",
        started=None,
        ended=None,
        params=params,
        tags={},
        points=points,
    )


def _until_asked() -> Sleep:
    """A wait that ends with standard input, or at SIGTERM; Ctrl-C is the parent's business."""
    reading, writing = os.pipe()

    def ask(_number: int, _frame: FrameType | None) -> None:
        os.write(writing, b"\n")

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def sleep(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([reading, sys.stdin], [], [], left)
            if reading in ready or (ready and not os.read(sys.stdin.fileno(), 4096)):
                return True
        return False

    return sleep
