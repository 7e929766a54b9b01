"""The verdict on two lists of answers."""

import pytest

from flows.gate.verdict import Comparison, decide, first

CLASSES = frozenset("abc")


def compared(gained, lost, both=20, neither=0, new=CLASSES, old=CLASSES):
    """So many images of class `a` that only the challenger, only the champion, ... has right."""
    challenger = ["a"] * gained + ["b"] * lost + ["a"] * both + ["b"] * neither
    champion = ["b"] * gained + ["a"] * lost + ["a"] * both + ["b"] * neither
    return Comparison(["a"] * len(challenger), challenger, champion, new, old)


def test_a_clearly_better_model_is_promoted():
    """9 images against 1: p = 11/1024."""
    verdict = decide(compared(9, 1), alpha=0.05)
    assert verdict.promote
    assert verdict.p_value == pytest.approx(11 / 1024)
    assert (verdict.gained, verdict.lost, verdict.images) == (9, 1, 30)
    assert verdict.challenger_accuracy == pytest.approx(29 / 30)
    assert verdict.champion_accuracy == pytest.approx(21 / 30)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (3, 3), (4, 0), (0, 9), (8, 5)])
def test_equal_worse_or_luckier_models_are_not(gained, lost):
    """Being ahead by a few images is no evidence; four against none is not enough."""
    assert not decide(compared(gained, lost), alpha=0.05).promote


def test_alpha_decides():
    """Five against none: p = 1/32."""
    assert decide(compared(5, 0), alpha=0.05).promote
    assert not decide(compared(5, 0), alpha=0.03).promote


def test_a_lost_class_is_never_promoted():
    """A model that no longer knows a class needs a person, however good it is."""
    verdict = decide(compared(30, 0, new=frozenset("ab")), alpha=0.05)
    assert not verdict.promote
    assert "challenger lacks: c" in verdict.reason


def test_a_new_class_counts_for_the_challenger():
    """Images of a class that the champion does not know are right or wrong like others."""
    truth = ["d"] * 10 + ["a"] * 10
    new = frozenset("abcd")
    comparison = Comparison(truth, truth, ["a"] * 20, new, CLASSES)
    assert decide(comparison, alpha=0.05).promote


def test_a_new_class_does_not_pay_for_the_old_ones():
    """Better in sum, but shown to be worse on what the champion knows: it forgets."""
    truth = ["d"] * 40 + ["a"] * 10
    challenger = ["d"] * 40 + ["b"] * 10
    comparison = Comparison(truth, challenger, ["a"] * 50, frozenset("abcd"), CLASSES)
    verdict = decide(comparison, alpha=0.05)
    assert not verdict.promote
    assert "worse than the champion on the classes that both know" in verdict.reason


def test_without_images_nothing_is_shown():
    """When the champion was trained on every test image there is no evidence."""
    verdict = decide(Comparison([], [], [], CLASSES, CLASSES), alpha=0.05)
    assert not verdict.promote
    assert "No test image" in verdict.reason


def test_the_first_model_needs_no_evidence():
    """Without a champion there is nobody to be better than."""
    assert first().promote
