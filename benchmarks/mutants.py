"""Whether the tests notice when core logic is wrong: `make mutants`.

Each mutation of `mutations.py` is made in a copy of the project, and those tests run there that
concern it: one of them must fail. What they say of the project as it is comes first. A table at the
end names the test that noticed; the exit code is 1 where none did.

    python -m benchmarks.mutants               all of them
    python -m benchmarks.mutants gate resume   those whose names hold one of these words
    python -m benchmarks.mutants --share 2/4   the second, the sixth and so on: four runs do all
"""

import argparse
import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
PYTEST = ("-q", "-x", "-p", "no:cacheprovider", "--durations=0")
ALONE = {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""In the environment of every process: it shares the machine, and starts quickly."""
HEAVY = ("albumentations", "hypothesis", "mlflow", "optuna", "pandas", "scipy.stats", "timm")
"""Imported once, before the processes that run tests are forked; nothing of the project."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What tests said."""

    code: int
    noticed_by: str
    """The first that failed; empty: none did."""
    output: str
    seconds: float

    @property
    def is_verdict(self) -> bool:
        """Whether they ran: that they could not be collected, say, proves nothing."""
        return self.code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}


class FirstFailure:
    """Remembers the first test that failed, as a plugin of pytest."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for each test's setup, call and teardown."""
        if report.failed:
            self.name = self.name or report.nodeid.partition("[")[0]


def judge(mutation: Mutation, sound: Path, place: Path) -> Answer:
    """Make a mutation in a copy at `place` of the project at `sound`; what its test says."""
    shutil.copytree(sound, place)
    path = place / mutation.file
    path.write_text(mutation.made(path.read_text(encoding="utf-8")), encoding="utf-8")
    answer = run_tests([mutation.test], place)
    shutil.rmtree(place)
    return answer


def run_tests(tests: Sequence[str], place: Path) -> Answer:
    """Run tests of the copy at `place` on the code that lies there, in this process."""
    begun, seen, output = time.monotonic(), FirstFailure(), io.StringIO()
    os.chdir(place)
    os.environ["PYTHONPATH"] = str(place)
    sys.path.insert(0, str(place))
    with redirect_stdout(output):
        code = pytest.main([*PYTEST, *tests], plugins=[seen])
    seconds = time.monotonic() - begun
    return Answer(code=code, noticed_by=seen.name, output=output.getvalue(), seconds=seconds)


def copy_project(place: Path) -> None:
    """Copy what git knows or would take: the project without what was built in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def require_sound(mutations: Iterable[Mutation], sound: Path, pool: Executor) -> None:
    """See that no test fails before anything is changed: afterwards it would prove nothing."""
    tests = sorted({mutation.test for mutation in mutations})
    answer = pool.submit(run_tests, tests, sound).result()
    if answer.code:
        raise SystemExit(f"The tests must pass as things are, but do not.\n{answer.output}")


def judge_all(
    mutations: Sequence[Mutation], folder: Path, pool: Executor
) -> list[tuple[Mutation, Answer]]:
    """Judge mutations in copies in a folder, each told as it is done."""
    copy_project(sound := folder / "sound")
    require_sound(mutations, sound, pool)
    running = {
        pool.submit(judge, mutation, sound, folder / f"{number:02}"): mutation
        for number, mutation in enumerate(mutations)
    }
    answers = {}
    for future in as_completed(running):
        mutation, answer = running[future], future.result()
        if not answer.is_verdict:
            raise SystemExit(f"{mutation.name}: its test could not be run.\n{answer.output}")
        word = "noticed" if answer.noticed_by else "SURVIVED"
        print(f"{word:<8} {answer.seconds:4.0f} s  {mutation.name}", flush=True)
        answers[mutation] = answer
    return [(mutation, answers[mutation]) for mutation in mutations]


def table(judged: Iterable[tuple[Mutation, Answer]]) -> str:
    """What was noticed by which test, as Markdown."""
    rows = [
        f"| {mutation.name} | `{mutation.file}` | {_named(answer.noticed_by)} |"
        for mutation, answer in judged
    ]
    return "\n".join(["| mutation | file | noticed by |", "|---|---|---|", *rows])


def _named(test: str) -> str:
    return f"`{test}`" if test else "**nothing**"


def main() -> int:
    """Judge all that are chosen; whether one went unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("words", nargs="*", help="of the names of mutations; without: all")
    parser.add_argument("--share", default="1/1", help="every N-th of these from the K-th on: K/N")
    parser.add_argument("--jobs", type=int, default=2, help="mutations at a time")
    asked = parser.parse_args()
    first, step = map(int, asked.share.split("/"))
    chosen = [m for m in MUTATIONS if not asked.words or any(w in m.name for w in asked.words)]
    chosen = chosen[first - 1 :: step]
    begun = time.monotonic()
    os.environ |= ALONE
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(list(HEAVY))
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ProcessPoolExecutor(asked.jobs, mp_context=forks, max_tasks_per_child=1) as pool,
    ):
        judged = judge_all(chosen, Path(folder), pool)
    noticed = sum(bool(answer.noticed_by) for _, answer in judged)
    minutes = (time.monotonic() - begun) / 60
    print(f"\n{table(judged)}\n\n{noticed} of {len(judged)} noticed, in {minutes:.1f} minutes")
    return 0 if noticed == len(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
