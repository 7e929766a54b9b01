"""How far a long step is, is told now and then, and its end."""

import time

from components.frame import progress
from components.frame.progress import Progress, printed


def test_a_word_comes_at_the_end_and_not_at_each_part():
    """Whoever reads a log reads one line every few seconds."""
    told = []
    tell = Progress(lambda done, total: told.append((done, total)))
    for number in range(1, 101):
        tell(number, 100)
    assert told == [(100, 100)]


def test_a_word_comes_every_few_seconds(monkeypatch):
    """Also where nobody knows how many parts there are."""
    now, told = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tell = Progress(lambda done, total: told.append((now[0], done, total)))
    for number in range(1, 25):
        now[0] += 1
        tell(number)
    assert told == [(5.0, 5, None), (10.0, 10, None), (15.0, 15, None), (20.0, 20, None)]


def test_what_is_quick_prints_nothing(capsys, monkeypatch):
    """What takes long prints its parts and its end."""
    printed("decoded")(3, 3)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(progress, "APART", 0.0)
    tell = printed("decoded")
    tell(1200, 2500)
    tell(1300, None)
    assert capsys.readouterr().out == "  decoded 1,200 of 2,500\n  decoded 1,300\n"
