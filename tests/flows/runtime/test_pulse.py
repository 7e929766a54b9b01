"""A word comes now and then while something works in silence."""

import time

from flows.runtime import pulse


def test_silence_is_broken_again_and_again():
    """With what is being done, or else how long it takes; and never after the end."""
    said = []
    with pulse.beside(said.append, iter(["search, trial 3", "", "", "", ""]).__next__, silence=0.1):
        time.sleep(0.35)
    count = len(said)
    assert said[0] == "at work: search, trial 3"
    assert said[1].startswith("at work: 0.")
    time.sleep(0.25)
    assert len(said) == count


def test_who_speaks_is_not_spoken_over():
    """No word comes while somebody else says something now and then."""
    said = []
    with pulse.beside(said.append, str, time.monotonic, silence=0.05):
        time.sleep(0.3)
    assert said == []


def test_what_is_quick_gets_no_word():
    """Nor does the block wait for the next one."""
    said, begun = [], time.monotonic()
    with pulse.beside(said.append, str, silence=5):
        pass
    assert said == []
    assert time.monotonic() - begun < 2
