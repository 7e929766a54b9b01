"""Let a registered model name images, in a process of its own with the model's own code.

    python -I scoring.py MODEL_FOLDER IMAGES.json OUTPUT.parquet

It imports nothing of ours: `components` is the copy that the model holds. `IMAGES.json` lists the
files; `OUTPUT.parquet` gets a row for each, in their order, as the model answers.
"""

import json
import sys
import warnings
from pathlib import Path

IMAGES_AT_ONCE = 64


def main(model: str, images: str, output: str) -> None:
    """Load the model and write what it says."""
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    import pandas as pd

    loaded = mlflow.pyfunc.load_model(model)
    paths = [Path(name) for name in json.loads(Path(images).read_text(encoding="utf-8"))]
    parts = []
    for start in range(0, len(paths), IMAGES_AT_ONCE):
        contents = [path.read_bytes() for path in paths[start : start + IMAGES_AT_ONCE]]
        parts.append(loaded.predict(pd.DataFrame({"image": contents})))
    pd.concat(parts, ignore_index=True).to_parquet(output, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
