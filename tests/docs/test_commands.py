"""Every command that README and docs print does what it should, as it is printed.

A page is read from its top: its commands are typed into one terminal, in a home folder that holds
what the pages speak of. A command that ends with another exit code than 0 ends the test. A run that
trains is done in full by the slow tests; otherwise its values are checked and written, and what a
run leaves is put there.
"""

import contextlib
import itertools
import os
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from documented import ROOT, Snippet, pages, snippets

from benchmarks.terminal import CommandFailedError, Terminal
from components.frame.errors import UsageError
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
    r"(thawline|make) ui": "Uvicorn running on",
}
"""By how it begins, what a server says when it answers."""
HUNG = 900.0
"""Seconds after which a command has not ended because it is a server that is not named above."""
PRINTED = "127.0.0.1:8080"
"""Where `thawline serve` answers on a machine on which nothing else does."""
PORT = re.compile(r"http://(127\.0\.0\.1:\d+)/invocations")
COMMANDS = [page for page in pages() if snippets(page)]
MODEL = re.compile(
    r"thawline (predict|serve|promote|rollback|compare|history|status|init|schedule|push|ui)|"
    r"mlflow|dvc|make"
)
"""Commands that want a model, or more of a machine than a few seconds."""
TRAINING = [page for page in COMMANDS if any(TRAINS.search(one.text) for one in snippets(page))]
WITH_MODEL = [page for page in COMMANDS if any(MODEL.search(one.text) for one in snippets(page))]
WITHOUT = sorted(set(COMMANDS) - set(WITH_MODEL))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, template):
    """A home with images, and a project `thawline` that was built, of which nothing is known."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        settle(patch, home)
        furnish(home, template)
        from flows.projects import init

        init.init(home / "thawline", [f"ingest.source={home / 'photos'}"])
        build(Project(home / "thawline"), template)
        return home


@pytest.fixture(scope="module")
def furnished(plain, tmp_path_factory, template, empty_store):
    """The same, whose second version is the champion."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("furnished") / "home"
        shutil.copytree(plain, home, symlinks=True)
        settle(patch, home)
        for seed in (0, 1):
            stand_in(Project(home / "thawline"), template, empty_store, seed)
        return home


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

    from flows.actions import action

    build(project, template, seed)
    if not (project.mlflow / "mlflow.db").exists():
        shutil.copy(empty_store, project.mlflow / "mlflow.db")
    for name in ("publish", "register", "judge", "promote"):
        action.perform(project, name)
        if name == "register":
            vouch(project)


def build(project, template, seed=0):
    """What the stages of it leave."""
    from stage_outputs import write_lock, write_model

    for name in ("build", "data", ".thawline/work"):
        shutil.copytree(template / name, project.root / name, dirs_exist_ok=True)
    write_model(project.root, seed, right=(0.5, 1.0)[seed])
    write_lock(project.root, f"run {seed}")
    show_search(project)


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
def home(request, tmp_path, monkeypatch):
    """A home of the test's own, in which the project is a clone as far as make can tell."""
    home = tmp_path / "home"
    shutil.copytree(request.getfixturevalue(request.param), home, symlinks=True)
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
        opened.append(Terminal(folder, given, HUNG))
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
        self.done = 0
        """Commands and programs that did what they should."""

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
            elif not_run(snippet):
                continue
            else:
                self.type(snippet.text, servers)
            self.done += 1

    def type(self, command, servers):
        until = next((said for name, said in SERVERS.items() if re.match(name, command)), None)
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
    from flows.pipeline import command as pipeline
    from flows.pipeline import overrides

    def run(terminal, command):
        project = Project(terminal.folder)
        asked = options_of(command, terminal.folder)
        given = asked.values  # noqa: PD011  # no table
        values = [*pipeline._dialled(project, asked).texts, *given]
        edits = overrides.planned(project, values, terminal.folder)
        overrides.planned(project, asked.once, terminal.folder, upon=edits)
        edits.write()
        if not (project.build / "train").exists():
            stand_in(project, template, empty_store)

    return run


def options_of(command, folder):
    """What a run is asked for, as the command line takes it apart."""
    from flows.pipeline.command import RunOptions

    found = {"--set": [], "--once": [], "--effort": [], "--budget": []}
    for before, word in itertools.pairwise(["", *shlex.split(command, comments=True)]):
        if word.startswith("SOURCE="):
            found["--set"].append(word.replace("SOURCE=", "ingest.source="))
        elif before in found:
            found[before].append(word)
    return RunOptions(
        values=found["--set"],
        once=found["--once"],
        effort=next(iter(found["--effort"]), None),
        budget=next(iter(found["--budget"]), None),
        start=folder,
    )


def not_run(snippet):
    return any(re.search(pattern, snippet.text) for pattern in NOT_RUN)


def read(page, terminals, run, served):
    """All of a page; nothing of it is passed over without a reason."""
    reader = Reader(terminals, run, served)
    with contextlib.ExitStack() as servers:
        reader.read(page, servers)
    assert reader.done == sum(not not_run(snippet) for snippet in snippets(page)) > 0


@pytest.mark.parametrize("home", ["plain"], indirect=True)
@pytest.mark.parametrize("page", WITHOUT)
def test_commands_of_a_page_without_models_do_what_they_should(page, terminals, checked):
    """One after the other; what trains is checked alone."""
    read(page, terminals, checked, set())


@pytest.mark.slow
@pytest.mark.parametrize("home", ["furnished"], indirect=True)
@pytest.mark.parametrize("page", WITH_MODEL)
def test_commands_of_a_page_do_what_they_should(page, terminals, checked, served):
    """The same where a model is spoken of."""
    read(page, terminals, checked, served)


@pytest.mark.slow
@pytest.mark.parametrize("home", ["furnished"], indirect=True)
@pytest.mark.parametrize("page", TRAINING)
def test_runs_of_a_page_train(page, terminals):
    """The same with every run in full."""
    read(page, terminals, Terminal.type, set())


@pytest.mark.parametrize("home", ["plain"], indirect=True)
@pytest.mark.parametrize(
    ("snippet", "error"),
    [
        (Snippet("", "sh", "thawline params nowhere.at_all"), CommandFailedError),
        (Snippet("", "sh", "thawline run --set serch.seed=1"), UsageError),
        (Snippet("", "python", "import thawlin"), CommandFailedError),
    ],
)
def test_a_page_with_a_command_that_fails_is_noticed(
    snippet, error, terminals, checked, monkeypatch
):
    """By its exit code, or by the check that stands in for a run."""
    monkeypatch.setattr(sys.modules[__name__], "snippets", lambda _page: [snippet])
    with pytest.raises(error):
        read("a page", terminals, checked, set())


def test_a_command_that_does_not_end_is_noticed(tmp_path):
    """As a server is that nobody thought of: it would stand in the way of all that come after."""
    terminal = Terminal(tmp_path, dict(os.environ), hung=0.5)
    with pytest.raises(CommandFailedError, match=r"sleep 60\n.* did not end"):
        terminal.type("sleep 60")
    terminal.close()


def test_what_is_not_run_is_printed():
    """A reason that nothing needs any longer goes."""
    printed = [snippet.text for page in COMMANDS for snippet in snippets(page)]
    for pattern in NOT_RUN:
        assert any(re.search(pattern, text) for text in printed), pattern
