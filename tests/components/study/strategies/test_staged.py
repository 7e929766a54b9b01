"""The strategies alone, on scores that are made up."""

import re
from dataclasses import replace
from math import inf, log, sqrt

import pytest

from components.model.partial.cost import Cost
from components.study.importance import importances
from components.study.rates import BodyRates
from components.study.space import Space
from components.study.strategies.candidates import fitting, kept_freeze_depths, late, mid
from components.study.strategies.staged import staged
from components.study.strategies.strategy import Notes, session
from components.study.strategies.tpe import conditional, suggest, tpe
from components.study.trial import Trial
from components.training.history import Epoch
from components.training.recipe import BELOW_THE_HEAD, DEFAULTS, Setting

GROUPS = (100, 60, 60, 190, 140, 110, 120, 100, 170, 1)
"""Multiply-accumulates of the groups of a small network, about."""
LAYERS = tuple(f"layer{number}" for number in range(len(GROUPS)))
HEAD = len(GROUPS) - 1


def at(freeze_depth, rate):
    return Setting(freeze_depth=freeze_depth, learning_rate=rate)


@pytest.fixture
def space(plan):
    asked = replace(
        plan,
        freeze_depths=(0, HEAD),
        max_trials=16,
        epochs=6,
        compute=1.0,
        enqueued=(at(HEAD, 1e-2),),
    )
    return Space(
        plan=asked,
        cost=Cost(GROUPS),
        layers=LAYERS,
        train_rows=512,
        validation_rows=256,
        norm_scales=(2.0,) * len(GROUPS),
    )


def history(score, epochs, images):
    """Epochs that end at a score, with the error that so many images give it."""
    near = (score * images + 1) / (images + 2)
    error = sqrt(near * (1 - near) / images)
    return tuple(
        Epoch(
            epoch=number,
            train_loss=0.0,
            train_score=0.0,
            validation_loss=1 - score,
            validation_score=score,
            validation_score_error=error,
            learning_rate=0.0,
        )
        for number in range(1, epochs + 1)
    )


def play(space, score, strategy=staged, over=lambda _: False):
    """Run a session in which a setting always reaches `score(freeze depth, rate)`."""
    notes, trials = Notes(shown="<{:.1%}>".format), []
    asking = session(space, strategy(space, notes), notes, over)
    try:
        asked = next(asking)
        while True:
            freeze_depth, rate = asked.setting.freeze_depth, asked.setting.learning_rate
            value = score(freeze_depth, rate)
            epochs = asked.epochs
            if value is not None:
                short = (n for n in range(1, epochs) if asked.falls_short(n, value))
                epochs = next(short, epochs)
            ended = "pruned" if asked.stage == "probe" or epochs < asked.epochs else "complete"
            state = "failed" if value is None else ended
            cached = space.cacheable(freeze_depth)
            reached = () if value is None else history(value, epochs, space.validation_rows)
            trials.append(
                Trial(
                    number=len(trials),
                    state=state,
                    origin=asked.origin,
                    stage=asked.stage,
                    layer=LAYERS[freeze_depth],
                    trained_fraction=0.5,
                    setting=asked.setting,
                    history=reached,
                    cost=epochs * space.epoch(freeze_depth, cached=cached),
                    cached=cached,
                    why="",
                    audit=(),
                )
            )
            asked = asking.send(trials[-1])
    except StopIteration as ended:
        return ended.value, trials, notes


def test_decisions_tell_scores_as_everything_else_does(space):
    """No score, margin or threshold stands there in a form of its own; a rate may."""
    for chosen in (0.0, 0.1):
        _, _, notes = play(space, peaked(mid(space), 3e-3, chosen))
        told = " ".join(sentence for _, sentence in notes.sentences)
        assert re.search(r"is chosen: <\d+\.\d%> in confirmation runs", told)
        assert not re.search(r"(?<!at )\b0\.\d{3}\b", told)


def peaked(best_freeze_depth, best_rate, drop):
    """Scores that fall with the distance from a freeze depth, and a little from a rate."""
    return lambda freeze_depth, rate: (
        0.9 - drop * abs(freeze_depth - best_freeze_depth) - 0.01 * abs(log(rate / best_rate))
    )


def spent(space, trials):
    return sum(trial.cost for trial in trials) / space.whole


def test_flat_task_is_searched_at_a_fraction_of_one_full_fine_tuning(space):
    """Nothing is trained in full but heads and the finalists; sixteen plain trials cost eleven."""
    chosen, trials, notes = play(space, peaked(mid(space), 3e-3, 0.0))
    assert chosen is not None
    assert spent(space, trials) < 1.2
    assert min(trial.freeze_depth for trial in trials) == mid(space)
    assert any("finalists untried" in sentence for _, sentence in notes.sentences)


def test_clearly_better_early_freeze_point_is_found(space):
    """Where the budget holds it: the mid freeze point leads there, and it is trained."""
    large = replace(space, plan=replace(space.plan, max_trials=64, compute=1.75))
    chosen, trials, _ = play(large, peaked(0, 2e-3, 0.05))
    early = space.near_fraction(0.75)
    assert chosen.freeze_depth <= early < mid(space)
    assert {"full", "confirmation"} <= {
        trial.stage for trial in trials if trial.freeze_depth <= early
    }
    assert spent(large, trials) < 3.5


def confirmed(trials):
    return [trial.setting for trial in trials if trial.stage == "confirmation"]


def test_a_low_rate_trial_is_run_only_where_the_high_rate_one_leaves_no_head_behind(space):
    """By two standard errors, of 256 images .025 each; and where it fails altogether.

    It trains less, at a lower rate; the better of the two is chosen.
    """
    for high_rate, low_rate_too in (
        (0.9, False),
        (0.86, False),
        (0.84, True),
        (0.3, True),
        (None, True),
    ):
        score = lambda freeze_depth, rate: (  # noqa: E731
            0.8 if freeze_depth == HEAD else high_rate if rate > 3e-3 else 0.82  # noqa: B023
        )
        for compute in (1.0, 4.0):
            asked = replace(space, plan=replace(space.plan, compute=compute))
            chosen, trials, notes = play(asked, score)
            led = [text.split(" lead ")[1] for _, text in notes.sentences if " lead " in text]
            assert not any(
                text.startswith(LAYERS[HEAD]) for text in led if high_rate in (0.3, None)
            )
            freeze_depths = {trial.freeze_depth for trial in trials if trial.learning_rate > 3e-3}
            assert mid(space) in freeze_depths
            tried = confirmed(trials) if compute == 1.0 else [trial.setting for trial in trials[:4]]
            low_rate = [one for one in tried if one.freeze_depth == fitting(space)]
            assert bool(low_rate) is low_rate_too
            assert all(1e-3 < one.learning_rate < 2e-3 for one in low_rate)
            assert chosen.learning_rate > 3e-3 or high_rate is None or high_rate < 0.85
        assert spent(space, play(space, score)[1]) < 1.3
    assert mid(space) < fitting(space) < late(space)


def test_rates_are_no_more_than_a_fraction_of_the_norm_scales_they_change(space):
    """With norm scales of 0.2 a hundredth and two thousandths of them: lower than asked for."""
    small = replace(space, norm_scales=(0.2,) * len(GROUPS))
    _, trials, _ = play(small, lambda d, _: 0.8 if d == HEAD else 0.7)
    assert [one.learning_rate for one in confirmed(trials)[:2]] == pytest.approx([2e-3, 4e-4])
    none = replace(space, norm_scales=(inf,) * len(GROUPS))
    both = [confirmed(play(one, lambda *_: 0.7)[1]) for one in (space, none)]
    assert both[0] == both[1]
    assert max(one.learning_rate for one in both[0]) > 3e-3


def test_a_high_rate_trial_that_does_not_lead_the_head_is_given_up(space):
    """By a standard error, .025, two thirds through; with several seeds after the first.

    The decision says so.
    """
    several = replace(space, plan=replace(space.plan, confirmation_runs=3, compute=2.5))
    for asked, high_rate, given_up in (
        (space, 0.83, False),
        (space, 0.82, True),
        (several, 0.5, True),
    ):
        score = lambda freeze_depth, rate: (  # noqa: E731
            0.8 if freeze_depth == HEAD else high_rate if rate > 3e-3 else 0.82  # noqa: B023
        )
        _, trials, notes = play(asked, score)
        first = [t for t in trials if t.stage == "confirmation" and t.freeze_depth == mid(space)]
        assert len(first) == 1
        assert (first[0].kind, len(first[0].history)) == ("pruned", 4) or not given_up
        assert any("given up" in sentence for _, sentence in notes.sentences) is given_up


def test_a_budget_holds_a_second_cut_since_the_first_may_be_given_up(space):
    """It holds two thirds of the first and the second, but not both in full."""
    tight = replace(space, plan=replace(space.plan, compute=0.8))
    _, trials, _ = play(tight, lambda d, _: 0.8 if d == HEAD else 0.3)
    assert [setting.freeze_depth for setting in confirmed(trials)][:2] == [
        mid(tight),
        fitting(tight),
    ]
    assert spent(tight, trials) < 1.1


def test_the_high_rate_trial_freezes_as_little_as_leaves_room_for_the_low_rate_one(space):
    """One group less frozen, and two thirds of it and the low-rate trial no longer fit together."""
    for groups in (GROUPS, (40, 20, 20, 150, 100, 110, 230, 240, 130, 1), (100,) * 9 + (1,)):
        case = replace(space, cost=Cost(groups))
        high_rate, low_rate = mid(case), case.trial(fitting(case))
        for freeze_depth, fits in ((high_rate, True), (high_rate - 1, False)):
            assert (2 / 3 * case.trial(freeze_depth) + low_rate <= 0.95 * case.whole) is fits
        lean = replace(case, plan=replace(case.plan, compute=0.5))
        assert mid(lean) == fitting(lean) == fitting(case)


def test_one_cut_at_one_rate_is_trained_once(space):
    """Where the parameters leave no choice, the high-rate and the low-rate trial are the same."""
    one = replace(
        space.plan, freeze_depths=(HEAD - 1, HEAD), rates=(1e-3, 1e-3), enqueued=(), compute=0.3
    )
    _, trials, _ = play(replace(space, plan=one), lambda d, _: 0.8 if d == HEAD else 0.7)
    assert [setting.freeze_depth for setting in confirmed(trials)] == [HEAD - 1, HEAD]


def test_a_low_rate_trial_at_the_late_freeze_point_is_trained_as_such(space):
    """Where there is one cut besides the head; it does not wait for both to fall behind."""
    one = replace(space.plan, freeze_depths=(HEAD - 1, HEAD), enqueued=(), compute=0.42)
    _, trials, _ = play(replace(space, plan=one), lambda d, _: 0.8 if d == HEAD else 0.81)
    assert [setting.freeze_depth for setting in confirmed(trials)] == [HEAD - 1, HEAD - 1]


def test_probes_of_what_is_enqueued_come_on_top(space):
    """They leave room for both cuts."""
    custom = (at(HEAD, 1e-2), at(0, 1e-3))
    asked = replace(space, plan=replace(space.plan, enqueued=custom))
    _, trials, _ = play(asked, lambda d, _: 0.8 if d == HEAD else 0.3)
    assert {mid(space), fitting(space)} <= {setting.freeze_depth for setting in confirmed(trials)}


def test_a_cut_without_another_is_never_given_up(space):
    """A budget that holds one alone."""
    poor = replace(space, plan=replace(space.plan, compute=0.5))
    _, trials, _ = play(poor, lambda d, _: 0.8 if d == HEAD else 0.3)
    cuts = [
        trial for trial in trials if trial.stage == "confirmation" and trial.freeze_depth < HEAD
    ]
    assert [(trial.freeze_depth, trial.kind) for trial in cuts] == [(mid(poor), "confirmation")]


def test_late_freeze_point_is_trained_where_the_others_fall_behind_the_head(space):
    """By a standard error; then the head again."""
    for head, freeze_depths in (
        (0.6, [mid(space)]),
        (0.79, [mid(space), fitting(space)]),
        (0.81, [mid(space), fitting(space), HEAD]),
        (0.9, [mid(space), fitting(space), late(space), HEAD]),
    ):
        _, trials, notes = play(space, lambda d, _: head if d == HEAD else 0.8)  # noqa: B023
        assert [setting.freeze_depth for setting in confirmed(trials)] == freeze_depths
        left_out = sum("is not trained" in sentence for _, sentence in notes.sentences)
        assert left_out == 4 - len(freeze_depths)
        assert spent(space, trials) < 1.35


def test_few_validation_images_prove_no_lead(space):
    """Of eight images one more right leaves the head not behind."""
    few = replace(space, validation_rows=8)
    _, trials, _ = play(few, lambda d, _: 6 / 8 if d == HEAD else 7 / 8)
    assert [setting.freeze_depth for setting in confirmed(trials)] == [mid(space), fitting(space)]


def test_the_head_alone_is_chosen_only_where_it_leads_by_a_standard_error(space):
    """Of the difference, .035 here."""
    for lead, freeze_depth in ((0.0, fitting(space)), (0.03, fitting(space)), (0.04, HEAD)):
        chosen, _, notes = play(space, lambda d, _: 0.8 + lead * (d == HEAD))  # noqa: B023
        assert chosen.freeze_depth == freeze_depth
    assert not any("seldom best" in sentence for _, sentence in notes.sentences)


def test_clearly_better_late_freeze_point_is_found(space):
    """Where thawing more does harm."""
    chosen, trials, _ = play(space, peaked(late(space), 2e-3, 0.05))
    assert chosen.freeze_depth == late(space)
    assert min(trial.freeze_depth for trial in trials) == mid(space)


def test_best_head_is_among_the_finalists(space):
    """Where it leads clearly it is chosen."""
    chosen, _, _ = play(space, peaked(HEAD, 1e-2, 0.02))
    assert chosen == at(HEAD, 1e-2)


def test_enqueued_full_fine_tuning_is_probed_and_taken_where_it_leads(space):
    """It is trained in full only if its probe leads clearly."""
    custom = at(0, 1e-3)
    asked = replace(space, plan=replace(space.plan, enqueued=(at(HEAD, 1e-2), custom)))
    chosen, trials, _ = play(asked, peaked(mid(space), 2e-3, 0.0))
    mine = [trial for trial in trials if trial.setting == custom]
    assert [(trial.origin, trial.stage) for trial in mine] == [("enqueued", "probe")]
    wins, _, _ = play(asked, lambda d, r: 0.9 if at(d, r) == custom else 0.5)
    assert wins == custom
    assert chosen != custom


def test_a_larger_budget_buys_neighbours_and_estimated_ones(space):
    """Of trials and of compute."""
    score = peaked(mid(space), 4e-3, 0.02)
    large = replace(space, plan=replace(space.plan, max_trials=64, compute=1.75))
    few, many = play(space, score)[1], play(large, score)[1]
    assert len(many) > len(few)
    assert spent(large, many) < 2.6
    assert mid(space) in {trial.freeze_depth for trial in many if trial.stage == "full"}


def test_max_trials_bounds_what_is_tried_in_full(space):
    """With any budget."""
    for number in (1, 2, 5):
        rich = replace(space, plan=replace(space.plan, max_trials=number, compute=100.0))
        for strategy in (staged, tpe):
            trials = play(rich, peaked(3, 1e-3, 0.01), strategy)[1]
            assert sum(trial.stage == "full" for trial in trials) == number


def test_second_finalist_out_of_reach_is_not_trained_anew(space):
    """And the decision says so."""
    rich = replace(space, plan=replace(space.plan, compute=100.0))
    _, trials, notes = play(rich, lambda d, _: 0.9 if d == late(space) else 0.5)
    assert [setting.freeze_depth for setting in confirmed(trials)] == [late(space)]
    assert "apart: the first alone is trained anew" in notes.sentences[-2][1]


def test_failing_trials_end_in_no_choice_instead_of_an_error(space):
    """Every loss is no number."""
    for strategy in (staged, tpe):
        assert play(space, lambda *_: None, strategy)[0] is None


@pytest.mark.parametrize("score", [peaked(0, 2e-3, 0.03), peaked(6, 1e-3, 0.01)])
def test_strategy_depends_on_the_trials_alone(space, score):
    """Two plays are equal, trial by trial and sentence by sentence."""
    for strategy in (staged, tpe):
        one, other = (play(space, score, strategy) for _ in range(2))
        assert one[1] == other[1]
        assert one[2].sentences == other[2].sentences


def test_estimator_learns_from_the_trials_it_is_given(space):
    """Good trials at one place draw it there; probes and confirmation runs are not counted."""
    _, trials, _ = play(
        replace(space, plan=replace(space.plan, max_trials=30)), peaked(4, 1e-3, 0.08), tpe
    )
    drawn = [
        suggest(space, trials[:30] + trials[:n], (0, HEAD), 0).freeze_depth for n in range(1, 9)
    ]
    assert sum(abs(freeze_depth - 4) for freeze_depth in drawn) / len(drawn) < 2


@pytest.mark.parametrize("freeze_depths", [(0, 0), (HEAD, HEAD), (HEAD - 1, HEAD), (0, 3), (2, 4)])
def test_any_range_of_freeze_depths_is_searched_within_its_bounds(space, freeze_depths):
    """Also one without a head, or of one freeze depth."""
    low, high = freeze_depths
    bounded = replace(space, plan=replace(space.plan, freeze_depths=freeze_depths, enqueued=()))
    chosen, trials, _ = play(bounded, peaked(3, 1e-3, 0.01))
    assert all(low <= trial.freeze_depth <= high for trial in trials)
    assert low <= chosen.freeze_depth <= high
    assert all(low <= freeze_depth <= high for freeze_depth in kept_freeze_depths(bounded))


MORE = {name: (value,) for name, value in DEFAULTS.items()} | {
    "layer_decay": (1.0, 0.7),
    "weight_decay": (0.05, 0.0),
    "head_dropout": (0.0, 0.3),
    "magnitude": (1, 2),
    "mixup": (0.0, 0.2),
    "label_smoothing": (0.1, 0.0),
    "stochastic_depth": (0.0, 0.1),
    "distillation": (0.0, 1.0),
    "distillation_temperature": (2.0, 4.0),
    "ema": (0.0, 0.9),
}


@pytest.mark.parametrize("strategy", [staged, tpe])
def test_what_is_to_be_chosen_besides_is_tried(space, strategy):
    """Every value is tried; the decay of rates only where there are layers to decay over."""
    rich = replace(space, plan=replace(space.plan, choices=MORE, compute=100.0, max_trials=40))
    _, trials, _ = play(rich, peaked(5, 3e-3, 0.02), strategy)
    settings = [trial.setting for trial in trials]
    for name, several in MORE.items():
        assert {getattr(one, name) for one in settings} == set(several), name
    assert {one.layer_decay for one in settings if one.freeze_depth == HEAD} == {1.0}
    assert {one.stochastic_depth for one in settings if one.freeze_depth == HEAD} == {0.0}
    assert not {*BELOW_THE_HEAD} & {*conditional(rich, HEAD)}
    assert len({(t.setting, t.stage) for t in trials if t.stage == "full"}) > 12


def test_baseline_values_are_not_searched(space):
    """One value of each leaves freeze depth and rate alone."""
    _, trials, _ = play(space, peaked(5, 3e-3, 0.02))
    assert {replace(t.setting, freeze_depth=0, learning_rate=1.0) for t in trials} == {at(0, 1.0)}


def test_importances_tell_what_the_scores_hang_on(space):
    """Of full trials alone; nothing where there are too few, or all reached the same."""
    wide = replace(space, plan=replace(space.plan, max_trials=40))
    for name, score in {
        "freeze_depth": lambda d, _: 0.9 - 0.05 * abs(d - 4),
        "learning_rate": lambda _, rate: 0.9 - 0.1 * abs(log(rate / 1e-3)),
    }.items():
        _, trials, _ = play(wide, score, tpe)
        found = importances(wide, trials)
        assert next(iter(found)) == name
        assert found[name] > 0.8
        assert found == importances(wide, trials)
    assert importances(wide, trials[:3]) == {}
    assert importances(wide, play(wide, lambda *_: 0.5, tpe)[1]) == {}


def transformer(space, **changes):
    """The same space of a network that attends."""
    body = BodyRates(whole=0.003, growth=20.0, added=0.2)
    return replace(space, plan=replace(space.plan, family="transformer", body=body, **changes))


def test_a_transformer_is_tried_at_all_but_the_embedding(space):
    """Where the budget holds it, whether the mid freeze point leads the late one or not."""
    for one, tried in ((space, False), (transformer(space, compute=4.0), True)):
        asked = replace(one, plan=replace(one.plan, compute=4.0))
        _, trials, _ = play(asked, lambda d, _: 0.6 if d == HEAD else 0.8)
        assert (1 in {t.freeze_depth for t in trials if t.stage == "full"}) is tried


def test_adapters_are_tried_early_in_a_transformer(space):
    """Before neighbours of what is best, at the mid freeze point and at a rate of their own."""
    choices = space.plan.choices | {"lora_rank": (0, 8)}
    rich = transformer(space, compute=6.0, choices=choices)
    _, trials, _ = play(rich, lambda d, _: 0.79 if d == HEAD else 0.8)
    settings = [t.setting for t in trials if t.stage == "full" and t.freeze_depth < HEAD]
    few = next(one for one in settings if one.lora_rank)
    assert settings.index(few) <= 2
    assert (few.freeze_depth, few.backbone_rate) == (mid(rich), 0.2)


def probed(trials):
    return [trial.learning_rate for trial in trials if trial.stage == "probe"]


@pytest.mark.parametrize(
    ("best", "third", "chosen"),
    [(2e-2, 1e-2, 1e-2), (4e-3, 1e-2, 5e-3), (1e-3, 5.6e-4, 1.7e-3), (1e-4, 5.6e-4, 5.6e-4)],
)
def test_a_rate_that_is_a_guess_is_probed(space, best, third, chosen):
    """It and a lower one, then the next on the better side; what leads is trained, none besides."""
    score = lambda d, rate: 0.5 if d == HEAD else 0.9 - 0.05 * abs(log(rate / best))  # noqa: E731
    found, trials, notes = play(transformer(space), score)
    assert probed(trials) == pytest.approx([5e-3, 1.7e-3, third], rel=0.02)
    assert found.learning_rate == pytest.approx(chosen, rel=0.02)
    probes = {t.freeze_depth for t in trials if t.stage == "probe"}
    assert probes == {found.freeze_depth} == {mid(transformer(space))}
    assert spent(space, trials) < 1.1
    assert {t.learning_rate for t in trials if t.stage == "confirmation"} == {found.learning_rate}
    assert any(sentence.startswith("Of rates that were probed") for _, sentence in notes.sentences)
    assert not probed(play(space, score)[1]), (
        "convolutions with batch normalisation bear the head's"
    )


def test_probes_that_fail_leave_the_rate_to_those_that_do_not(space):
    """All failing, the lowest goes on."""
    score = lambda d, rate: 0.5 if d == HEAD else None if rate > 1e-3 else 0.8  # noqa: E731
    found, trials, _ = play(transformer(space), score)
    assert found.learning_rate == pytest.approx(5.6e-4, rel=0.02)
    failing, trials, _ = play(transformer(space), lambda d, _: 0.5 if d == HEAD else None)
    assert failing.freeze_depth == HEAD
    below = [t.learning_rate for t in trials if t.freeze_depth < HEAD]
    assert below[:4] == pytest.approx([5e-3, 1.7e-3, 5.6e-4, 5.6e-4], rel=0.02)


def dear(space):
    """All but the head costs next to nothing less than everything: no cheap freeze points."""
    whole = replace(space, cost=Cost((10, 990, 1)), layers=("a", "b", "head"))
    plan = replace(space.plan, freeze_depths=(0, 2), enqueued=(), compute=4.0)
    return replace(whole, plan=plan, norm_scales=(2.0,) * 3)


def test_rates_are_tried_on_both_sides_where_neighbours_are_too_dear(space):
    """A factor of three apart: upwards first where the head is far behind, else downwards."""
    for head, steps in ((0.5, [1, 2.0]), (0.78, [1, 1 / 3])):
        _, trials, _ = play(dear(space), lambda d, _: head if d == 2 else 0.8)  # noqa: B023
        rates = [t.learning_rate for t in trials if t.freeze_depth == 1 and t.stage == "full"]
        assert rates[: len(steps)] == pytest.approx([rates[0] * step for step in steps], rel=0.1)


def test_a_rate_that_is_too_high_is_left_for_a_lower_one(space):
    """Though the first leads the head clearly."""
    score = lambda d, rate: 0.5 if d == 2 else 0.9 - 0.1 * abs(log(rate / 1e-3))  # noqa: E731
    chosen, trials, _ = play(dear(space), score)
    assert chosen.learning_rate < 2e-3
    assert spent(dear(space), trials) < 4.2


def test_a_search_ends_where_nothing_can_lead(space):
    """Two trials that are all right, of which one alone may be luck; and it says so."""
    sure = replace(space, highest_score=1.0)
    chosen, trials, notes = play(sure, lambda *_: 1.0)
    assert [t.stage for t in trials] == ["full", "full", "confirmation"]
    assert chosen == trials[0].setting
    assert "nothing more is tried" in notes.sentences[0][1]
    for unsure in (space, replace(sure, validation_rows=256)):
        _, trials, _ = play(unsure, lambda *_: 0.9)
        assert len(trials) > 3


def test_sgd_is_not_bounded_by_norm_scales(space):
    """Its steps are as large as gradients are."""
    choices = space.plan.choices | {"optimizer": ("sgd",)}
    small = replace(space, norm_scales=(0.2,) * len(GROUPS))
    plain = replace(small, plan=replace(space.plan, choices=choices))
    highest = [
        max(
            t.learning_rate
            for t in play(one, lambda d, _: 0.8 if d == HEAD else 0.7)[1]
            if t.freeze_depth < HEAD
        )
        for one in (small, plain)
    ]
    assert highest[0] < 3e-3 < highest[1]


@pytest.mark.parametrize("compute", [0.5, 1.0, 4.0])
def test_a_head_that_is_a_yardstick_is_not_chosen(space, compute):
    """However far it leads, and nothing is given up for it; alone it is taken all the same."""
    plan = replace(space.plan, head="yardstick", compute=compute)
    chosen, trials, _ = play(replace(space, plan=plan), lambda d, _: 0.8 if d == HEAD else 0.3)
    assert chosen.freeze_depth < HEAD
    assert any(trial.freeze_depth == HEAD for trial in trials)
    assert not any(trial.kind == "pruned" for trial in trials)
    failing, _, _ = play(replace(space, plan=plan), lambda d, _: 0.8 if d == HEAD else None)
    assert failing is None or failing.freeze_depth == HEAD
    alone = replace(plan, freeze_depths=(HEAD, HEAD))
    assert play(replace(space, plan=alone), lambda *_: 0.8)[0].freeze_depth == HEAD
