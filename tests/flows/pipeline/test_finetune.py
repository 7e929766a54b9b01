"""The flow on a real Prefect, with real processes and signals."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import psutil
import pytest

from components.frame import files
from flows.actions import pending
from flows.parameters import once

ONLY_STAGES = """\
from prefect import flow
from flows.pipeline import finetune
from flows.project import find

@flow(name="stages", persist_result=False)
def stages():
    report = finetune.Report()
    finetune.build_all(find(), report)
    finetune.describe(find(), report)
    for name, state in report.states.items():
        print("state", name, state.type.value, state.name, report.codes.get(name, 0))
    return finetune.Completed()

stages()
"""


@pytest.fixture
def run_stages(python, server):
    """Run the flow's stages alone; the state and exit code of each, and the screen."""

    def run():
        done = python("-c", ONLY_STAGES, PREFECT_API_URL=server)
        assert done.returncode == 0, done.stderr
        told = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("state ")]
        return {name: (kind, state, int(code)) for name, kind, state, code in told}, done.stdout

    return run


@pytest.fixture
def thawline(toy, surroundings):
    """Start `thawline` in the toy project; whatever is left of it in the end is a failure."""
    begun = []

    def start(*arguments, **more):
        command = [sys.executable, "-m", "flows.cli", *arguments]
        process = subprocess.Popen(
            command,
            cwd=toy.root,
            env=surroundings | more,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()


def working(toy):
    """The processes that work in a project."""
    known = [process.info for process in psutil.process_iter(["pid", "cwd", "cmdline", "status"])]
    return [
        process
        for process in known
        if process["cwd"] == str(toy.root) and process["status"] != psutil.STATUS_ZOMBIE
    ]


def asleep(toy):
    """The process number of the stage `split`, once it sleeps."""
    path = toy.root / "asleep"
    return int(path.read_text()) if path.exists() and path.read_text() else None


def test_states_tell_what_became_of_each_stage(toy, run_stages):
    """Ran, cached and restored are told apart; a fresh stage costs no process."""
    names = ("ingest", "base", "split")
    states, said = run_stages()
    assert states == dict.fromkeys(names, ("COMPLETED", "Ran", 0))
    assert "  split     split is done\n" in said
    shutil.rmtree(toy.build / "split")
    (toy.root / "base.py").write_text((toy.root / "base.py").read_text() + "# a comment\n")
    states, said = run_stages()
    assert states["ingest"] == ("COMPLETED", "Cached", 0)
    assert states["base"] == ("COMPLETED", "Ran", 0)
    assert states["split"] == ("COMPLETED", "Restored", 0)
    assert "  ingest    unchanged\n" in said
    assert pending.is_built(toy)


def test_a_stage_is_tried_again_where_that_may_help(toy, run_stages):
    """Exit code 5 once: the retry of the stage's meta fixes it; nothing else is repeated."""
    (toy.root / "order").write_text("once 5")
    states, said = run_stages()
    assert states["split"] == ("COMPLETED", "Ran", 0)
    assert said.count("begins: not built before") == 4


def test_bad_data_is_not_tried_again(toy, thawline, server):
    """Exit code 3 says: a person is needed. Nothing that follows is begun; `--once` is over."""
    (toy.root / "order").write_text("exit 3")
    before = (toy.params / "split.yaml").read_bytes()
    run = thawline("run", "--once", "split.test_fraction=0.3", PREFECT_API_URL=server)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 3
    assert said.count("split     begins") == 1
    assert "error: split: the rule, the value, the remedy" in said
    assert "publish   " not in said
    assert "params/split.yaml: test_fraction 0.2 -> 0.3, for this run" in said
    assert (toy.params / "split.yaml").read_bytes() == before
    assert "Traceback" not in said


def test_ctrl_c_ends_the_stage_and_says_how_to_go_on(toy, thawline, until):
    """The stage's process is gone, Prefect's server too, and the person knows what to type."""
    (toy.root / "order").write_text("sleep 60")
    run = thawline("run")
    until(lambda: asleep(toy), 60)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=30)[0]
    assert run.returncode == 130
    assert "thawline run" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert working(toy) == []


def test_sigterm_ends_the_stage(toy, thawline, until, server):
    """A service manager that stops the run gets 143, and nothing goes on writing."""
    (toy.root / "order").write_text("sleep 60")
    run = thawline("run", PREFECT_API_URL=server)
    until(lambda: asleep(toy), 60)
    run.terminate()
    said = run.communicate(timeout=30)[0]
    assert run.returncode == 143
    assert "Traceback" not in said
    assert working(toy) == []


def test_a_killed_flow_leaves_no_orphan(toy, thawline, until):
    """Killed without a chance to clean up, its stage and its server end all the same."""
    (toy.root / "order").write_text("sleep 60")
    run = thawline("run")
    until(lambda: asleep(toy), 60)
    flow = next(process for process in working(toy) if "flows.pipeline.entry" in process["cmdline"])
    os.kill(flow["pid"], signal.SIGKILL)
    assert run.wait(30) == 137
    until(lambda: not working(toy), 30)


def test_a_killed_parent_leaves_no_orphan(toy, thawline, until, server):
    """A terminal that is gone takes the flow and its stage along; what it set for once goes too."""
    (toy.root / "order").write_text("sleep 60")
    before = (toy.params / "split.yaml").read_bytes()
    run = thawline("run", "--once", "split.test_fraction=0.3", PREFECT_API_URL=server)
    until(lambda: asleep(toy), 60)
    assert once.restore_after_kill(toy) == []
    assert files.read_yaml(toy.params / "split.yaml")["test_fraction"] == 0.3
    run.kill()
    until(lambda: not working(toy), 40)
    assert until(lambda: once.restore_after_kill(toy)) == ["params/split.yaml"]
    assert (toy.params / "split.yaml").read_bytes() == before
    assert run.wait() == -signal.SIGKILL


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_a_proxy_stands_in_nobodys_way(proxy, toy, thawline, server):
    """Between processes on one machine; what is missing here is said by the first action."""
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
    run = thawline("run", PREFECT_API_URL=server, NO_PROXY="", **dict.fromkeys(names, proxy))
    said = run.communicate(timeout=120)[0]
    assert "split     ran in" in said
    assert run.returncode == 2, said
    assert "publish   build/" in said
    assert "not built yet. Build it: dvc repro" in said


@pytest.mark.parametrize(
    ("surroundings_of_store", "sentence"),
    [
        ({"MLFLOW_TRACKING_URI": "./mlruns"}, "MLFLOW_TRACKING_URI must name"),
        (
            {"MLFLOW_TRACKING_URI": "http://store.example", "ALL_PROXY": "socks5://127.0.0.1:9"},
            "MLflow must be able to use the proxy",
        ),
        ({}, "The tracking store must have the tables of MLflow"),
    ],
)
def test_a_store_that_cannot_be_used_is_said_before_anything_begins(
    toy, thawline, surroundings_of_store, sentence
):
    """No stage is built first, no server is started."""
    toy.mlflow.mkdir(exist_ok=True)
    with closing(sqlite3.connect(toy.mlflow / "mlflow.db")) as other:
        other.execute("CREATE TABLE another (program)")
    run = thawline("run", **surroundings_of_store)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 2
    assert said.startswith(f"error: {sentence}")
    assert not (toy.root / "build").exists()
    assert not (toy.private / "logs").exists()


def test_an_internal_error_is_a_sentence_and_a_log(toy, thawline, server):
    """What nobody foresaw ends with exit code 1 and names the file that holds the traceback."""
    (toy.private / "done.json").mkdir(parents=True)
    run = thawline("run", PREFECT_API_URL=server)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 1
    assert "Traceback" not in said
    assert "error: internal error; the traceback lies in .thawline/logs/" in said
    (log,) = (toy.private / "logs").iterdir()
    assert "IsADirectoryError" in log.read_text()
