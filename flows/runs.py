"""Bring one MLflow run to what it should hold: log what is missing, replace what does not fit.

A run is *whole* once everything is logged; until then it may be one that was killed half-way.
Points that are logged twice with the same time and value are one point to MLflow, so a half-way
run is taken up again. Where it holds something else (its events are gone, and with them the times)
it is deleted and made anew, never appended to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from flows.content import Point, RunContent
from flows.tracking import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

WHOLE_TAG = "thawline.whole"
PARENT_TAG = "mlflow.parentRunId"
NAME_TAG = "mlflow.runName"
CONTEXT_TAG = "mlflow.data.context"
METRICS_AT_ONCE = 1000
ENTRIES_AT_ONCE = 100
PAGE = 1000

Entry = TypeVar("Entry")
Search = Callable[[], "list[Run]"]


@dataclass(frozen=True)
class Settled:
    """A run that holds what it should, and whether that took any change."""

    run: str
    changed: bool


def search(store: Store, tags: Mapping[str, str]) -> "list[Run]":
    """The runs that bear all these tags, the oldest first."""
    conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
    found: list[Run] = []
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment], " and ".join(conditions), max_results=PAGE, page_token=token
        )
        found += page
        token = page.token
        if not token:
            return sorted(found, key=_age)


def children(store: Store, run: str) -> "list[Run]":
    """The nested runs of a run."""
    return search(store, {PARENT_TAG: run})


def remove(store: Store, run: str) -> None:
    """Delete a run with its nested ones (MLflow by itself leaves those)."""
    for child in children(store, run):
        store.client.delete_run(child.info.run_id)
    store.client.delete_run(run)


def opened(store: Store, find: Search, content: RunContent, tags: Mapping[str, str]) -> Settled:
    """The one run to fill, of those that `find` finds; the others, and one that clashes, go."""
    found = sorted(find(), key=lambda run: (not is_whole(run), _age(run)))
    for run in found[1:]:
        remove(store, run.info.run_id)
    if found and (is_whole(found[0]) or not clashes(store, found[0], content)):
        return Settled(found[0].info.run_id, changed=len(found) > 1)
    if found:
        remove(store, found[0].info.run_id)
    return Settled(create(store, find, content, tags), changed=True)


def settle(
    store: Store, find: Search, content: RunContent, tags: Mapping[str, str] | None = None
) -> Settled:
    """Find or make the run and fill it; `tags` are those it is found by."""
    run = opened(store, find, content, tags or {})
    changed = fill(store, run.run, content, tags or {})
    return Settled(run.run, changed=changed or run.changed)


def fill(store: Store, run: str, content: RunContent, tags: Mapping[str, str]) -> bool:
    """Log what the run lacks, then call it whole; True if it lacked anything."""
    held = store.client.get_run(run)
    lacking = [
        log_entries(store, held, content, tags),
        _log_datasets(store, held, content),
        _log_files(store, held, content),
    ]
    if is_whole(held):
        return any(lacking)
    log_points(store, held, content.points)
    store.client.update_run(run, name=content.name)
    store.client.set_terminated(run, content.status, content.ended)
    store.client.set_tag(run, WHOLE_TAG, "1")
    return True


def log_points(store: Store, held: "Run", points: Sequence[Point]) -> None:
    """Log points; those the run holds already stay one."""
    from mlflow.entities import Metric

    metrics = [Metric(p.key, p.value, _time(held, p), p.step) for p in points]
    for part in _parts(metrics, METRICS_AT_ONCE):
        store.client.log_batch(held.info.run_id, metrics=part)


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


def create(store: Store, find: Search, content: RunContent, tags: Mapping[str, str]) -> str:
    """Make a run; where a lost answer made it twice, the older one stays."""
    store.client.create_run(
        store.experiment, start_time=content.started, tags=dict(tags), run_name=content.name
    )
    first, *others = find()
    for run in others:
        store.client.delete_run(run.info.run_id)
    return str(first.info.run_id)


def log_entries(store: Store, held: "Run", content: RunContent, tags: Mapping[str, str]) -> bool:
    """Log missing parameters and tags; those of a whole run may be a person's and stay."""
    from mlflow.entities import Param, RunTag

    params = [Param(*item) for item in content.params.items() if item[0] not in held.data.params]
    wanted = {**content.tags, **tags}
    new = [
        RunTag(key, value)
        for key, value in wanted.items()
        if (key not in held.data.tags if is_whole(held) else held.data.tags.get(key) != value)
    ]
    for part in _parts(params, ENTRIES_AT_ONCE):
        store.client.log_batch(held.info.run_id, params=part)
    for tagged in _parts(new, ENTRIES_AT_ONCE):
        store.client.log_batch(held.info.run_id, tags=tagged)
    return bool(params or new)


def _log_datasets(store: Store, held: "Run", content: RunContent) -> bool:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    known = {entry.dataset.digest for entry in held.inputs.dataset_inputs}
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


def _time(held: "Run", point: Point) -> int:
    """A point's time; where no event tells it, the run's start."""
    return int(held.info.start_time) if point.at is None else point.at


def _age(run: "Run") -> tuple[int, str]:
    return run.info.start_time, run.info.run_id
