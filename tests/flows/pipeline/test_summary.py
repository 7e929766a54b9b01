"""The last lines of a run say what it came to."""

import logging

import pytest

from components.frame import files
from components.model.description import NetworkDescription, Origin
from flows.pipeline import summary
from flows.records import identity, ledger
from flows.runtime import console

METRICS = {
    "accuracy": 0.978,
    "accuracy_low": 0.961,
    "accuracy_high": 0.992,
    "confidence_level": 0.95,
    "majority_fraction": 0.104,
    "images": 1356,
}
NETWORK = NetworkDescription(
    architecture="resnet18",
    arguments={},
    task={"name": "classification", "classes": ["a", "b"]},
    transform={},
    freeze_depth=3,
    layer="layer3",
    trained_fraction=0.427,
    learning_rate=0.00098765,
    base=Origin(source="package", licence="Apache-2.0", sha256="ab" * 32),
)


@pytest.fixture
def finished(toy):
    """What the last stages and the actions leave behind."""
    files.write_json(toy.build / "evaluate" / "metrics.json", METRICS)
    NETWORK.write(toy.build / "train" / "network.json")
    files.write_bytes(toy.build / "train" / "weights.safetensors", b"weights")
    files.write_bytes(toy.build / "search" / "landscape.png", b"figure")
    return toy


def test_the_screen_says_what_a_person_asks(finished):
    """How good, beside what is no skill at all; what was trained; where to look; how long."""
    said = summary.screen(finished, 371)
    assert "97.8% on 1,356 images (95% interval 96.1% to 99.2%)" in said
    assert "the largest class alone: 10.4%" in said
    assert "from layer3 on (42.7% of the parameters), learning rate 0.00099" in said
    assert "not registered yet" in said
    assert "build/search/" in said
    assert "6 min 11 s" in said
    assert "make ui" in said


def test_the_last_line_names_the_page(finished):
    """Where there is one: it shows all the rest."""
    assert summary.screen(finished, 1).rstrip().endswith("make ui  (MLflow's pages)")
    files.write_text(finished.build / "report" / "index.html", "<p>")
    assert summary.screen(finished, 1).rstrip().endswith("build/report/index.html")


def test_the_model_bears_its_rank_and_verdict(finished):
    """A version is challenger until the ledger calls it champion."""

    def append(kind, **fields):
        ledger.append(finished, kind, **dict.fromkeys(ledger.KINDS[kind]) | fields)

    digest = identity.model_digest(finished)
    append("registered", name="digits", version=3, model=digest)
    assert ("Model", "digits version 3, challenger") in summary.facts(finished)
    append("verdict", name="digits", challenger=digest, reason="It is better.")
    append("promoted", name="digits", version=3, model=digest)
    assert ("Model", "digits version 3, champion (It is better.)") in summary.facts(finished)


def test_before_anything_was_built_nothing_is_claimed(toy):
    """No figure stands where no stage made one."""
    assert summary.facts(toy) == []


@pytest.mark.parametrize(
    ("name", "path", "passes"),
    [
        ("prefect.task_runs", console.__file__, True),
        ("prefect.task_runs", logging.__file__, False),
        ("prefect.server", logging.__file__, True),
    ],
    ids=["ours", "the engine's", "others'"],
)
def test_an_operator_reads_our_lines_not_the_engines(name, path, passes):
    """What Prefect's engine writes to our loggers stays on its own pages."""
    record = logging.LogRecord(
        name, logging.INFO, path, 1, "Finished in state Completed()", (), None
    )
    assert console.Ours().filter(record) is passes
