"""Workers share a search over a real PostgreSQL: no trial is lost, and none is done twice."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import optuna
import pandas as pd
import postgres
import pytest
import sqlalchemy
import torch
from places import Place
from samples import draw, encode

from components.features.store import FOLDER
from components.frame import files
from components.frame.errors import UnreachableError, UsageError
from components.frame.events import Events
from components.model.weights.pin import start_pin
from components.study import shared_record
from components.study.shared_record import VARIABLE, SharedRecord, address
from components.study.shared_search import SharedSearch
from components.study.strategies.strategy import Notes

pytest.importorskip("pg8000")
pytestmark = pytest.mark.slow  # a server starts, and interpreters

server = postgres.server
EPOCHS = 4


@pytest.fixture
def shared(images, pretrained, plan, tmp_path):
    """A worker's part in a search by the name of its study."""
    records = []

    def make(url, worker, name="study"):
        folder = tmp_path / worker
        record = SharedRecord(url, name, plan, pretrained.layers, pretrained.fractions)
        records.append(record)
        log = Events(folder / "events.jsonl")
        return SharedSearch(
            plan, images, pretrained, folder, folder / FOLDER, log, torch.device("cpu"), record
        )

    yield make
    for record in records:
        record.close()


@pytest.fixture
def url(server, request, monkeypatch):
    """The address of a database of this test's own."""
    monkeypatch.setenv(VARIABLE, server.address(f"study{abs(hash(request.node.name))}"))
    return address()


def test_one_worker_ends_as_a_search_by_itself(url, shared, make_search):
    """To the bit, and after a kill too: all is in the database."""
    alone = make_search("alone").run()
    first = shared(url, "first")
    found = first.run()
    for result in (found, shared(url, "second").run()):
        assert [trial.row() for trial in result.trials] == [t.row() for t in alone.trials]
        assert result.chosen == alone.chosen
        assert result.decisions == alone.decisions
    assert first.workers == 1


def test_a_trial_is_taken_once_and_taken_over_from_the_dead(url, shared, monkeypatch):
    """Its number stays, so its seed does; who was taken for dead does not tell its end."""
    one, other = (shared(url, worker) for worker in ("one", "other"))
    asked = next(one._asking(Notes()))
    places = [worker.record.take(asked, ()) for worker in (one, other)]
    assert [(place.number, place.state) for place in places] == [(0, "ours"), (0, "elsewhere")]
    monkeypatch.setattr(shared_record, "GRACE", 0.0)
    assert other.record.take(asked, ()).state == "ours"
    outcome = other.runner.run(0, asked, [], other.folder / "0.safetensors", lambda *_: False)
    with pytest.raises(shared_record.TakenOverError):
        one.record.end(one.record.begin(0, asked), asked, outcome)
    assert other.record.end(other.record.begin(0, asked), asked, outcome).number == 0
    assert one.record.take(asked, ()).state == "finished"
    assert one.record.take(asked, (0,)).number == 1


def other_than(asked):
    """What nobody asks for."""
    return replace(asked, setting=replace(asked.setting, learning_rate=3.1e-3))


def test_a_guess_of_a_dead_worker_is_in_the_tables(url, shared, monkeypatch):
    """Nobody asked for it in the end, but it was begun: another worker runs it to its end."""
    one, other = (shared(url, worker) for worker in ("one", "other"))
    guess = other_than(next(one._asking(Notes())))
    assert other.record.take(guess, ()).state == "ours"
    monkeypatch.setattr(shared_record, "GRACE", 0.0)
    found = one.run()
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))
    assert found.trials[0].setting == guess.setting
    assert found.trials[0].scored


def test_a_search_ends_after_the_guesses_of_other_workers(url, shared):
    """Else a trial would stand in the study that the tables do not list."""
    one, other = (shared(url, worker) for worker in ("one", "other"))
    guess = other_than(next(one._asking(Notes())))
    number = other.record.take(guess, ()).number
    trial = other.record.begin(number, guess)
    ended = []

    def late():
        keep = other.folder / "late.safetensors"
        outcome = other.runner.run(number, guess, [], keep, lambda *_: False)
        wait_for(lambda: confirmed(url), 120)
        ended.append(other.record.end(trial, guess, outcome))

    with other.record.beating(trial):
        worker = threading.Thread(target=late)
        worker.start()
        found = one.run()
        worker.join()
    assert ended[0].row() in [trial.row() for trial in found.trials]


def test_nothing_is_guessed_once_the_trial_that_is_waited_for_has_ended(url, shared):
    """The search may be over: what is begun then would come too late for the tables."""
    one, other = (shared(url, worker) for worker in ("one", "other"))
    asked = next(one._asking(Notes()))
    awaited = one.record.take(asked, ()).number
    assert other.record.take(other_than(asked), (awaited,), awaited).state == "ours"
    outcome = one.runner.run(awaited, asked, [], one.folder / "0.safetensors", lambda *_: False)
    one.record.end(one.record.begin(awaited, asked), asked, outcome)
    later = replace(asked, stage="probe")
    assert other.record.take(later, (awaited,), awaited).state == "late"
    assert len(trials(url)) == 2


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """What `search` reads: two classes of noise, and a small network."""
    folder = tmp_path_factory.mktemp("workers")
    for name, darker in (("bright", 1), ("dark", 2)):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(40):
            content = encode(draw(number + 100 * darker, height=40, width=40) // darker)
            (folder / "images" / name / f"{number:02}.png").write_bytes(content)
    place = Place(folder / "project")
    place.source(folder / "images")
    place.change("base", source="none", architecture="test_efficientnet")
    place.change("augment", image_size=32, horizontal_flip=False)
    lean = {"epochs": EPOCHS, "max_trials": 8, "compute": 20.0, "batch_size": 8, "folds": 1}
    place.change("search", device="cpu", head="candidate", **lean)
    asked = files.read_yaml(place.root / "params/base.yaml")
    files.write_yaml(place.root / "data/start.yaml", start_pin(known={}, **asked))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)
        done = place.upto("ingest", "validate", "split", "base", "augment")
    assert done.code == 0, done
    return place.root


@pytest.fixture
def machines(prepared, tmp_path, url):
    """Start a search on machines of their own: the stage itself on the first."""
    processes = []

    def start(number, **changes):
        root = shutil.copytree(prepared, tmp_path / f"machine {number}")
        params = root / "params/search.yaml"
        files.write_yaml(params, files.read_yaml(params) | changes)
        stage = ["components.frame.stage", "search", str(root / "apart")]
        with (root / "said.txt").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", *(stage if number else ["components.search"])],
                cwd=root,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path[1:]])},
            )
        processes.append(process)
        return root, process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def trials(url):
    """All that stand in the one study of a database."""
    storage = optuna.storages.RDBStorage(url)
    (study,) = storage.get_all_studies()
    found = storage.get_all_trials(study._study_id)
    storage.remove_session()
    storage.engine.dispose()
    return found


def confirmed(url):
    """Whether a confirmation run has ended."""
    stages = [one.user_attrs["asked"]["stage"] for one in trials(url) if one.state.is_finished()]
    return "confirmation" in stages


def under_way(url):
    """The numbers of the trials that run now."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            running = sqlalchemy.text("SELECT number FROM trials WHERE state = 'RUNNING'")
            return list(connection.execute(running).scalars())
    except sqlalchemy.exc.DBAPIError:  # no worker has made the tables yet
        return []
    finally:
        engine.dispose()


def wait_for(what, seconds=600):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def check(url, root, process):
    """The stage has written what was found: every trial once, each by its end."""
    assert process.wait(900) == 0, (root / "said.txt").read_text()
    found, table = trials(url), pd.read_csv(root / "build/search/trials.csv")
    assert all(trial.state.is_finished() for trial in found)
    assert sorted(table["number"]) == [trial.number for trial in found]
    asked = Counter(
        (str(trial.params), trial.user_attrs["asked"]["stage"])
        for trial in found
        if trial.user_attrs["asked"]["stage"] != "confirmation"
    )
    assert set(asked.values()) == {1}
    assert all(trial.user_attrs["record"]["history"] for trial in found)
    return found, files.read_json(root / "build/search/summary.json")


def test_a_worker_that_is_killed_loses_no_trial(machines, url):
    """Another does its trial, under its number; and the one killed had a part in the search."""
    root, stage = machines(0)
    _, killed = machines(1)
    wait_for(lambda: len(under_way(url)) == 2)
    killed.send_signal(signal.SIGKILL)
    lost = under_way(url)
    _, third = machines(2)
    found, summary = check(url, root, stage)
    assert set(lost) <= {trial.number for trial in found}
    assert summary["workers"] >= 2
    assert third.wait(600) == 0


@pytest.mark.parametrize("folds", [1, 3])
def test_a_server_that_is_restarted_loses_no_trial(folds, machines, url, server):
    """The workers wait for it, and go on; over folds trials end at other times than guessed."""
    root, stage = machines(0, folds=folds)
    _, second = machines(1, folds=folds)
    wait_for(lambda: len(under_way(url)) == 2)
    server.stop()
    time.sleep(5)
    server.start()
    check(url, root, stage)
    assert second.wait(600) == 0


@pytest.mark.parametrize("named", ["sqlite:///study.db", "postgresql:", "mysql://host/name"])
def test_another_database_is_refused(named, monkeypatch):
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(UsageError, match="must be the address of a database of PostgreSQL"):
        address()


def test_a_database_that_stays_away_is_said(monkeypatch, plan, pretrained):
    monkeypatch.setattr(shared_record, "PATIENCE", 0.0)
    with pytest.raises(UnreachableError, match=f"that {VARIABLE} names must answer"):
        SharedRecord("postgresql+pg8000://nobody@127.0.0.1:9/none", "study", plan, [], ())
