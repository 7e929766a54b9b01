"""What was forgotten is said in a sentence, and nothing where nothing was."""

from flows.gate import forgetting


def found(version, challenger, champion, images=10):
    scores = {"challenger_score": challenger, "champion_score": champion}
    return {"version": version, "images": images, "of": 20, **scores}


def said(*earlier):
    return forgetting.sentence(list(earlier), "{:.0%}".format)


def test_the_test_set_on_which_most_was_forgotten_is_named():
    """By the difference between the two, not by the score."""
    told = said(found(3, 0.9, 0.95), found(2, 0.5, 0.8), found(1, 0.4, 0.4))
    assert told == (
        " It forgot most of what the test set of version 2 asks: 50% against 80% on the 10 images "
        "of it that are left."
    )


def test_where_nothing_was_forgotten_nothing_is_said():
    """Better, equal, no image left, or not measured."""
    assert said(found(2, 0.9, 0.8), found(1, 0.5, 0.5)) == ""
    assert said(found(1, None, None, images=0)) == ""
    assert said() == forgetting.sentence(None, str) == ""
