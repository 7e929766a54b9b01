"""Serve a registered model over HTTP: MLflow's own scoring server, with the model's own code.

    python -I http_process.py MODEL_FOLDER HOST PORT

It imports nothing of ours: `components` is the copy that the model holds. It ends with its input.
"""

import os
import signal
import sys
import threading


def main(folder: str, host: str, port: str) -> None:
    """Answer at /invocations, as `mlflow models serve` does, until input ends or a signal comes."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    import uvicorn
    from mlflow.pyfunc import scoring_server

    model = scoring_server.load_model_with_mlflow_config(folder)
    uvicorn.run(scoring_server.init(model), host=host, port=int(port), log_level="warning")


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
