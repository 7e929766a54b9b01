"""What a run costs in which nothing changed, beside DVC's own commands and the bare interpreter.

    python benchmarks/noop.py                       eight stages that copy files, 2,000 images
    python benchmarks/noop.py --project FOLDER      a project of yours, built, where nothing is
    pending

Every command runs --runs times, in turns, each in a process of its own. CPU is user and system time
of that process and its children; "server" is what Prefect's server spent meanwhile on a scheduled
run. Medians, and in brackets the smallest and the largest value.
"""

import argparse
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from flows.actions import action, pending, sync
from flows.project import Project, environment
from flows.runtime import prefect_server as server

ROOT = Path(__file__).resolve().parents[1]
STAGES = 8
IMAGES = 2000
BARE = "the bare interpreter"
DIRECT = "`thawline run`"
SCHEDULED = "the same, started by a schedule"
STATUS = "`dvc status`"
REPRO = "`dvc repro`"
FLOW = "from flows.scheduling.scheduled import scheduled; scheduled(return_state=True)"
COMMANDS = {
    BARE: ["-c", "pass"],
    DIRECT: ["-m", "flows.cli", "run"],
    SCHEDULED: ["-c", FLOW],
    STATUS: ["-m", "dvc", "status", "--quiet"],
    REPRO: ["-m", "dvc", "repro", "--quiet"],
}
MAKE = """\
from pathlib import Path
folder = Path("data/raw")
folder.mkdir(parents=True)
for number in range({images}):
    (folder / f"{{number:05}}.png").write_bytes(str(number).encode() * 60)
"""
COPY = """\
import sys
from pathlib import Path
out = Path(sys.argv[1])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(str(len(list(Path("data/raw").iterdir()))))
"""


@dataclass
class Spent:
    """What one command cost, a value a run, in seconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of a run in which nothing changed.")
    parser.add_argument("--project", type=Path, help="a folder where thawline run does nothing")
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Project(asked.project.resolve()) if asked.project else make(Path(scratch))
        with serving(project, Path(scratch) / "prefect") as (address, process):
            spent = measure(project, asked.runs, address, process)
    print(table(spent, asked.runs))


def measure(project: Project, runs: int, address: str, process: psutil.Process) -> dict[str, Spent]:
    """Every command `runs` times in turns, after one round that warms the disk's cache."""
    given = environment(project) | {"PYTHONPATH": str(ROOT)}
    spent = {name: Spent() for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            before = cpu(process)
            used, wall = once(command, project, given | address_for(name, address))
            if number:
                spent[name].cpu.append(used)
                spent[name].wall.append(wall)
                spent[name].server.append(cpu(process) - before)
    return spent


def address_for(name: str, address: str) -> dict[str, str]:
    return {"PREFECT_API_URL": address} if name == SCHEDULED else {}


def once(command: list[str], project: Project, given: Mapping[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of a command that must find nothing to do."""
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=project.root,
        env=given,
        capture_output=True,
        text=True,
        check=True,
    )
    wall, after = time.perf_counter() - begun, os.times()
    if "flows" in " ".join(command) and "Nothing to do" not in done.stdout:
        raise SystemExit(f"nothing was to be done, but:\n{done.stdout}{done.stderr}")
    user, system = (
        after.children_user - before.children_user,
        after.children_system - before.children_system,
    )
    return user + system, wall


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def serving(project: Project, home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A Prefect server with a database of its own."""
    home.mkdir()
    with socket.socket() as probe:
        probe.bind((server.HOST, 0))
        port = str(probe.getsockname()[1])
    given = {**environment(project), "PREFECT_HOME": str(home), "PREFECT_SERVER_API_PORT": port}
    command = [sys.executable, "-m", "prefect", "server", "start"]
    process = subprocess.Popen(
        command, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    address = f"http://{server.HOST}:{port}/api"
    try:
        while not server.answers(address):
            time.sleep(0.2)
        time.sleep(10)  # its services begin
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def make(folder: Path) -> Project:
    """A project of stages that copy, built, with all actions remembered as done."""
    project = Project(folder / "project")
    for name in (".dvc", "params"):
        (project.root / name).mkdir(parents=True)
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, project.root / name)
    for name in ("ingest", "base"):
        shutil.copy(ROOT / "params" / f"{name}.yaml", project.params)
    (project.root / "bring.py").write_text(MAKE.format(images=IMAGES))
    (project.root / "follow.py").write_text(COPY)
    project.pipeline.write_text(pipeline())
    project.data.mkdir()
    subprocess.run(["git", "init", "--quiet", project.root], check=True)
    sync.sync(project)
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    given = environment(project)
    subprocess.run(command, cwd=project.root, env=given, check=True, stdout=subprocess.DEVNULL)
    settle(project)
    return project


def pipeline() -> str:
    """`dvc.yaml`: one stage that brings images, and a row of stages behind it."""
    lines = [
        "stages:",
        "  ingest:",
        "    cmd: python bring.py",
        "    deps: [bring.py, data/source.yaml, data/start.yaml]",
        "    params: [{params/ingest.yaml: }]",
        "    outs: [data/raw]",
    ]
    for number in range(1, STAGES):
        before = f", build/{number - 1}.txt" if number > 1 else ""
        lines += [
            f"  stage{number}:",
            f"    cmd: python follow.py build/{number}.txt",
            f"    deps: [follow.py, data/raw{before}]",
            f"    outs: [build/{number}.txt]",
        ]
    return "\n".join(lines) + "\n"


def settle(project: Project) -> None:
    """Remember the build as fresh, and every action as done."""
    (project.mlflow / "artifacts").mkdir(parents=True)
    with sqlite3.connect(project.mlflow / "mlflow.db") as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER, creation_time BIGINT)")
        database.execute("INSERT INTO experiments VALUES (0, 1)")
    database.close()
    project.ledger.touch()
    pending.remember_built(project, pending.snapshot(project))
    for name in action.AFTER_BUILD:
        pending.remember_action(project, name)


def table(spent: dict[str, Spent], runs: int) -> str:
    """The figures as a table in Markdown."""
    rows = [
        f"| {name} | {median(one.cpu)} | {median(one.wall)} | "
        f"{median(one.server) if name == SCHEDULED else ''} |"
        for name, one in spent.items()
    ]
    fraction = statistics.median(spent[DIRECT].cpu) / statistics.median(spent[REPRO].cpu)
    head = ["| command | CPU, s | wall, s | server's CPU, s |", "|---|---|---|---|"]
    last = f"{DIRECT} takes {fraction:.2f} of the CPU of {REPRO} ({runs} runs each)."
    return "\n".join([*head, *rows, "", last])


def median(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
