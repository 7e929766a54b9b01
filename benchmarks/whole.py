"""What a whole run takes, stage by stage, and how much of it is not the stages' own work.

    python benchmarks/whole.py              the default job in a fresh clone
    python benchmarks/whole.py --set-up     and what `make setup` takes there before

Two clones of the last commit: in one `thawline run`, in the other the stages' bare commands, one
after the other, as `dvc.yaml` names them. What the run takes longer is everything else: Prefect,
DVC with its hashes and copies, MLflow, the registry, the judge.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from components.frame import files

ROOT = Path(__file__).resolve().parents[1]
SPENT = re.compile(r"^\S+\s+(\w+)\s+ran in (.+)$", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set-up", action="store_true", help="time `make setup` in a clone, too")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        whole, bare = clone(Path(name) / "whole"), clone(Path(name) / "bare")
        if asked.set_up:
            print(f"`make setup`: {timed(['make', 'setup'], whole)[0]:.0f} s")
        seconds, said = timed([sys.executable, "-m", "flows.cli", "run"], whole)
        own = {stage: timed(command, bare)[0] for stage, command in commands(bare).items()}
        again, _ = timed([sys.executable, "-m", "flows.cli", "run"], whole)
    report(seconds, dict(SPENT.findall(said)), own)
    print(f"\nthe same run again: {again:.2f} s")
    if asked.json:
        fraction = 1 - sum(own.values()) / seconds
        print(
            json.dumps(
                {"seconds": seconds, "stages": own, "other_fraction": fraction, "noop": again}
            )
        )


def clone(folder: Path) -> Path:
    """A clone of the last commit."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def commands(folder: Path) -> dict[str, list[str]]:
    """The stages' commands, in the order of `dvc.yaml`, which is that of what they need."""
    stages = files.read_yaml(folder / "dvc.yaml")["stages"]
    return {name: [sys.executable, *stage["cmd"].split()[1:]] for name, stage in stages.items()}


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds that a command takes in a folder, and what it says."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return time.perf_counter() - began, done.stdout


def report(seconds: float, within: dict[str, str], own: dict[str, float]) -> None:
    """The table, and the fraction of everything else."""
    print("| stage | in the run | its bare command, s |")
    print("|---|---|---|")
    for stage, alone in own.items():
        print(f"| {stage} | {within[stage]} | {alone:.1f} |")
    work = sum(own.values())
    print(f"| all | {seconds:.0f} s | {work:.0f} |")
    print(
        f"\nnot the stages' own work: {seconds - work:.0f} s, {1 - work / seconds:.1%} of the run"
    )


if __name__ == "__main__":
    main()
