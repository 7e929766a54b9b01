"""The verdict on two lists of scores."""

import math

import pytest

from components.evaluation.significance import paired_p_value
from flows.gate.verdict import Comparison, decide, first, images_missing, other_task


def compared(gained, lost, both=20, neither=0, lacking=()):
    """So many images of class `a` that only the challenger, only the champion, ... has right."""
    challenger = [1.0] * gained + [0.0] * lost + [1.0] * both + [0.0] * neither
    champion = [0.0] * gained + [1.0] * lost + [1.0] * both + [0.0] * neither
    return scored(challenger, champion, lacking=lacking)


def scored(challenger, champion, answerable=None, lacking=()):
    return Comparison(
        score_name="accuracy",
        challenger=challenger,
        champion=champion,
        answerable=[True] * len(champion) if answerable is None else answerable,
        lacking=lacking,
    )


def test_a_clearly_better_model_is_promoted():
    """9 images against 1: p = 11/1024."""
    verdict = decide(compared(9, 1), alpha=0.05)
    assert verdict.promote
    assert verdict.p_value == pytest.approx(11 / 1024)
    assert (verdict.gained, verdict.lost, verdict.images) == (9, 1, 30)
    assert verdict.challenger_score == pytest.approx(29 / 30)
    assert verdict.champion_score == pytest.approx(21 / 30)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (3, 3), (4, 0), (0, 9), (8, 5)])
def test_equal_worse_or_luckier_models_are_not(gained, lost):
    """Being ahead by a few images is no evidence; four against none is not enough."""
    assert not decide(compared(gained, lost), alpha=0.05).promote


def test_alpha_decides():
    """Five against none: p = 1/32."""
    assert decide(compared(5, 0), alpha=0.05).promote
    assert not decide(compared(5, 0), alpha=0.03).promote
    assert not decide(compared(5, 0), alpha=1 / 32).promote


def test_too_little_evidence_says_how_much_is_missing():
    """With so many more, and the same share of them won and lost, the test comes to alpha."""
    comparison = compared(8, 5)
    missing = images_missing(comparison.challenger, comparison.champion, 0.05)
    assert f"About {missing:,} more test images" in decide(comparison, alpha=0.05).advice
    times = (33 + missing) / 33
    gained, lost = round(8 * times), round(5 * times)
    p_value = paired_p_value([1.0] * gained + [0.0] * lost, [0.0] * gained + [1.0] * lost)
    assert p_value == pytest.approx(0.05, abs=0.02)


def test_where_nothing_speaks_for_it_no_number_of_images_is_named():
    """Nor for a class that is gone: that is a person's to say."""
    assert images_missing([1.0, 0.0], [0.0, 1.0], 0.05) == 0
    assert "more images would hardly change" in decide(compared(3, 6), alpha=0.05).advice
    lost = decide(compared(30, 0, lacking=("c",)), alpha=0.05)
    assert "thawline promote VERSION --anyway --reason" in lost.advice
    assert decide(compared(9, 1), alpha=0.05).advice is None


def test_a_lost_class_is_never_promoted():
    """A model that no longer knows a class needs a person, however good it is."""
    verdict = decide(compared(30, 0, lacking=("c",)), alpha=0.05)
    assert not verdict.promote
    assert "challenger lacks: c" in verdict.reason


def test_a_new_class_counts_for_the_challenger():
    """Images of a class that the champion does not know are right or wrong like others."""
    champion = [0.0] * 10 + [1.0] * 10
    comparison = scored([1.0] * 20, champion, answerable=[False] * 10 + [True] * 10)
    assert decide(comparison, alpha=0.05).promote


def test_a_new_class_does_not_pay_for_the_old_ones():
    """Better in sum, but shown to be worse on what the champion knows: it forgets."""
    challenger = [1.0] * 40 + [0.0] * 10
    champion = [0.0] * 40 + [1.0] * 10
    comparison = scored(challenger, champion, answerable=[False] * 40 + [True] * 10)
    verdict = decide(comparison, alpha=0.05)
    assert not verdict.promote
    assert "accuracy is worse than the champion's on what both know" in verdict.reason


def test_without_images_nothing_is_shown():
    """When the champion was trained on every test image there is no evidence."""
    verdict = decide(scored([], []), alpha=0.05)
    assert not verdict.promote
    assert "No test image" in verdict.reason


def test_scores_between_the_ends_are_compared_too():
    """Ten images a little better each: 1 of 1,024 ways to flip the signs is as good."""
    champion = [0.1 * number for number in range(10)]
    verdict = decide(scored([one + 0.05 for one in champion], champion), alpha=0.05)
    assert verdict.promote
    assert verdict.p_value == pytest.approx(1 / 1024)
    assert (verdict.gained, verdict.lost) == (10, 0)


def test_scores_that_are_no_numbers_promote_nobody():
    """Whoever gave them: no order of such numbers says anything."""
    for pair in ([math.nan, 0.2, 0.4], [0.1, 0.2, 0.3]), ([0.1, 0.2, 0.3], [math.nan, 0.0, 0.0]):
        verdict = decide(scored(*pair), alpha=0.5)
        assert not verdict.promote
        assert verdict.p_value is None
        assert "a score that is a number" in verdict.reason


def test_what_learned_something_else_is_never_promoted():
    """No score compares a class with a number."""
    verdict = other_task("regression", "classification")
    assert not verdict.promote
    assert "It learned regression, but the champion classification" in verdict.reason


def test_the_first_model_needs_no_evidence():
    """Without a champion there is nobody to be better than."""
    assert first().promote
