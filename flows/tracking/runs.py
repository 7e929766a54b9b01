"""Bring one MLflow run to what it should hold: log what is missing, replace what does not fit.

A run is *whole* once everything is logged; until then it may be one that was killed half-way.
Points that are logged twice with the same time and value are one point to MLflow, so a half-way
run is taken up again. Where it holds something else (its events are gone, and with them the times)
it is deleted and made anew, never appended to.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from components.frame import files
from flows.project import Project
from flows.records import identity
from flows.tracking.run_content import MetricPoint, RunContent
from flows.tracking.stores import Store
from flows.tracking.tags import RUN_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

WHOLE_TAG = "thawline.whole"
DRAWN_TAG = "thawline.drawn"
PARENT_TAG = "mlflow.parentRunId"
CONTEXT_TAG = "mlflow.data.context"
METRICS_AT_ONCE = 800
ENTRIES_AT_ONCE = 100
PAGE = 1000

Entry = TypeVar("Entry")


def search(store: Store, tags: Mapping[str, str]) -> "list[Run]":
    """The runs that bear all these tags, the oldest first."""
    conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
    runs: list[Run] = []
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment], " and ".join(conditions), max_results=PAGE, page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return sorted(runs, key=_age)


def published(store: Store, project: Project) -> "Run | None":
    """The published run of what `build/` holds."""
    candidates = search(store, {RUN_TAG: identity.run_key(project)})
    return next((run for run in candidates if is_whole(run)), None)


def children(store: Store, run: str) -> "list[Run]":
    """The nested runs of a run."""
    return search(store, {PARENT_TAG: run})


def remove(store: Store, run: str) -> None:
    """Delete a run with its nested ones (MLflow by itself leaves those)."""
    for child in children(store, run):
        store.client.delete_run(child.info.run_id)
    store.client.delete_run(run)


def opened(
    store: Store, candidates: "list[Run]", content: RunContent, tags: Mapping[str, str]
) -> "tuple[Run, bool]":
    """The one run to fill, and whether that took a change.

    Of those found the others go, and so does one that holds what it should not.
    """
    ordered = sorted(candidates, key=lambda run: (not is_whole(run), _age(run)))
    for run in ordered[1:]:
        remove(store, run.info.run_id)
    if ordered and (is_whole(ordered[0]) or not clashes(store, ordered[0], content)):
        return ordered[0], len(ordered) > 1
    if ordered:
        remove(store, ordered[0].info.run_id)
    return create(store, content, tags), True


def create(store: Store, content: RunContent, tags: Mapping[str, str]) -> "Run":
    """Make a run that is found by `tags`."""
    return store.client.create_run(
        store.experiment, start_time=content.started, tags=dict(tags), run_name=content.name
    )


def fill(store: Store, held: "Run", content: RunContent, tags: Mapping[str, str]) -> bool:
    """Log what a run lacks, then call it whole; True if it lacked anything."""
    whole, run = is_whole(held), held.info.run_id
    lacking = [
        log(store, held, content, tags, points=not whole),
        _log_datasets(store, held, content),
        _log_files(store, held, content),
    ]
    if whole:
        return any(lacking)
    if held.info.run_name != content.name:
        store.client.update_run(run, name=content.name)
    store.client.set_terminated(run, content.status, content.ended)
    store.client.set_tag(run, WHOLE_TAG, "1")
    return True


def redraw(store: Store, held: "Run", drawn: Mapping[str, Path]) -> bool:
    """Bring up figures that were drawn anew, and what names them; True if there are any.

    A tag tells what is there: files of one size may differ.
    """
    tag = drawn_tag(drawn)
    if held.data.tags.get(DRAWN_TAG, tag[DRAWN_TAG]) == tag[DRAWN_TAG]:
        return False
    for name, path in drawn.items():
        store.client.log_artifact(held.info.run_id, str(path), _folder(name) or None)
    store.client.set_tag(held.info.run_id, DRAWN_TAG, tag[DRAWN_TAG])
    return True


def drawn_tag(drawn: Mapping[str, Path]) -> dict[str, str]:
    """The tag that tells which figures a run holds."""
    digests = {name: files.sha256(path) for name, path in drawn.items()}
    return {DRAWN_TAG: identity.digest(digests)}


def log(
    store: Store, held: "Run", content: RunContent, tags: Mapping[str, str], *, points: bool = True
) -> bool:
    """Log the parameters and tags that a run lacks, and points; those it has already stay one.

    The tags of a whole run may be a person's and stay. True if it lacked parameters or tags.
    """
    from mlflow.entities import Metric, Param, RunTag

    params = [Param(*item) for item in content.params.items() if item[0] not in held.data.params]
    known = held.data.tags
    new = [
        RunTag(key, value)
        for key, value in {**content.tags, **tags}.items()
        if (key not in known if is_whole(held) else known.get(key) != value)
    ]
    told = content.points if points else ()
    metrics = [Metric(p.key, p.value, _time(held, p), p.step) for p in told]
    batches = zip_longest(
        _parts(metrics, METRICS_AT_ONCE),
        _parts(params, ENTRIES_AT_ONCE),
        _parts(new, ENTRIES_AT_ONCE),
        fillvalue=(),
    )
    for batch in batches:
        store.client.log_batch(held.info.run_id, *batch)
    return bool(params or new)


def clashes(store: Store, held: "Run", content: RunContent) -> bool:
    """Whether a run holds a parameter or a point that it should not."""
    known = held.data.params.items()
    if any(key in content.params and content.params[key] != value for key, value in known):
        return True
    wanted = {(p.key, p.step, p.value, _time(held, p)) for p in content.points}
    return any(point not in wanted for point in _points(store, held))


def is_whole(run: "Run") -> bool:
    """Whether everything was logged to it."""
    return WHOLE_TAG in run.data.tags


def _log_datasets(store: Store, held: "Run", content: RunContent) -> bool:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    held_inputs = held.inputs.dataset_inputs if held.inputs else []
    known = {entry.dataset.digest for entry in held_inputs}
    new = [
        DatasetInput(
            Dataset(d.name, d.digest, "local", d.source, d.schema, d.profile),
            [InputTag(CONTEXT_TAG, d.context)],
        )
        for d in content.datasets
        if d.digest not in known
    ]
    if new:
        store.client.log_inputs(held.info.run_id, new)
    return bool(new)


def _log_files(store: Store, held: "Run", content: RunContent) -> bool:
    """Bring up files that are missing there, or shorter than they are here."""
    run = held.info.run_id
    sizes = dict(_sizes(store, run, {_folder(name) for name in content.files}))
    new = {
        name: path for name, path in content.files.items() if sizes.get(name) != path.stat().st_size
    }
    for name, path in new.items():
        store.client.log_artifact(run, str(path), _folder(name) or None)
    return bool(new)


def _sizes(store: Store, run: str, folders: set[str]) -> Iterator[tuple[str, int]]:
    for folder in sorted(folders):
        for entry in store.client.list_artifacts(run, folder or None):
            if not entry.is_dir:
                yield entry.path, entry.file_size


def _parts(entries: Sequence[Entry], size: int) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), size):
        yield list(entries[start : start + size])


def _folder(name: str) -> str:
    parent = PurePosixPath(name).parent.as_posix()
    return "" if parent == "." else parent


def _points(store: Store, held: "Run") -> Iterator[tuple[str, int, float, int]]:
    for key in sorted(held.data.metrics):
        for metric in store.client.get_metric_history(held.info.run_id, key):
            yield metric.key, metric.step, metric.value, metric.timestamp


def _time(held: "Run", point: MetricPoint) -> int:
    """A point's time; where no event tells it, the run's start."""
    return int(held.info.start_time) if point.at is None else point.at


def _age(run: "Run") -> tuple[int, str]:
    return run.info.start_time, run.info.run_id
