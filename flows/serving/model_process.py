"""Let a registered model answer, in a process of its own with the model's own code.

    python -I model_process.py MODEL_FOLDER

It imports nothing of ours: `components` is the copy that the model holds. The first line that it
writes lists the columns of its answers; then every line of its input, a list of paths, is answered
by a line, a list with the columns' values for each, or `error`: why it cannot be read. All lines
are JSON.
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, TextIO

FIRST = "Image 0 "
"""With this a model begins a sentence on an image that it was asked for alone."""

Answer = dict[str, Any]


def main(folder: str) -> None:
    """Load the model and answer until input ends."""
    answers = _own_output()
    warnings.simplefilter("ignore")
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(folder)
    columns = [column.name for column in model.metadata.signature.outputs]
    print(json.dumps(columns), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(model, json.loads(line))), file=answers, flush=True)


def answer(model: Any, paths: list[str]) -> list[Answer]:  # noqa: ANN401  # MLflow has no types
    """What the model says of image files; where one stops it, it is asked for each alone."""
    try:
        return ask(model, [Path(path).read_bytes() for path in paths])
    except Exception as error:  # noqa: BLE001  # whatever one image does to a model of any age
        if len(paths) == 1:
            return [{"error": reason(error)}]
    return [one for path in paths for one in answer(model, [path])]


def ask(model: Any, contents: list[bytes]) -> list[Answer]:  # noqa: ANN401  # MLflow has no types
    """The values of the columns for each encoded image."""
    import pandas as pd

    table = model.predict(pd.DataFrame({"image": contents}))
    columns = {name: [plain(value) for value in table[name]] for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain(value: Any) -> Any:  # noqa: ANN401  # whatever a model answers
    """A value as JSON can hold it, a number of 32 bits with its own digits."""
    import numpy as np

    if isinstance(value, np.floating):
        return float(str(value))
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def reason(error: Exception) -> str:
    """Why an image cannot be used, without the number that the model gives it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    sentence = str(error) or type(error).__name__
    return sentence[sentence.find(FIRST) + len(FIRST) :] if FIRST in sentence else sentence


def _own_output() -> TextIO:
    """Standard output for answers alone: whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main(*sys.argv[1:])
