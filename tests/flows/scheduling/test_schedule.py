"""A schedule kept on a real Prefect server: what becomes of its runs, and of what they start."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from flows.actions import pending
from flows.pipeline.command import WHY_NOTHING
from flows.project import environment
from flows.records import ledger
from flows.runtime import locks

ROOT = Path(__file__).parents[3]
NEVER_NOW = ("--cron", "0 3 29 2 *")
"""A schedule whose own dates are far away: the tests have runs come due."""
EVERY_MINUTE = ("--cron", "* * * * *")
BUSY = 503
"""What Prefect's server says while its database is locked; its own clients ask again."""
BUSY_TRIES = 20
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Prefect:
    """What a test asks a Prefect server."""

    def __init__(self, address, name):
        self.address = address
        self.name = name

    def ask(self, path, body=None):
        request = urllib.request.Request(  # noqa: S310  # ours
            f"{self.address}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        for _ in range(BUSY_TRIES):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # http
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != BUSY:
                    raise
                time.sleep(1)
        raise TimeoutError(path)

    def deployment(self):
        """The id of the schedule; None: the server does not know it yet."""
        with contextlib.suppress(urllib.error.HTTPError):
            return self.ask(f"deployments/name/finetune/{self.name}")["id"]
        return None

    def come_due(self, ago=0.0):
        """Have a run come due; its id."""
        due = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        path = f"deployments/{self.deployment()}/create_flow_run"
        return self.ask(path, {"state": state})["id"]

    def cancel(self, number):
        self.ask(f"flow_runs/{number}/set_state", {"state": {"type": "CANCELLING"}})

    def state(self, number):
        state = self.ask(f"flow_runs/{number}")["state"]
        return state["type"], state["name"], state["message"]

    def begun(self):
        """The states of all runs that are not in the future, the oldest first."""
        body = {
            "sort": "EXPECTED_START_TIME_ASC",
            "flow_runs": {"expected_start_time": {"before_": datetime.now(UTC).isoformat()}},
        }
        states = [one["state"] for one in self.ask("flow_runs/filter", body)]
        return [(state["type"], state["name"]) for state in states]


@pytest.fixture
def project(settled):
    """A project in which nothing is stale and nothing is pending."""
    settled.ledger.touch()
    for name in pending.IN_LEDGER:
        pending.remember_action(settled, name)
    return settled


@pytest.fixture
def surroundings(project, prefect_home):
    """The environment of a command in the project; what asks a server asks it every second."""
    given = {
        **os.environ,
        "PREFECT_HOME": str(prefect_home),
        "PYTHONPATH": str(ROOT),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    return environment(project, given)


@pytest.fixture
def start(project, surroundings, tmp_path):
    """Start a module's command in the project: its process, and the file it writes to."""
    begun = []

    def begin(*command, **more):
        screen = tmp_path / f"screen-{len(begun)}.txt"
        with screen.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=project.root,
                env=surroundings | more,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        begun.append(process)
        return process, screen

    yield begin
    for process in begun:
        process.terminate()
        process.wait(60)


@pytest.fixture
def kept(start, server, tmp_path, until):
    """Keep a schedule on the tests' server; what a test asks that one, and the screen."""

    def begin(*arguments):
        name = tmp_path.name
        _, screen = start(
            "flows.cli", "schedule", *NEVER_NOW, "--name", name, *arguments, PREFECT_API_URL=server
        )
        prefect = Prefect(server, name)
        until(prefect.deployment, 60)
        return prefect, screen

    return begin


@pytest.fixture
def ended(until):
    """Wait until a run has ended: its state."""

    def wait(prefect, number):
        return until(lambda: (s := prefect.state(number))[0] in ENDED and s, 60)

    return wait


def unbuild(project):
    """Have every stage run again, to the same outputs."""
    shutil.rmtree(project.root / ".dvc" / "cache")
    shutil.rmtree(project.build / "split")


def asleep(project):
    """The process number of the stage `split`, once it sleeps."""
    path = project.root / "asleep"
    return int(path.read_text()) if path.exists() and path.read_text() else None


def working(project):
    """The processes that work in the project."""
    known = [process.info for process in psutil.process_iter(["pid", "cwd", "cmdline", "status"])]
    return [
        process
        for process in known
        if process["cwd"] == str(project.root) and process["status"] != psutil.STATUS_ZOMBIE
    ]


def reasons(project):
    """Why runs found nothing to do, as the ledger keeps it."""
    return [entry["reason"] for entry in ledger.read(project, "nothing")]


def refused(start, *arguments, **more):
    """The exit code and the sentence of a schedule that is not kept."""
    process, screen = start("flows.cli", "schedule", *arguments, **more)
    code = process.wait(60)
    assert "Traceback" not in screen.read_text()
    return code, screen.read_text()


def test_a_run_is_done_and_the_next_finds_nothing_to_do(project, kept, ended):
    """A run under a schedule does what `thawline run` does, and says why it did nothing."""
    unbuild(project)
    prefect, screen = kept()
    kind, name, message = ended(prefect, prefect.come_due())
    assert (kind, name) == ("COMPLETED", "Completed")
    assert "split Ran" in message
    assert reasons(project) == []
    state = ended(prefect, prefect.come_due())
    assert state == ("COMPLETED", "Nothing to do", WHY_NOTHING)
    assert reasons(project) == [WHY_NOTHING]
    assert screen.read_text().count(f"Nothing to do: {WHY_NOTHING}.\n") == 1


@pytest.mark.slow
def test_a_run_that_fails_says_so_in_a_sentence(project, kept, ended):
    """A wrong parameter ends the run before anything begins; the next one is not kept away."""
    right = (project.params / "split.yaml").read_text()
    (project.params / "split.yaml").write_text(right + "fractions: 3\n")
    prefect, screen = kept()
    kind, _, message = ended(prefect, prefect.come_due())
    assert kind == "FAILED"
    assert "fractions" in message
    assert "Traceback" not in screen.read_text()
    (project.params / "split.yaml").write_text(right)
    assert ended(prefect, prefect.come_due())[0] == "COMPLETED"


def test_a_run_beside_one_that_a_person_started_is_skipped(project, kept, ended):
    """The lock of `thawline run` holds for a schedule too."""
    prefect, _ = kept()
    with locks.run(project):
        state = ended(prefect, prefect.come_due())
    assert state == ("COMPLETED", "Skipped", "another run is under way in the project")


@pytest.mark.slow
def test_a_run_beside_one_that_a_person_started_can_wait(project, kept, ended, until):
    """With `--overlap wait` it begins where the other one ends."""
    prefect, _ = kept("--overlap", "wait")
    with locks.run(project):
        number = prefect.come_due()
        until(lambda: prefect.state(number)[0] == "RUNNING")
        assert reasons(project) == []
    assert ended(prefect, number)[1] == "Nothing to do"


@pytest.mark.slow
def test_a_cancelled_run_leaves_nothing_and_keeps_nobody_away(project, kept, ended, until):
    """One due beside it is left out; cancelled, its stage is gone, and the next run goes on."""
    unbuild(project)
    (project.root / "order").write_text("sleep 60")
    prefect, screen = kept()
    number = prefect.come_due()
    stage = until(lambda: asleep(project), 60)
    assert ended(prefect, prefect.come_due())[0] == "CANCELLED"
    prefect.cancel(number)
    assert ended(prefect, number)[0] == "CANCELLED"
    assert not psutil.pid_exists(stage)
    assert not [one for one in working(project) if "flows.building.reproduce" in one["cmdline"]]
    (project.root / "order").unlink()
    kind, _, message = ended(prefect, prefect.come_due())
    assert kind == "COMPLETED"
    assert "ingest Cached, base Cached, split Ran" in message
    assert "Traceback" not in screen.read_text()


@pytest.mark.slow
def test_a_run_due_beside_another_can_wait(project, kept, ended, until):
    """With `--overlap wait` the second one is not lost, nor does it build beside the first."""
    unbuild(project)
    (project.root / "order").write_text("sleep 60")
    prefect, _ = kept("--overlap", "wait")
    first = prefect.come_due()
    stage = until(lambda: asleep(project), 60)
    second = prefect.come_due()
    until(lambda: prefect.state(second)[1] == "AwaitingConcurrencySlot")
    (project.root / "order").unlink()
    os.kill(stage, signal.SIGINT)
    ended(prefect, first)
    assert ended(prefect, second)[0] == "COMPLETED"


@pytest.mark.parametrize("overlap", ["skip", pytest.param("wait", marks=pytest.mark.slow)])
def test_of_the_runs_that_a_pause_missed_one_is_done(project, kept, ended, overlap):
    """A machine that was off for three nights has one night's work to do, not three."""
    prefect, _ = kept("--overlap", overlap)
    missed = [prefect.come_due(ago) for ago in (300, 240, 180)]
    names = sorted(ended(prefect, number)[1] for number in missed)
    left_out = "Cancelled" if overlap == "skip" else "Skipped"
    assert names == sorted(["Nothing to do", left_out, left_out])
    assert len(reasons(project)) == 1


def test_a_second_schedule_in_a_project_is_refused(kept, start):
    """Both would start every run."""
    kept()
    code, said = refused(start, *NEVER_NOW)
    assert code == 5
    assert "another one is kept here" in said


def test_what_is_no_schedule_is_refused_before_a_server_is_started(start):
    """Exit code 2 within seconds."""
    for arguments in (("--cron", "0 3 30 2 *"), (*EVERY_MINUTE, "--timezone", "Europe/Berln")):
        code, said = refused(start, *arguments)
        assert code == 2
        assert said.startswith("error: ")
        assert said.count("\n") == 1


def test_a_server_that_is_away_is_said(start):
    """Exit code 5, with its address and the remedy."""
    code, said = refused(start, *NEVER_NOW, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert code == 5
    assert "http://127.0.0.1:9/api does not" in said


def test_a_port_that_is_taken_is_said(start):
    """A server elsewhere would not be where the person looks."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, said = refused(start, *NEVER_NOW, "--port", port)
    assert code == 2
    assert f"{port} is taken" in said


def own_server(screen, until):
    """The address of the server that a schedule started, once it answers."""
    line = until(lambda: "shows every run" in screen.read_text() and screen.read_text(), 120)
    return line.partition("  Prefect ")[2].split()[0] + "/api"


@pytest.mark.slow
def test_ctrl_c_ends_the_run_the_schedule_and_its_server(project, start, until, tmp_path):
    """Nothing is left but a sentence; the run is shown as cancelled, not as crashed."""
    unbuild(project)
    (project.root / "order").write_text("sleep 60")
    home = {"PREFECT_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    schedule, screen = start("flows.cli", "schedule", *NEVER_NOW, **home)
    prefect = Prefect(own_server(screen, until), project.root.name)
    until(prefect.deployment, 60)
    prefect.come_due()
    until(lambda: asleep(project), 60)
    schedule.send_signal(signal.SIGINT)
    assert schedule.wait(60) == 130
    assert working(project) == []
    assert "The schedule is stopped" in screen.read_text().splitlines()[-1]
    assert "Traceback" not in screen.read_text()


@pytest.mark.slow
def test_a_cron_makes_runs_also_after_everything_was_killed(project, start, until, tmp_path):
    """Two dates come by themselves; a cut of the power in a third keeps no later one away."""
    unbuild(project)
    home = {"PREFECT_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    schedule, screen = start("flows.cli", "schedule", *EVERY_MINUTE, **home)
    prefect = Prefect(own_server(screen, until), project.root.name)
    done = [("COMPLETED", "Completed"), ("COMPLETED", "Nothing to do")]
    until(lambda: prefect.begun()[:2] == done, 200)
    unbuild(project)
    (project.root / "order").write_text("sleep 60")
    until(lambda: asleep(project), 90)
    for one in working(project):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one["pid"], signal.SIGKILL)
    schedule.wait(10)
    (project.root / "order").unlink()
    _, screen = start("flows.cli", "schedule", *EVERY_MINUTE, **home)
    prefect = Prefect(own_server(screen, until), project.root.name)
    until(lambda: ("CRASHED", "Crashed") in prefect.begun(), 60)
    until(lambda: prefect.begun().count(done[0]) == 2, 90)
    assert prefect.begun()[:2] == done


@pytest.mark.slow
def test_a_worker_of_a_pool_runs_what_prefect_yaml_deploys(
    project, start, server, ended, until, tmp_path
):
    """`prefect deploy --all` as documented; a cancelled run leaves nothing, the next goes on."""
    name = tmp_path.name
    (project.root / "flows").symlink_to(ROOT / "flows")
    text = (ROOT / "prefect.yaml").read_text()
    text = text.replace("- name: thawline", f"- name: {name}").replace(
        "name: local", f"name: {name}"
    )
    (project.root / "prefect.yaml").write_text(text)
    for command in (
        ("work-pool", "create", name, "--type", "process"),
        ("--no-prompt", "deploy", "--all"),
    ):
        process, screen = start("prefect", *command, PREFECT_API_URL=server)
        assert process.wait(60) == 0, screen.read_text()
    worker, _ = start(
        "prefect", "worker", "start", "--pool", name, "--limit", "1", PREFECT_API_URL=server
    )
    prefect = Prefect(server, name)
    assert ended(prefect, prefect.come_due())[1] == "Nothing to do"
    unbuild(project)
    (project.root / "order").write_text("sleep 60")
    number = prefect.come_due()
    stage = until(lambda: asleep(project), 60)
    prefect.cancel(number)
    assert ended(prefect, number)[0] == "CANCELLED"
    assert not psutil.pid_exists(stage)
    assert not [one for one in working(project) if "flows.building.reproduce" in one["cmdline"]]
    (project.root / "order").unlink()
    assert ended(prefect, prefect.come_due())[:2] == ("COMPLETED", "Completed")
    worker.kill()  # at SIGTERM it takes its time
