"""The record of a search that several workers share: Optuna's study in PostgreSQL.

Whose a trial is, is settled under a lock of the database. While it runs, its worker's heart beats
there; where that has stopped, another worker takes the trial over, under the same number and so
with the same seed.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar
from uuid import uuid4
from zlib import crc32

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from sqlalchemy.exc import DBAPIError

from components.frame.errors import UnreachableError, UsageError
from components.study.plan import Plan
from components.study.record import STATES, Record
from components.study.runner import Outcome
from components.study.trial import Asked, Trial

T = TypeVar("T")
VARIABLE = "THAWLINE_STUDY"
"""In the environment: the address of the database."""
SCHEME = "postgresql"
DRIVER = "pg8000"
BEAT = 5.0
"""Seconds from one heartbeat to the next."""
GRACE = 30.0
"""Seconds without one after which a worker is taken for dead."""
PATIENCE = 600.0
"""Seconds that a worker waits for a database that does not answer."""
PAUSE = 1.0
"""Seconds from one try to the next."""
WORKER = "worker "
"""Before the name of one that had a part, among the study's attributes."""
ALIVE = sqlalchemy.text(
    "SELECT trial_id FROM trial_heartbeats"
    " WHERE heartbeat > CURRENT_TIMESTAMP - :grace * INTERVAL '1 second'"
)
LOCK = sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)")


class TakenOverError(Exception):
    """Another worker has taken this trial over: its end is for that one to tell."""


@dataclass(frozen=True)
class Place:
    """Where a trial that is asked for stands in the study."""

    number: int
    state: Literal["finished", "elsewhere", "ours", "late"]
    """`elsewhere`: another worker runs it; `late`: a guess that is not begun, since it is none."""


def address() -> str:
    """The address of the study's database, with its driver; empty: the search has it to itself.

    Raises:
        UsageError: it is none of PostgreSQL.
    """
    named = os.environ.get(VARIABLE, "")
    scheme, _, rest = named.partition("://")
    if named and (scheme.partition("+")[0] != SCHEME or not rest):
        raise UsageError(
            f"{VARIABLE} must be the address of a database of PostgreSQL "
            f"(postgresql://USER:PASSWORD@HOST/NAME), but is one of {scheme!r}. Unset, the search "
            "keeps its study to itself."
        )
    return f"{SCHEME}+{DRIVER}://{rest}" if scheme == SCHEME else named


class SharedRecord(Record):
    """Trials of all workers, in the order in which they were begun; several are under way."""

    def __init__(
        self, url: str, name: str, plan: Plan, layers: list[str], fractions: tuple[float, ...]
    ) -> None:
        """`name`: of the study, the same for all whose images, network and code are the same."""
        self._url, self._name, self.worker = url, name, uuid4().hex
        self._key = crc32(name.encode())
        super().__init__(plan, layers, fractions)

    def _opened(self) -> optuna.Study:
        def opened() -> optuna.Study:
            storage = optuna.storages.RDBStorage(self._url, engine_kwargs={"pool_pre_ping": True})
            self._storage = storage
            return self._created(storage, self._name)

        return _patiently(opened)

    def close(self) -> None:
        """Leave the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def finished(self) -> list[Trial]:
        """Every finished trial, in order."""
        return _patiently(super().finished)

    @property
    def workers(self) -> int:
        """How many have had a part in the search, also those that did not see its end."""
        return sum(name.startswith(WORKER) for name in _patiently(lambda: self._study.user_attrs))

    def known(self, number: int) -> Trial:
        """A finished trial."""
        return _patiently(lambda: self._trial(self._all()[number]))

    def take(self, asked: Asked, used: Collection[int], awaited: int | None = None) -> Place:
        """Where a trial stands that is asked for; where nobody has it, it is ours from now on.

        Args:
            asked: for what.
            used: the numbers of trials that stand for others that were asked for.
            awaited: the trial under way elsewhere beside which this one is a guess: it is not begun
                once that has ended, so that none is begun when the search may be over.
        """
        return _patiently(lambda: self._take(asked, used, awaited))

    def _take(self, asked: Asked, used: Collection[int], awaited: int | None) -> Place:
        with self._locked() as connection:
            trials = self._all()
            found = next((one for one in trials if self._is(one, asked, used)), None)
            if found is None and awaited is not None and trials[awaited].state in STATES:
                return Place(awaited, "late")
            return self._claimed(found or self._added(asked), connection)

    def left(self) -> tuple[Place, Asked] | None:
        """A trial that is under way; ours from now on where its worker is dead; None: all ended."""
        return _patiently(self._left)

    def _left(self) -> tuple[Place, Asked] | None:
        with self._locked() as connection:
            found = next((one for one in self._all() if one.state not in STATES), None)
            if found is None:
                return None
            return self._claimed(found, connection), Asked.of(found.user_attrs["asked"])

    def _added(self, asked: Asked) -> FrozenTrial:
        self._study.add_trial(self._entry(asked))
        return self._all()[-1]

    def _claimed(self, found: FrozenTrial, connection: sqlalchemy.Connection) -> Place:
        """Where a trial stands; it is ours where it is not finished and no worker is alive."""
        if found.state in STATES:
            return Place(found.number, "finished")
        if found._trial_id in connection.execute(ALIVE, {"grace": GRACE}).scalars().all():  # noqa: SLF001  # it has no public name
            return Place(found.number, "elsewhere")
        self._study.set_user_attr(WORKER + self.worker, "")  # first: it may be killed anywhere
        self._storage.set_trial_user_attr(found._trial_id, "worker", self.worker)  # noqa: SLF001  # the same
        self._storage.record_heartbeat(found._trial_id)  # noqa: SLF001  # the same
        return Place(found.number, "ours")

    @contextmanager
    def _locked(self) -> Iterator[sqlalchemy.Connection]:
        """While no other worker settles whose a trial is."""
        with self._storage.engine.begin() as connection:
            connection.execute(LOCK, {"key": self._key})
            yield connection

    @staticmethod
    def _is(kept: FrozenTrial, asked: Asked, used: Collection[int]) -> bool:
        """Whether a trial is what is asked for, whoever asked for it first."""
        own, wanted = kept.user_attrs["asked"], asdict(asked)
        return kept.number not in used and {**own, "origin": ""} == {**wanted, "origin": ""}

    def begin(self, number: int, _asked: Asked) -> optuna.Trial:
        """A trial that is ours."""
        return _patiently(lambda: optuna.Trial(self._study, self._all()[number]._trial_id))  # noqa: SLF001  # as above

    def told_epochs(self, number: int) -> set[int]:
        """The epochs of a trial that are reported already."""
        return _patiently(lambda: super(SharedRecord, self).told_epochs(number))

    def report(self, trial: optuna.Trial, score: float, epoch: int) -> None:
        """Enter an epoch's score, unless the trial is another's by now."""
        with suppress(UpdateFinishedTrialError):
            _patiently(lambda: super(SharedRecord, self).report(trial, score, epoch))

    def should_prune(self, trial: optuna.Trial) -> bool:
        """Whether a trial is to end early."""
        return _patiently(lambda: super(SharedRecord, self).should_prune(trial))

    @contextmanager
    def beating(self, _trial: optuna.Trial) -> Iterator[None]:
        """Let the others see that the trial is being run."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                with suppress(DBAPIError, StorageInternalError, OSError):  # the next one may do
                    self._storage.record_heartbeat(_trial._trial_id)  # noqa: SLF001  # as above

        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()

    def end(self, trial: optuna.Trial, asked: Asked, outcome: Outcome) -> Trial:
        """Enter how a trial ended.

        Raises:
            TakenOverError: it is another's.
        """
        return _patiently(lambda: self._ended(trial, asked, outcome))

    def _ended(self, trial: optuna.Trial, asked: Asked, outcome: Outcome) -> Trial:
        with self._locked():
            kept = self._all()[trial.number]
            ours = kept.user_attrs["worker"] == self.worker
            if ours and kept.state in STATES:  # the answer of an earlier try was lost
                return self._trial(kept)
            if not ours:
                raise TakenOverError
            return super().end(trial, asked, outcome)


def _patiently(call: Callable[[], T]) -> T:
    """What a call gives, once the database answers.

    Raises:
        UnreachableError: it does not.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except (DBAPIError, StorageInternalError, OSError) as error:
            if time.monotonic() > end:
                raise UnreachableError(
                    f"The database that {VARIABLE} names must answer, but has not for "
                    f"{PATIENCE / 60:g} minutes ({_first_line(error)}). Run again when it does: "
                    "what was finished is kept."
                ) from error
            time.sleep(PAUSE)


def _first_line(error: Any) -> str:  # noqa: ANN401  # whatever went wrong
    return str(error).partition("\n")[0]
