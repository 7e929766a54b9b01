"""When a version can be rebuilt, in which clone, and what is said at the end."""

import hashlib
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from components.frame import files
from components.frame.errors import DataError, UnreachableError, UsageError
from flows.building.reproduce import reproduce
from flows.project import Project
from flows.rebuilding import clone, comparison, fetch
from flows.rebuilding.lineage import Lineage
from flows.registry import machine

COMMIT = "0123456789abcdef"
COMMITTING = ("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
WEIGHTS = "build/train/weights.safetensors"


def git(root, *words):
    subprocess.run(["git", *words], cwd=root, check=True)


@pytest.fixture
def empty(built, tmp_path):
    """A clone of the project before it was built."""
    names = (
        "dvc.yaml",
        ".dvc",
        ".dvcignore",
        ".gitignore",
        "params",
        "data/source.yaml",
        "data/start.yaml",
        "split.py",
        "ingest.py",
        "base.py",
    )
    git(built.root, "add", *names)
    git(built.root, *COMMITTING)
    git(built.root, "clone", "-q", str(built.root), str(tmp_path / "clone"))
    return Project(tmp_path / "clone")


@pytest.fixture
def tags(built):
    return {
        "thawline.run": files.sha256(built.lock),
        "thawline.git": "clean",
        "thawline.model": "ab" * 32,
        "thawline.base.sha256": "cd" * 32,
        "mlflow.source.git.commit": COMMIT,
    }


@pytest.fixture
def read(built, tmp_path, tags):
    """The lineage of a version of the built project, with some tags changed."""

    def make(**changed):
        lineage = tmp_path / "model" / "lineage"
        if not lineage.exists():
            for name in ("dvc.yaml", "dvc.lock", "params", "data"):
                source = built.root / name
                copy = shutil.copytree if source.is_dir() else shutil.copy
                lineage.mkdir(parents=True, exist_ok=True)
                copy(source, lineage / name)
            files.write_json(lineage / "machine.json", machine.describe())
            files.write_bytes(tmp_path / "model/artifacts/weights.safetensors", b"weights")
        version = SimpleNamespace(name="toy", version="3", tags=tags | changed)
        return Lineage.read(tmp_path / "model", version)

    return make


def test_a_version_from_a_dirty_commit_cannot_be_rebuilt(read):
    """Nobody has its code; parameters alone it carries itself."""
    with pytest.raises(UsageError, match=r"components/train\.py.*cannot be rebuilt"):
        read(**{"thawline.git": "dirty: components/train.py, params/search.yaml"})
    with pytest.raises(UsageError, match="cannot be rebuilt"):
        read(**{"thawline.git": f"dirty: {'params/a.yaml, ' * 40}"[:500]})
    assert read(**{"thawline.git": "dirty: params/ingest.yaml, params/search.yaml"}).commit


def test_a_lock_that_is_not_its_own_is_refused(read, tmp_path):
    """Lineage is not code: it is checked by the run that the version names."""
    read()
    lock = tmp_path / "model/lineage/dvc.lock"
    lock.write_text(lock.read_text() + "\n")
    with pytest.raises(DataError, match=r"dvc\.lock"):
        read()


def test_the_code_must_be_the_versions(empty, read):
    """A changed line, a changed command, a missing file: the commit to take is told."""
    clone.check_code(empty, read())
    for name, before, after in (
        ("split.py", "done", "over"),
        ("dvc.yaml", "python split.py", "python -O split.py"),
    ):
        text = (empty.root / name).read_text()
        (empty.root / name).write_text(text.replace(before, after))
        with pytest.raises(UsageError, match=f"but {name} differs.*git checkout {COMMIT}"):
            clone.check_code(empty, read())
        git(empty.root, "checkout", "-q", "--", name)
    (empty.root / "ingest.py").unlink()
    with pytest.raises(UsageError, match=r"but ingest\.py differs"):
        clone.check_code(empty, read())


def test_how_a_stage_is_operated_makes_no_other_code(empty, read):
    """Time limits and descriptions change no output."""
    text = empty.pipeline.read_text()
    empty.pipeline.write_text(text.replace("timeout_minutes: 1", "timeout_minutes: 9"))
    assert empty.pipeline.read_text() != text
    clone.check_code(empty, read())


def test_parameters_pins_and_lock_come_from_the_version(built, empty, read, tags):
    """What is committed in the clone may be replaced; parameters as they went into the build."""
    (empty.params / "split.yaml").write_text("seed: 99\n")
    (empty.data / "source.yaml").write_text("sha256: other\n")
    git(empty.root, "add", "-A")
    git(empty.root, *COMMITTING)
    lineage = read().root
    wanted = files.read_yaml(built.params / "split.yaml")
    files.write_yaml(lineage / "params/split.yaml", wanted | {"seed": 7})  # edited after the build
    clone.prepare(empty, read())
    assert empty.lock.read_bytes() == built.lock.read_bytes()
    assert files.sha256(empty.lock) == tags["thawline.run"]
    assert files.read_yaml(empty.params / "split.yaml") == wanted
    assert (empty.data / "source.yaml").read_bytes() == (built.data / "source.yaml").read_bytes()


@pytest.mark.parametrize("name", ["params/split.yaml", "data/source.yaml", "dvc.lock"])
@pytest.mark.parametrize("ignored", [False, True])
def test_what_no_commit_has_is_never_replaced(empty, read, name, ignored):
    """Neither a change to a file of git's nor a file that git does not know."""
    (empty.root / name).write_text("mine: 1\n")
    if ignored:
        (empty.root / ".git/info/exclude").write_text(f"{name}\n")
    before = {path: path.read_bytes() for path in empty.root.glob("[dp]*/*.yaml")}
    with pytest.raises(UsageError, match=f"would replace {name}"):
        clone.prepare(empty, read())
    assert before == {path: path.read_bytes() for path in empty.root.glob("[dp]*/*.yaml")}
    assert (empty.root / name).read_text() == "mine: 1\n"


@pytest.mark.parametrize("name", ["build/split", "build/base/weights.txt", ".thawline/work"])
def test_a_clone_with_a_build_is_refused_and_an_own_beginning_goes_on(empty, read, name):
    """Stages would remove what lies there, or take up its work; a rebuild's own it may."""
    (empty.root / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="fresh clone"):
        clone.prepare(empty, read())
    (empty.root / name).rmdir()
    clone.prepare(empty, read())
    (empty.root / name).mkdir(parents=True, exist_ok=True)
    empty.lock.write_text("half\n")
    clone.prepare(empty, read())
    assert files.sha256(empty.lock) == read().tags["thawline.run"]
    clone.finish(empty)
    with pytest.raises(UsageError, match="fresh clone"):
        clone.prepare(empty, read())


def test_a_pin_from_elsewhere_is_refused(empty, read):
    """A version that names the images of another build is not whole."""
    lineage = read()
    (lineage.root / "data/source.yaml").write_text("sha256: forged\n")
    with pytest.raises(DataError, match=r"data/source\.yaml"):
        clone.prepare(empty, lineage)
    assert not empty.lock.exists()


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC's use of pygtrie
def test_only_what_is_asked_for_comes_from_the_remote(built, empty, read, tmp_path):
    """No remote is a setting to make; one that lacks a file is out of reach; else just those."""
    clone.prepare(empty, read())
    names = ["build/base/weights.txt"]
    with pytest.raises(UsageError, match="dvc remote add"):
        fetch._pull(empty, names)
    remote = tmp_path / "remote"
    settings = f"[core]\n    remote = folder\n['remote \"folder\"']\n    url = {remote}\n"
    for project in (built, empty):
        (project.root / ".dvc/config.local").write_text(settings)
    with pytest.raises(UnreachableError, match="thawline push"):
        fetch._pull(empty, names)
    from flows.actions.push import push

    push(built)
    assert fetch._pull(empty, names) == "folder"
    assert (empty.build / "base/weights.txt").exists()
    assert not (empty.build / "ingest").exists()


def test_anew_is_built_although_nothing_is_stale(built, monkeypatch):
    """Neither the workspace nor a cache is asked."""
    monkeypatch.chdir(built.root)
    assert reproduce(built, "split") == "unchanged"
    (built.build / "split/splits.txt").unlink()
    assert reproduce(built, "split") == "restored"
    assert reproduce(built, "split", anew=True) == "ran"


@pytest.fixture
def compared(built, read):
    """Compare what lies in the built project with what the version has."""
    files.write_bytes(built.root / comparison.MANIFEST, b"manifest")
    lock = files.read_yaml(built.lock)
    md5 = hashlib.md5(b"manifest", usedforsecurity=False).hexdigest()
    lock["stages"]["ingest"]["outs"].append({"path": comparison.MANIFEST, "md5": md5})

    def compare(content, **told):
        files.write_bytes(built.root / WEIGHTS, content)
        files.write_yaml(built.lock, lock)
        lineage = read(**{"thawline.run": files.sha256(built.lock)})
        files.write_json(lineage.root / "machine.json", machine.describe() | told)
        return comparison.compare(built, lineage)

    return compare


def test_equal_weights_are_said_with_their_hash(compared):
    """One line, where every other output is equal too."""
    digest = hashlib.sha256(b"weights").hexdigest()
    equal, (line,) = compared(b"weights")
    assert equal
    assert digest in line
    assert line.startswith("equal: ")


def test_other_weights_are_told_with_both_hashes_and_the_machines(compared):
    """What is another there, and what is the same is left out."""
    equal, lines = compared(b"others", torch="1.0.0", cpu="Abacus")
    assert not equal
    said = "\n".join(lines)
    for content in (b"weights", b"others"):
        assert hashlib.sha256(content).hexdigest() in said
    assert "torch: 1.0.0 there" in said
    assert "cpu: Abacus there" in said
    assert "numpy" not in said
