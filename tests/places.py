"""Running a stage alone, in a folder of its own, as `dvc repro` would."""

import contextlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

from components.data.source import open_source
from components.frame import files
from components.frame.stage import run, stage_function

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str
    errors: str


class Place:
    """A project folder that holds what stages read, and nothing built."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("params", "components"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "dvc.yaml", root)
        files.write_yaml(root / "data" / "pipeline.yaml", {"pipeline": None})

    def change(self, stage: str, **values) -> None:
        path = self.root / "params" / f"{stage}.yaml"
        files.write_yaml(path, {**files.read_yaml(path), **values})

    def source(self, path) -> None:
        """Take the images at `path`, pinned as `thawline sync` would."""
        self.change("ingest", source=str(path))
        pin = {"sha256": open_source(str(path)).fingerprint()}
        files.write_yaml(self.root / "data" / "source.yaml", pin)

    def run(self, stage: str) -> Outcome:
        """Run a stage here; its exit code and what it said."""
        output, errors = io.StringIO(), io.StringIO()
        code = 0
        with (
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            try:
                run(stage_function(stage))
            except SystemExit as leaving:
                code = int(leaving.code or 0)
        return Outcome(code, output.getvalue(), errors.getvalue())

    def upto(self, *stages: str) -> Outcome:
        """Run stages in order until one fails; the last outcome."""
        for stage in stages:
            outcome = self.run(stage)
            if outcome.code:
                break
        return outcome
