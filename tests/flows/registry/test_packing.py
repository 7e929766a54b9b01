"""How a model is described to MLflow, and which code goes along."""

import pandas as pd

from components.tasks.classification import Classification
from flows.registry import packing


class Length:
    """A task whose answer is one number."""

    outputs = 1

    def answers(self, outputs):
        return outputs

    def served(self, answers):
        return pd.DataFrame({"length": answers[:, 0]})


def columns(task):
    return [(column.name, column.type.name) for column in packing.signature(task).outputs.inputs]


def test_a_model_says_which_table_it_answers():
    """Names and types are those that the task serves."""
    assert columns(Classification(("cat", "dog"))) == [
        ("class", "string"),
        ("probability_cat", "float"),
        ("probability_dog", "float"),
    ]
    assert columns(Length()) == [("length", "float")]


def test_code_that_a_served_model_does_not_run_stays_behind(tmp_path):
    """An import within a function counts in the served file, and nowhere else."""
    package = tmp_path / "components"
    package.mkdir()
    (package / "__init__.py").write_text('"""Parts."""\n')
    (package / "needed.py").write_text("def later():\n    import components.heavy\n")
    (package / "heavy.py").write_text("")
    served = tmp_path / "served.py"
    served.write_text("def load():\n    from components import needed\n")
    found = [path.name for path in packing.needed_modules(served, tmp_path)]
    assert found == ["__init__.py", "needed.py"]
