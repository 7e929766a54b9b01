"""What `thawline search show` prints."""

import pytest

from components.frame import files
from components.frame.errors import UsageError
from components.study import show


def test_table_shows_every_trial_and_every_decision(tmp_path):
    """With percentages and rounded rates."""
    head = "number,state,origin,stage,freeze_depth,layer,trained_fraction,learning_rate,epochs,"
    head += "validation_score,shown,cost,cached,why"
    row = "0,complete,enqueued,full,8,classifier,0.016,0.01,4,0.8125,81.2%,12345678,True,"
    files.write_text(tmp_path / "trials.csv", f"{head}\n{row}\n")
    files.write_text(tmp_path / "freeze_depths.csv", "freeze_depth,trial_cost\n0,100000000\n")
    files.write_text(tmp_path / "decisions.csv", 'trials_before,decision\n1,"A, and b."\n')
    summary = {"score_name": "accuracy", "full_fine_tunings_spent": 1.234}
    files.write_json(tmp_path / "summary.json", summary)
    expected = "0 full complete classifier 1.6% 0.01 4 81.2% 0.12 True"
    lines = show.text(tmp_path).splitlines()
    assert lines[0].split()[7:] == ["validation_accuracy", "whole_trainings", "cached"]
    assert lines[0].split()[0] == "trial"
    assert lines[1].split() == expected.split()
    assert lines[-2:] == ["A, and b.", "1.23 trainings of the whole network spent"]


def test_search_that_has_not_ended_is_said(tmp_path):
    """With the command that ends it."""
    with pytest.raises(UsageError, match="thawline run"):
        show.text(tmp_path)
