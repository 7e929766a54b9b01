"""Which commit a run names."""

import os
import subprocess

import pytest

from flows.records.revision import revision


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository with one commit, and the project in a folder of it."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "someone@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = tmp_path / "repository" / "projekt ü"
    for name in ("dvc.lock", "data/source.yaml", "params/search.yaml", "components/train.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    git(root, "init", "--quiet", "..")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "one")
    return root


def git(root, *arguments):
    command = ["git", "-C", root, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_clean_commit_is_named(clone):
    """Its hash, and that nothing differs from it."""
    found = revision(clone)
    assert found.commit == git(clone, "rev-parse", "HEAD")
    assert found.state == "clean"


@pytest.mark.parametrize("name", ["dvc.lock", "data/source.yaml", "notes.txt", "my images/1.png"])
def test_what_runs_write_and_what_builds_nothing_is_not_dirt(clone, name):
    """The lock and the pins change with every run; a stray file changes no result."""
    (clone / name).parent.mkdir(exist_ok=True)
    (clone / name).write_text("2\n")
    assert revision(clone).state == "clean"


@pytest.mark.parametrize("name", ["params/search.yaml", "components/train.py", "components/new.py"])
def test_changed_code_and_parameters_are_dirt(clone, name):
    """The state names the files."""
    (clone / name).write_text("2\n")
    assert revision(clone).state == f"dirty: {name}"


def test_looking_changes_nothing(clone):
    """Git's index is not rewritten by a question."""
    index = clone.parent / ".git" / "index"
    before = index.stat().st_mtime_ns
    os.utime(clone / "dvc.lock")
    revision(clone)
    assert index.stat().st_mtime_ns == before


def test_a_detached_head_and_a_shallow_clone_are_named(clone, tmp_path):
    """Each is at a commit like any other."""
    git(clone, "checkout", "--quiet", "--detach")
    commit = git(clone, "rev-parse", "HEAD")
    assert (revision(clone).commit, revision(clone).state) == (commit, "clean")
    git(clone, "clone", "--quiet", "--depth", "1", clone.parent.as_uri(), tmp_path / "shallow")
    shallow = revision(tmp_path / "shallow" / clone.name)
    assert (shallow.commit, shallow.state) == (commit, "clean")


def test_a_repository_around_that_knows_nothing_of_the_project_is_anothers(clone):
    """A project unpacked into somebody's repository has no commit."""
    unpacked = clone.parent / "unpacked"
    unpacked.mkdir()
    (unpacked / "dvc.yaml").touch()
    assert revision(unpacked).commit is None


def test_without_a_commit_the_state_says_so(tmp_path):
    """A folder that is no clone still runs."""
    found = revision(tmp_path)
    assert found.commit is None
    assert found.state == "no git commit here"


def test_without_git_the_state_says_so(clone, monkeypatch, tmp_path):
    """A machine without git still runs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(clone).state == "git is not installed"
