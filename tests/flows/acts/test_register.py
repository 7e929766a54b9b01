"""The trained model becomes a registered version, once."""

import json
import os
import subprocess
import sys
import time

import pytest

from flows import tracking
from flows.publish import PublishParams, publish
from flows.register import RegisterParams, register


def test_x(project, tmp_path):
    publish(project, PublishParams(experiment="thawline"))
    t = time.time()
    first = register(project, RegisterParams(name="thawline"))
    print("REGISTER", time.time() - t, first)
    t = time.time()
    second = register(project, RegisterParams(name="thawline"))
    print("REGISTER", time.time() - t, second)
    os.system(f"cd '{project.mlflow}/artifacts'; find . | head -80; cat models/*/artifacts/MLmodel; cat models/*/artifacts/requirements.txt models/*/artifacts/conda.yaml; cat models/*/artifacts/*.json | head -c 1000; cat ../ledger.jsonl")
