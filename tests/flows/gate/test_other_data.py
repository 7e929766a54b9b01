"""Images of which the champion knows nothing are another project's, said before a search."""

import shutil

import pandas as pd
import pytest

from components.augment import AugmentParams
from components.frame import files
from components.frame.errors import UsageError
from flows.gate import other_data


@pytest.fixture
def images(project):
    """Bring images of these classes in, for a task."""

    def bring(*classes, task="classification", source="images/colours.tar"):
        path = project.root / other_data.MANIFEST
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"path": f"{name}/1.png", "class": name} for name in classes]
        pd.DataFrame(rows).to_parquet(path)
        files.write_yaml(
            project.params / "ingest.yaml", {"source": source, "max_unpacked_gib": 20.0}
        )
        files.write_yaml(
            project.params / "augment.yaml",
            AugmentParams(task=task, image_size=32).model_dump(),
        )

    return bring


def test_images_of_other_classes_are_refused_with_both_ways_out(project, first, images):
    """The command for the other project is ready to be copied."""
    images("rock", "sand", source="my rocks")
    with pytest.raises(UsageError) as refused:
        other_data.refuse(project)
    said = str(refused.value)
    assert "thawline version 1 names the class of an image; 3 classes: blue, green, red" in said
    assert f"thawline init FOLDER --source '{project.root}/my rocks'" in said
    assert "thawline run --set register.name=NAME" in said


def test_one_class_in_common_is_enough(project, first, images):
    """Classes come and go: the gate says what that means for the champion."""
    images("red", "rock")
    assert other_data.refuse(project) is None, "it raises otherwise"


def test_a_model_of_another_name_or_task_has_no_champion_here(project, first, images):
    """The remedy helps, and what learned something else is none."""
    images("rock", "sand", task="length")
    assert other_data.refuse(project) is None
    images("rock", "sand")
    files.write_yaml(project.params / "register.yaml", {"name": "rocks"})
    assert other_data.refuse(project) is None


def test_without_a_store_or_its_files_nothing_is_held_up(project, first, images):
    """A store that is away is no reason to stop; what is damaged `judge` will say."""
    images("rock", "sand")
    shutil.move(project.mlflow / "artifacts", project.root / "apart")
    (project.mlflow / "artifacts").mkdir()
    other_data.refuse(project)
    (project.mlflow / "mlflow.db").unlink()
    other_data.refuse(project)
    assert not (project.mlflow / "mlflow.db").exists()
