"""A project beside the clone is whole, runs the installed code, and is renewed by an upgrade."""

import filecmp
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components.frame import files
from components.frame.errors import UsageError
from components.frame.spec import spec
from flows.project import Project
from flows.projects import known, links, overview, template
from flows.projects.init import init

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """What a machine knows of its projects lies in the test's own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def tree(folder):
    """Every path below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_project_holds_what_the_repository_holds(tmp_path, images):
    """Byte for byte, but for what is set; every dependency on code is there through the links."""
    init(tmp_path / "plants", [f"ingest.source={images}"])
    root = tmp_path / "plants"
    same = [name for name in template.FILES if name not in (".gitignore", "params")]
    assert all(filecmp.cmp(ROOT / name, root / name, shallow=False) for name in same)
    assert files.read_yaml(root / "params/ingest.yaml")["source"] == str(images)
    assert files.read_yaml(root / "params/register.yaml")["name"] == "plants"
    assert files.read_yaml(root / "params/publish.yaml")["experiment"] == "plants"
    code = [dep for dep in spec("train", root).deps if dep.startswith("components/")]
    assert code
    assert all((root / dep).samefile(ROOT / dep) for dep in code)
    assert (root / ".thawline/cache/pixels").samefile(tmp_path / "cache/thawline/pixels")


def test_git_ignores_the_links_and_sees_the_rest(tmp_path):
    """What is committed is the person's; the code is the installation's."""
    init(tmp_path / "plants", [])
    command = ["git", "-C", str(tmp_path / "plants"), "status", "--short"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"dvc.yaml", "params/", ".dvc/", "mlflow/"} <= set(told)
    assert not {"components", "flows", ".thawline/"} & set(told)


@pytest.mark.parametrize("value", ["ingest.nothing=1", "split.val_fraction=2"])
def test_a_wrong_value_makes_no_project(tmp_path, value):
    """Nor a part of one."""
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="params/"):
        init(tmp_path / "plants", [value])
    assert tree(tmp_path) == before


def test_what_lies_in_a_folder_stays(tmp_path):
    """A project is made where nothing is."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"empty or not there yet.*--source"):
        init(tmp_path / "photos", [])
    assert tree(tmp_path / "photos") == ["mine.jpg"]


def test_an_empty_folder_becomes_a_project(tmp_path):
    """A name that no model may bear is made one."""
    (tmp_path / "a:b").mkdir()
    init(tmp_path / "a:b", [])
    assert files.read_yaml(tmp_path / "a:b" / "params/register.yaml")["name"] == "a-b"


def test_the_clone_is_no_project_to_be_renewed():
    """It is one as it stands."""
    with pytest.raises(UsageError, match="clone of the repository"):
        init(ROOT, [])


def test_an_upgrade_renews_the_stages_and_keeps_the_rest(tmp_path):
    """What a person changed in dvc.yaml is set aside, not lost."""
    root = tmp_path / "plants"
    init(root, ["split.val_fraction=0.3"])
    (root / "dvc.yaml").write_text("stages: {}  # of before\n")
    assert "dvc.yaml.aside-1" in init(root, [])
    assert filecmp.cmp(ROOT / "dvc.yaml", root / "dvc.yaml", shallow=False)
    assert (root / "dvc.yaml.aside-1").read_text() == "stages: {}  # of before\n"
    assert files.read_yaml(root / "params/split.yaml")["val_fraction"] == 0.3
    assert "nothing in it is out of date" in init(root, [])


def test_links_follow_the_installation(tmp_path):
    """It moved, `.thawline/` was deleted: the next command puts both right."""
    root = tmp_path / "plants"
    init(root, [])
    (root / "components").unlink()
    (root / "components").symlink_to(tmp_path / "gone")
    (root / ".thawline/cache/pixels").unlink()
    links.renew(Project(root))
    assert (root / "components").samefile(ROOT / "components")
    assert (root / ".thawline/cache/pixels").is_dir()


def test_a_clone_gets_no_links(tmp_path):
    """Its packages are its own."""
    (tmp_path / "components").mkdir()
    links.renew(Project(tmp_path))
    assert tree(tmp_path) == ["components"]


def test_the_projects_of_a_machine_are_listed(tmp_path):
    """Each once, as long as it is there."""
    assert "no projects yet" in overview.screen()
    for name in ("plants", "rocks"):
        init(tmp_path / name, [])
        known.remember(Project(tmp_path / name))
    assert [one.root.name for one in known.projects()] == ["plants", "rocks"]
    heading, *rows = overview.screen().splitlines()
    assert heading.split() == ["project", "champion", "last", "verdict", "next", "run"]
    assert [Path(row.split()[0]).name for row in rows] == ["plants", "rocks"]
    assert all("none yet" in row and "no schedule is kept" in row for row in rows)
    (tmp_path / "plants" / "dvc.yaml").unlink()
    assert [one.root.name for one in known.projects()] == ["rocks"]


def test_an_installed_package_makes_the_same_project(tmp_path, home):
    """Where there is no clone around it: the wheel brings what a project is made of."""
    hatch = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(hatch, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    subprocess.run(
        [sys.executable, "-m", "flows.cli", "init", tmp_path / "plants"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "plants/flows").resolve() == tmp_path / "site/flows"
    init(tmp_path / "other/plants", [])
    made, other = tree(tmp_path / "plants/params"), tree(tmp_path / "other/plants/params")
    assert made == other
    for name in ["dvc.yaml", *(f"params/{file}" for file in made)]:
        assert filecmp.cmp(
            tmp_path / "plants" / name, tmp_path / "other/plants" / name, shallow=False
        )
    code = [dep for dep in spec("train", ROOT).deps if dep.startswith("components/")]
    assert all((tmp_path / "plants" / dep).exists() for dep in code)
