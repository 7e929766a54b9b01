"""Kill actions at one write to MLflow after the other, do them again, and show what MLflow holds.

    python killed.py ACTIONS TEMPLATE FOLDER EVERY

Every attempt runs in a child that is killed by SIGKILL at its n-th write (before it for odd n,
after it for even n), on a fresh copy of TEMPLATE; then the actions run whole. Prints one JSON line
each: what MLflow holds then, without ids. The first line is that of a run that was never killed.
"""

import json
import os
import shutil
import signal
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # tests/, where `registry` lies
WRITES = (
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifact",
    "set_tag",
    "delete_tag",
    "update_run",
    "set_terminated",
    "create_logged_model",
    "log_model_artifacts",
    "set_logged_model_tags",
    "finalize_logged_model",
    "log_outputs",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_model_version_tag",
    "set_experiment_tag",
    "set_registered_model_tag",
    "update_registered_model",
)


def perform(project, names):
    from registry import vouch

    from flows.actions import action as known

    for name in names.split(","):
        known.perform(project, name)
        if name == "register":
            vouch(project)


def warm() -> None:
    """Import once, before the forks."""
    for name in (
        "mlflow.pyfunc",
        "mlflow.store.model_registry.sqlalchemy_store",
        "mlflow.store.tracking.sqlalchemy_store",
        "pyarrow.parquet",
        "flows.actions.judge",
        "flows.actions.promote",
        "flows.tracking.outputs",
        "flows.registry.packing",
        "flows.tracking.runs",
        "flows.pages.model_card",
        "flows.pages.experiment",
    ):
        import_module(name)


def in_child(work) -> int:
    """Do `work` in a fork; its status."""
    child = os.fork()
    if child == 0:
        try:
            work()
            sys.stdout.flush()
            os._exit(0)
        except BaseException:  # noqa: BLE001  # a fork must not go on with the parent's work
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def killing(number: int):
    """Patch MLflow's client to die at its n-th write."""
    from mlflow import MlflowClient

    count = 0

    def wrap(write):
        def counted(*args, **kwargs):
            nonlocal count
            count += 1
            if count == number and number % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = write(*args, **kwargs)
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    for name in WRITES:
        setattr(MlflowClient, name, wrap(getattr(MlflowClient, name)))


def held(project) -> str:
    """All that MLflow and the ledger hold, without ids and times that no event tells."""
    from mlflow import MlflowClient

    from flows.records import ledger
    from flows.tracking import stores

    client = MlflowClient(stores.address(project))
    experiment = client.get_experiment_by_name("thawline").experiment_id
    runs = [run_of(client, run) for run in client.search_runs([experiment])]
    versions = [
        [v.name, v.version, v.status, sorted(v.aliases), sorted(set(v.tags) - {"thawline.files"})]
        for v in client.search_model_versions()
    ]
    shown = client.get_experiment(experiment).tags
    pages = [m.description for m in client.search_registered_models()]
    models = [[m.status, m.name] for m in client.search_logged_models([experiment])]
    entries = [
        [e["kind"], e.get("version"), e.get("model"), e.get("reason")]
        for kind in ("registered", "verdict", "promoted")
        for e in ledger.read(project, kind)
    ]
    return json.dumps([sorted(runs, key=json.dumps), versions, models, entries, shown, pages])


def run_of(client, run):
    histories = {
        key: sorted(
            [m.step, m.timestamp, m.value] for m in client.get_metric_history(run.info.run_id, key)
        )
        for key in run.data.metrics
    }
    hidden = {"mlflow.parentRunId"}
    own = run.info.run_id  # its description names the figures by it
    tags = {k: v.replace(own, "RUN") for k, v in run.data.tags.items() if k not in hidden}
    inputs = sorted(entry.dataset.digest for entry in run.inputs.dataset_inputs)
    return [
        run.info.status,
        run.info.run_name,
        run.info.start_time,
        run.info.end_time,
        tags,
        run.data.params,
        histories,
        inputs,
        sorted(files_of(client, run.info.run_id)),
        len(run.outputs.model_outputs) if run.outputs else 0,
    ]


def files_of(client, run, folder=None):
    for entry in client.list_artifacts(run, folder):
        if entry.is_dir:
            yield from files_of(client, run, entry.path)
        else:
            yield [entry.path, entry.file_size]


def main(names: str, template: str, folder: str, every: str) -> None:
    from flows.project import Project
    from flows.tracking import stores

    stores.prepare()
    warm()

    number, dead = 0, True
    while dead:
        project = Project(Path(folder) / str(number))
        shutil.copytree(template, project.root)
        dead = False
        if number:

            def attempt(project=project, number=number):
                killing(number)
                perform(project, names)

            dead = in_child(attempt) == signal.SIGKILL
        assert (
            in_child(lambda project=project: (perform(project, names), print(held(project)))) == 0
        )
        shutil.rmtree(project.root)
        if not number:
            number, dead = 1, True
        else:
            number += int(every)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
