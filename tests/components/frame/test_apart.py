"""What a person names is never what a run replaces."""

import pytest
from places import ROOT

from components.frame.apart import require_apart
from components.frame.errors import UsageError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "data" / "raw" / "cat").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "how"),
    [
        ("data/raw", "is the run's own data/raw"),
        ("data/raw/cat", "lies in the run's own data/raw"),
        ("data", "holds the run's own data/raw"),
        (".", "holds"),
        ("build/report/figures/x", "lies in the run's own build/report/figures"),
        (".thawline/images", "lies in the run's own .thawline"),
        ("a/../data/raw", "is the run's own data/raw"),
    ],
)
def test_a_place_that_a_run_replaces_is_refused(project, named, how):
    """Itself, a part of it, or what holds it."""
    with pytest.raises(UsageError, match=f"ingest.source must lie apart .* {how}"):
        require_apart("ingest.source", str(project / named), project)


def test_a_link_to_such_a_place_is_refused(project):
    """Where it leads counts, not where it lies."""
    link = project / "mine"
    link.symlink_to(project / "data" / "raw")
    with pytest.raises(UsageError, match="is the run's own data/raw"):
        require_apart("ingest.source", str(link), project)


@pytest.mark.parametrize("named", ["images", "data/mine", "../elsewhere", "data/raw-of-mine"])
def test_any_other_place_is_free(project, named):
    """Also beside the outputs."""
    assert require_apart("ingest.source", str(project / named), project) is None
