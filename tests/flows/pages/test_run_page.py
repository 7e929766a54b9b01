"""MLflow's copy of the page: the times and the verdict, which no stage can know, are filled in."""

from pathlib import Path

import pytest
from registry import ALL, client

from components.frame import files
from flows.actions.publish import PublishParams, publish
from flows.pages import run_page
from flows.records import identity, ledger
from flows.tracking.outputs import figure_files, table_files

PARAMS = PublishParams(experiment="thawline")


def held(project, run):
    path = client(project).download_artifacts(run, run_page.ARTIFACT)
    return Path(path).read_text(encoding="utf-8")


def test_the_page_is_the_first_of_a_runs_artifacts(project):
    """Where a person looks first, and before any verdict there is its place."""
    run = publish(project, PARAMS).run
    first, *_ = client(project).list_artifacts(run)
    assert first.path == run_page.ARTIFACT
    page = held(project, run)
    assert '<th scope="row">search</th>' in page
    assert "<!--verdict-->?<!--/verdict-->" in page
    assert not publish(project, PARAMS).changed


def test_the_verdict_is_filled_in_and_stays(project, perform):
    """By `judge`; whatever is done again finds it there, and the built page is untouched."""
    before = (project.build / "report/index.html").read_bytes()
    perform(*ALL)
    run = publish(project, PARAMS)
    assert not run.changed
    page = held(project, run.run)
    assert "may take</strong> the champion's place" in page
    assert "It is the first model of its name." in page
    assert (project.build / "report/index.html").read_bytes() == before


def test_a_page_written_anew_replaces_the_one_that_is_there(project, perform):
    """In the same run, with the same verdict."""
    perform(*ALL)
    path = project.build / "report/index.html"
    files.write_text(path, path.read_text(encoding="utf-8").replace("a run", "another"))
    again = publish(project, PARAMS)
    assert again.changed
    page = held(project, again.run)
    assert page.startswith("<p>another</p>")
    assert "It is the first model of its name." in page


def test_a_page_that_was_lost_comes_back(project):
    """As the figures do."""
    run = publish(project, PARAMS).run
    (lost,) = project.mlflow.rglob(run_page.ARTIFACT)
    lost.unlink()
    assert publish(project, PARAMS).changed
    assert held(project, run)


def test_the_times_outlive_the_events(project):
    """They stand among the run's metrics, so the page stays as it is."""
    run = publish(project, PARAMS).run
    before = held(project, run)
    for path in project.private.rglob("events.jsonl"):
        path.unlink()
    assert not publish(project, PARAMS).changed
    assert held(project, run) == before


def test_a_reason_is_text(project):
    """Whatever a class in it is called."""
    fields = dict.fromkeys(ledger.KINDS["verdict"]) | {
        "name": "thawline",
        "challenger": identity.model_digest(project),
        "reason": "It lacks <script>.",
        "promote": False,
        "images": 36,
        "p_value": 0.25,
        "challenger_score": 0.5,
        "champion_score": 0.75,
    }
    ledger.append(project, "verdict", **fields)
    page = run_page.completed(project, {})
    assert "does not take</strong> the champion's place. It lacks &lt;script&gt;." in page
    assert "<dt>p-value</dt><dd>0.250</dd>" in page
    assert "<!--durations-->?<!--/durations-->" in page


def test_no_name_of_an_artifact_says_a_thing_twice(seen):
    """Neither the folder nor the stage that only draws."""
    names = [*figure_files(seen), *table_files(seen)]
    assert "figures/learning.png" in names
    assert "tables/search/trials.csv" in names
    for name in names:
        parts = name.split("/")
        assert len(parts) == len(set(parts)), name


@pytest.mark.parametrize("page", ["", "<p>of before</p>", "<!--verdict-->", "<!--/verdict-->"])
def test_a_page_without_places_stays_as_it_is(page):
    """One that an earlier version wrote."""
    assert run_page._filled(page, "verdict", "x") == page
