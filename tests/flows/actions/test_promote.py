"""Who becomes champion: by verdict, by a person's word, and never by accident."""

import pytest
from registry import ALL, UP_TO_JUDGE, aliases, client

from components.frame.errors import GateRefusedError, UsageError
from flows.actions.promote import promote, rollback
from flows.pipeline import history
from flows.records import identity, ledger


@pytest.fixture
def worse(first, rebuild, perform, answers):
    """A second version that no verdict promotes."""
    rebuild(1, right=0.5)
    answers(first, right=1.0)
    perform(*UP_TO_JUDGE)


def test_the_first_model_becomes_champion(project, first):
    """It bears the one alias, and the ledger says why."""
    assert aliases(project) == {"champion": 1}
    (entry,) = ledger.read(project, "promoted")
    assert entry["model"] == first
    assert entry["previous"] is None
    assert entry["why"] == "verdict"


@pytest.mark.usefixtures("first")
def test_promoting_twice_changes_nothing(project):
    """The champion stays, and no line is added."""
    before = project.ledger.read_text()
    assert not promote(project).changed
    assert not promote(project, version=1).changed
    assert project.ledger.read_text() == before


@pytest.mark.usefixtures("first")
def test_a_promotion_killed_before_its_last_step_is_finished(project):
    """A version that is left both champion and challenger is champion alone after the next."""
    client(project).set_registered_model_alias("thawline", "challenger", "1")
    promote(project)
    assert aliases(project) == {"champion": 1}


@pytest.mark.usefixtures("first")
def test_the_champion_is_not_its_own_challenger(project, perform):
    """Registering the champion's model again gives it no second alias."""
    perform(*ALL)
    assert aliases(project) == {"champion": 1}


def test_a_person_who_goes_back_is_not_overruled_by_an_older_verdict(
    project, first, rebuild, perform, answers
):
    """The verdict that once promoted the second model counts no more; the next run leaves it."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    assert aliases(project)["champion"] == 2
    promote(project, version=1, anyway=True)
    perform(*ALL)
    assert aliases(project)["champion"] == 1
    assert "version 1 stays the champion" in promote(project).message
    with pytest.raises(GateRefusedError, match="--anyway"):
        promote(project, version=2)


def test_a_rollback_stays_and_keeps_its_reason(project, first, rebuild, perform, answers):
    """One command; the night after leaves it; going back again finds no earlier one."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    assert rollback(project, "it fails in the shop").changed
    assert aliases(project)["champion"] == 1
    perform(*ALL)
    assert aliases(project)["champion"] == 1
    assert ledger.last(project, "promoted")["said"] == "it fails in the shop"
    newest, said, *_ = history.screen(project).splitlines()
    assert newest.endswith("thawline version 1: a person went back")
    assert said.strip() == '"it fails in the shop"'
    with pytest.raises(UsageError, match="none is known"):
        rollback(project)


def test_without_a_champion_before_there_is_no_way_back(project, first):
    """The sentence names where to look."""
    with pytest.raises(UsageError, match="thawline history"):
        rollback(project)


@pytest.mark.usefixtures("worse")
def test_asking_without_a_verdict_shows_the_last_one(project):
    """What it said and what to do about it."""
    message = promote(project).message
    assert "version 1 stays the champion" in message
    assert "The last verdict on version 2: Its accuracy is worse" in message
    assert "thawline compare champion 2" in message


@pytest.mark.usefixtures("worse")
def test_an_alias_set_past_the_gate_is_noted(project, perform):
    """As MLflow's own button does: the ledger says whose champion it is, and it stays."""
    client(project).set_registered_model_alias("thawline", "champion", "2")
    ledger.append(project, "nothing", reason="a run found nothing to do")
    perform(*ALL)
    entry = ledger.last(project, "promoted")
    assert (entry["version"], entry["why"]) == (
        2,
        "the alias was set in the registry, past the gate",
    )
    assert aliases(project)["champion"] == 2
    assert len(ledger.read(project, "promoted")) == 2


def test_an_alias_set_back_past_the_gate_is_noted_once_a_run_was_done(
    project, first, rebuild, perform, answers
):
    """Before that, the promotion may have been killed before its last step."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    client(project).set_registered_model_alias("thawline", "champion", "1")
    ledger.append(project, "nothing", reason="a run found nothing to do")
    perform(*ALL)
    assert aliases(project)["champion"] == 1
    assert [entry["version"] for entry in ledger.read(project, "promoted")] == [1, 2, 1]


def test_a_winner_takes_the_alias(project, first, rebuild, perform, answers):
    """The better model is champion, the old one is nothing, the ledger keeps both."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    assert aliases(project) == {"champion": 2}
    entry = ledger.last(project, "promoted")
    assert (entry["version"], entry["previous"]) == (2, first)


@pytest.mark.usefixtures("worse")
def test_a_person_is_refused_what_no_verdict_allows(project):
    """Exit code 4, the champion untouched, and the way to do it all the same."""
    with pytest.raises(GateRefusedError, match="thawline promote 2 --anyway") as caught:
        promote(project, version=2)
    assert caught.value.exit_code == 4
    assert aliases(project) == {"champion": 1, "challenger": 2}
    assert len(ledger.read(project, "promoted")) == 1


@pytest.mark.usefixtures("worse")
def test_a_person_may_overrule_the_gate_and_it_is_kept(project):
    """And back again: every change is a line, also one that was there before."""
    for version in (2, 1, 2):
        assert promote(project, version=version, anyway=True).changed
        assert aliases(project)["champion"] == version
    entries = ledger.read(project, "promoted")
    assert [entry["version"] for entry in entries] == [1, 2, 1, 2]
    assert entries[1]["why"] == "a person, against the gate"


@pytest.mark.usefixtures("worse")
def test_anyway_needs_a_version(project):
    """The word against the gate is for one version a person chose, not for the next night's."""
    assert not promote(project, anyway=True).changed


def test_a_verdict_over_a_former_champion_is_worth_nothing(
    project, first, rebuild, perform, answers
):
    """Who won against a champion that was replaced in the meantime must be judged again."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*UP_TO_JUDGE)
    second = identity.model_digest(project)
    rebuild(2, right=0.9)
    perform("publish", "register")
    promote(project, version=3, anyway=True)  # somebody was faster
    rebuild(1, right=1.0)

    assert identity.model_digest(project) == second
    assert not promote(project).changed
    with pytest.raises(GateRefusedError):
        promote(project, version=2)
    assert aliases(project)["champion"] == 3


def test_the_verdict_on_the_first_model_is_used_up(project, first, rebuild, perform, answers):
    """The first model, built again after the store was lost, does not pass for the first again."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    client(project).delete_registered_model("thawline")
    rebuild(0, right=1.0)

    sentences = perform(*ALL)

    assert identity.model_digest(project) == first
    assert sentences[3] == "Nothing to promote: there is no champion."
    assert aliases(project) == {"challenger": 1}


@pytest.mark.usefixtures("first")
def test_a_version_that_is_not_there_is_named(project):
    """The error lists those that are."""
    with pytest.raises(UsageError, match=r"no 7\. There are: 1\."):
        promote(project, version=7)


@pytest.mark.usefixtures("worse")
def test_a_lost_champion_is_brought_back_without_a_verdict(project, first):
    """A person who chooses the ledger's champion is not asked for evidence."""
    client(project).delete_registered_model_alias("thawline", "champion")
    assert ledger.recorded_champion(project, "thawline")["model"] == first
    with pytest.raises(GateRefusedError):
        promote(project, version=2)
    assert promote(project, version=1).changed
    assert aliases(project)["champion"] == 1


def test_a_kill_before_the_alias_is_made_good(project, first, rebuild, perform, answers):
    """The ledger was written, the alias was not: the next run sets it, and adds no line."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*ALL)
    client(project).set_registered_model_alias("thawline", "champion", "1")
    before = project.ledger.read_text()
    assert promote(project).changed
    assert aliases(project)["champion"] == 2
    assert project.ledger.read_text() == before
