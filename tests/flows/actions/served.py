"""Load a registered model where thawline is not installed, and show what it answers.

    python -I served.py MODEL_FOLDER REQUESTS.json

Prints one JSON object: what could be imported from where, the answers to the images named in
REQUESTS.json, their pixels as the network gets them, the status and text of bad requests, and how
much memory those took.
"""

import hashlib
import json
import resource
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")


def hide() -> None:
    """Take thawline out of this environment."""
    sys.path[:] = [place for place in sys.path if not (Path(place) / "flows").is_dir()]
    sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in type(one).__module__]


def installed() -> list[str]:
    from importlib.util import find_spec

    return [name for name in ("flows", "components") if find_spec(name)]


def main(folder: str, requests: str) -> None:
    hide()
    found = {"installed": installed()}
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(folder)
    wanted = json.loads(Path(requests).read_text())
    contents = [Path(path).read_bytes() for path in wanted["images"]]
    found["answers"] = model.predict(pd.DataFrame({"image": contents})).to_dict("list")
    served = model.unwrap_python_model()
    found["pixels"] = [
        hashlib.sha256(served._prepared(0, content).tobytes()).hexdigest() for content in contents
    ]
    import components

    found["components"] = components.__file__
    found["torch"] = "pickle" not in json.dumps(model.metadata.to_dict())
    found["bad"] = [ask(model, body) for body in wanted["bodies"]]
    print(json.dumps(found))


def ask(model, body):
    """What MLflow's own scoring server answers, and the megabytes by which memory grew."""
    from fastapi.testclient import TestClient
    from mlflow.pyfunc.scoring_server import init

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = TestClient(init(model)).post(
        "/invocations", content=body, headers={"Content-Type": "application/json"}
    )
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return [answer.status_code, answer.text, grown]


if __name__ == "__main__":
    main(*sys.argv[1:])
