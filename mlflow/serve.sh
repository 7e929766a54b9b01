#!/bin/sh
# Show the runs and models that lie in this folder, on this machine alone: mlflow/serve.sh [PORT]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
port=${1:-5000}
PATH="$here/../.venv/bin:$PATH"
export PATH
export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false
view="experiments/1/runs?workflowType=machine_learning&viewStateShareKey=thawline"
echo "The runs: http://127.0.0.1:$port/#/$view (Ctrl-C ends the pages)"
cd "$here"  # an address from here needs no folder's name, whatever that holds
exec mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri sqlite:///mlflow.db --artifacts-destination artifacts
