"""How long a search may take is said, and changes nothing that it does."""

import copy
import re

import torch

from components.study.eta import Eta
from components.study.strategies.candidates import budget


def test_time_left_shrinks_with_what_is_spent(make_search):
    """From a measured step at first, from the trials' own speed later; never below nothing."""
    search = make_search(compute=1.0)
    space = search.reuse.space
    eta = Eta(search.reuse, budget(space))
    assert eta.left([], 0.0) > 0
    trials = search.run().trials
    spent = sum(trial.cost for trial in trials)
    assert Eta(search.reuse, 3 * spent).left(trials, 10.0) == 20.0
    assert Eta(search.reuse, 0.5 * spent).left(trials, 10.0) == 0.0


def test_measuring_leaves_no_trace(make_search):
    """A trial after it starts from the same bits, and torch's dice stand as they stood."""
    search = make_search()
    network = search.reuse.network
    expected = copy.deepcopy(network.renew(3).state_dict())
    dice = torch.random.get_rng_state()
    Eta(search.reuse, 1.0).left([], 0.0)
    assert torch.equal(torch.random.get_rng_state(), dice)
    assert all(parameter.grad is None for parameter in network.model.parameters())
    for name, value in network.renew(3).state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_every_trial_is_a_line_that_a_person_can_read(make_search, capsys):
    """What is tried and how long it may take; then what it reached and from where."""
    found = make_search().run()
    screen = capsys.readouterr().out
    begun = r"""^trial\ \d+(?:\ \((?:probe|confirmation\ run)\))?:\ trained\ from\ \S+\ on
        \ \(\d+\.\d%\ of\ the\ parameters\),
        \ learning\ rate\ \S+,\ \d\ epochs?;\ (?:about\ .+\ left|beyond\ the\ forecast)$"""
    ended = r"""^\ \ validation\ accuracy\ \d+\.\d%,
        \ from\ the\ (?:cache|images\ \(.+\)),\ .+$"""
    for pattern in (begun, ended):
        lines = re.findall(pattern, screen, re.MULTILINE | re.VERBOSE)
        assert len(lines) == len(found.trials)
