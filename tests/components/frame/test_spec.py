"""What `dvc.yaml` says of the stages."""

import pytest

from components.frame.errors import UsageError
from components.frame.spec import stages


@pytest.mark.parametrize("content", ["", "stages:", "- 1", "a: 1", "stages: [a]", "stages: {a: 1}"])
def test_a_pipeline_without_stages_is_refused(content, tmp_path):
    """A file that is empty, cut, or another one."""
    (tmp_path / "dvc.yaml").write_text(content)
    with pytest.raises(UsageError, match="must describe the stages"):
        stages(tmp_path)
