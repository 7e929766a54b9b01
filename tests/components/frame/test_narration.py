"""How events read on the screen."""

import pytest

from components.frame.narration import narrate


@pytest.mark.parametrize(
    ("stage", "begins"),
    [
        ("full", "trial 4: trained from blocks.5 on"),
        ("probe", "trial 4 (probe): trained"),
        ("confirmation", "trial 4 (confirmation run): trained"),
    ],
)
def test_a_trial_has_its_number_whatever_it_is_for(capsys, stage, begins):
    """The one of the table and of MLflow: "probe 4" would read as the fourth probe."""
    event = {"kind": "begun", "number": 4, "stage": stage, "layer": "blocks.5", "epochs": 1}
    narrate(event | {"trained_fraction": 0.79, "learning_rate": 0.005, "seconds_left": 9.0})
    assert capsys.readouterr().out.startswith(begins)


@pytest.mark.parametrize(("seconds", "ends"), [(9.0, "about 9.0 s left"), (0.0, "the forecast")])
def test_a_trial_beyond_what_was_forecast_is_not_about_to_end(capsys, seconds, ends):
    """A search may spend more than was expected of it; that is no nought seconds."""
    event = {"kind": "begun", "number": 4, "stage": "full", "layer": "blocks.5", "epochs": 1}
    narrate(event | {"trained_fraction": 0.79, "learning_rate": 0.005, "seconds_left": seconds})
    assert capsys.readouterr().out.rstrip().endswith(ends)
