"""Every command that README and docs print does what it should, as it is printed.

A page is read from its top: its commands are typed into one terminal, in a home folder that holds
what the pages speak of. A run that trains is done in full by the slow tests; otherwise its values
are checked and written, and what a run leaves is put there.
"""

import contextlib
import itertools
import json
import os
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from documented import ROOT, pages, snippets

from benchmarks.terminal import Terminal
from flows.parameters.effort import EFFORTS
from flows.project import Project

NOT_RUN = {
    r"mlflow models build-docker": "needs Docker",
    r"base\.source=hub": "needs a network",
    r"git pull": "needs a repository to pull from",
    r"^prefect ": "needs a Prefect server; tests/flows/scheduling has one",
    r"git clone ADDRESS|/path/to|thawline rebuild": "tests/pipeline/test_rebuild.py has the clone",
    r"dvc exp|dvc \w+ diff": "needs commits with a run each; shown as it was once",
}
"""Commands that no test can run, and why."""
TRAINS = re.compile(r"(?:^|&& )(thawline run|make run)\b(?P<options>[^#\n]*)")
SERVERS = {
    r"thawline serve": "curl",
    r"thawline schedule": "shows every run",
    r"mlflow models serve": "Uvicorn running on",
    r"mlflow server": "Uvicorn running on",
    r"make ui": "Uvicorn running on",
}
"""By how it begins, what a server says when it answers."""
PRINTED = "127.0.0.1:8080"
"""Where `thawline serve` answers on a machine on which nothing else does."""
PORT = re.compile(r"http://(127\.0\.0\.1:\d+)/invocations")
COMMANDS = [page for page in pages() if snippets(page)]
TRAINING = [page for page in COMMANDS if any(TRAINS.search(one.text) for one in snippets(page))]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory, template, empty_store):
    """A home with images, and a project `thawline` whose second version is the champion."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        settle(patch, home)
        furnish(home, template)
        from flows.projects import init

        init.init(home / "thawline", [f"ingest.source={home / 'photos'}"])
        project = Project(home / "thawline")
        for seed in (0, 1):
            stand_in(project, template, empty_store, seed)
        yield home


def settle(patch, home):
    """Live there."""
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "XDG_CACHE_HOME"):
        patch.delenv(name, raising=False)


def furnish(home, template):
    """What the pages name: photographs, an archive, a class more, an image."""
    photos = home / "photos"
    for name, colour in (("cardboard", "red"), ("glass", "green"), ("paper", "blue")):
        images = sorted((template / "data/raw" / colour).iterdir())
        (photos / name).mkdir(parents=True)
        for number, image in enumerate(images):
            shutil.copy(image, photos / name / f"{number:02d}.jpg")
    shutil.copytree(photos / "glass", home / "more/metal")
    (home / "weights").symlink_to(home.with_name(f"{home.name}-weights"))  # large: not to be copied
    write_weights(home / "weights")
    with zipfile.ZipFile(home / "rocks.zip", "w") as archive:
        for image in sorted(photos.rglob("*.jpg")):
            archive.write(image, image.relative_to(photos))


def write_weights(folder):
    """A network's, as a person may have them."""
    import timm
    from safetensors.torch import save_file

    folder.resolve().mkdir()
    weights = timm.create_model("resnet18").state_dict()
    save_file(weights, folder / "resnet18.safetensors")


def stand_in(project, template, empty_store, seed=0):
    """What `thawline run` leaves in a project, without the training."""
    from registry import vouch
    from stage_outputs import write_lock, write_model

    from flows.actions import action

    for name in ("build", "data"):
        shutil.copytree(template / name, project.root / name, dirs_exist_ok=True)
    work = (template / ".thawline/work", project.root / ".thawline/work")
    shutil.copytree(*work, dirs_exist_ok=True)
    if not (project.mlflow / "mlflow.db").exists():
        shutil.copy(empty_store, project.mlflow / "mlflow.db")
    write_model(project.root, seed, right=(0.5, 1.0)[seed])
    write_lock(project.root, f"run {seed}")
    show_search(project)
    for name in ("publish", "register", "judge", "promote"):
        action.perform(project, name)
        if name == "register":
            vouch(project)


def show_search(project):
    """What of a search the template leaves out."""
    import pandas as pd

    from components.frame import files

    folder = project.build / "search"
    trials = pd.read_csv(folder / "trials.csv")
    more = {"stage": "trial", "shown": "70.0%", "cost": 10**9, "cached": True}
    trials.assign(**more).to_csv(folder / "trials.csv", index=False)
    files.write_text(folder / "decisions.csv", "decision\nblocks.0 at 0.003 is chosen.\n")
    summary = {"score_name": "accuracy", "full_fine_tunings_spent": 1.0}
    files.write_json(folder / "summary.json", summary)
    files.write_text(folder / "freeze_depths.csv", f"freeze_depth,trial_cost\n0,{10**10}\n")


@pytest.fixture
def home(furnished, tmp_path, monkeypatch):
    """A home of the test's own, in which the project is a clone as far as make can tell."""
    home = tmp_path / "home"
    shutil.copytree(furnished, home, symlinks=True)
    settle(monkeypatch, home)
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, home / "thawline")
    made = home / "thawline/.venv"
    made.mkdir()
    (made / "bin").symlink_to(Path(sys.executable).parent)
    (made / ".ready").touch()
    shutil.copy(home / "photos/glass/01.jpg", home / "thawline/image.jpg")
    (home / "thawline/photos").symlink_to(home / "photos")
    return home


@pytest.fixture
def terminals(home):
    """Open terminals in the project; each is closed at the end."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    opened = []

    def open_one(folder=home / "thawline"):
        opened.append(Terminal(folder, given))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


class Reader:
    """Somebody who types what a page prints."""

    def __init__(self, terminals, run, served):
        self.terminals, self.run, self.served = terminals, run, served
        self.here = terminals()
        self.address = PRINTED

    def read(self, page, servers):
        section = None
        if any(PRINTED in snippet.text for snippet in snippets(page)):
            self.served = set()  # it is asked
        for snippet in snippets(page):
            if page == "README.md" and section not in (None, snippet.section):
                self.here = self.terminals()  # each of its sections begins in the clone
            section = snippet.section
            if snippet.language == "python":
                self.here.type(f"python - <<'END'\n{snippet.text}\nEND")
            else:
                self.type(snippet.text, servers)

    def type(self, command, servers):
        if any(re.search(pattern, command) for pattern in NOT_RUN):
            return
        until = next((said for name, said in SERVERS.items() if command.startswith(name)), None)
        if until:
            self.serve(command, until, servers)
        elif trained := TRAINS.search(command):
            before = command[: trained.start(1)].removesuffix("&& ")
            if before:
                self.here.type(before)
            self.run(self.here, command[trained.start(1) :])
        else:
            self.here.type(command.replace(PRINTED, self.address))

    def serve(self, command, until, servers):
        """In a terminal beside, in which the same was exported."""
        plain = command.partition("#")[0].strip()
        if plain in self.served:
            return
        self.served.add(plain)
        servers.close()  # Ctrl-C to the one before
        exported = self.here.type("export -p").output
        beside = self.terminals(self.here.folder)
        beside.type(exported)
        said = servers.enter_context(beside.serving(command, until)).output
        self.address = next(iter(PORT.findall(said)), self.address)


@pytest.fixture(scope="module")
def served():
    """Servers that were started for an earlier page: each takes half a minute of two cores."""
    return set()


@pytest.fixture
def checked(template, empty_store):
    """Instead of a run: its values are written as it would, and a project gets its first model."""
    from flows.pipeline import overrides

    def run(terminal, command):
        words = shlex.split(command, comments=True)
        words = [word.replace("SOURCE=", "ingest.source=") for word in words]
        values = values_of(words[2:])
        project = Project(terminal.folder)
        edits = overrides.planned(project, values, terminal.folder)
        if "--once" not in words:
            edits.write()
        if not (project.build / "train").exists():
            stand_in(project, template, empty_store)

    return run


def values_of(words):
    """What is set, an effort spelled out."""
    values = []
    for before, word in itertools.pairwise(["", *words]):
        if before == "--effort":
            values += [f"{key}={json.dumps(value)}" for key, value in EFFORTS[word].items()]
        elif before != "--budget" and not word.startswith("-"):
            values.append(word)
    return values


@pytest.mark.slow
@pytest.mark.parametrize("page", COMMANDS)
def test_commands_of_a_page_do_what_they_should(page, terminals, checked, served):
    """One after the other; what trains is checked alone."""
    with contextlib.ExitStack() as servers:
        Reader(terminals, checked, served).read(page, servers)


@pytest.mark.slow
@pytest.mark.parametrize("page", TRAINING)
def test_runs_of_a_page_train(page, terminals):
    """The same with every run in full."""
    with contextlib.ExitStack() as servers:
        Reader(terminals, Terminal.type, set()).read(page, servers)


def test_what_is_not_run_is_printed():
    """A reason that nothing needs any longer goes."""
    printed = [snippet.text for page in COMMANDS for snippet in snippets(page)]
    for pattern in NOT_RUN:
        assert any(re.search(pattern, text) for text in printed), pattern
