"""A search that several workers share: each asks for what the strategy asks for.

All of them replay the strategy over what is finished. Where the next trial is under way elsewhere,
a worker takes what would be asked for after it if it ended like those before; what it finds is at
hand when it is asked for. One that never is, is in the tables all the same: nobody ends while a
trial is under way.
"""

import time
from collections.abc import Sequence
from statistics import fmean

from components.study.search import Search
from components.study.shared_record import SharedRecord, TakenOverError
from components.study.strategies.strategy import Notes
from components.study.trial import Asked, Trial
from components.training.history import Epoch

POLL = 1.0
"""Seconds from one look at what the others do to the next."""


class SharedSearch(Search):
    """One worker's part in a search; each of them ends with the same setting."""

    record: SharedRecord

    @property
    def workers(self) -> int:
        """How many have had a part in it."""
        return self.record.workers

    def _obtained(self, asked: Asked, done: Sequence[Trial]) -> Trial:
        used, waits = {trial.number for trial in done}, False
        while True:
            place = self.record.take(asked, used)
            if place.state == "finished":
                return self._found(place.number)
            if place.state == "ours":
                if (trial := self._own(place.number, asked, done)) is not None:
                    return trial
            elif not self._helped(done, place.number):
                waits = self._waited(place.number, said=waits)

    def _ended(self) -> tuple[Trial, ...]:
        """Every trial, once guesses that nobody asked for have ended too."""
        waits = False
        while (found := self.record.left()) is not None:
            place, asked = found
            if place.state == "ours":
                self._own(place.number, asked, self.record.finished())
            else:
                waits = self._waited(place.number, said=waits)
        return super()._ended()

    def _waited(self, number: int, *, said: bool) -> bool:
        """Wait for a while; the first time it is said for which trial."""
        if not said:
            self.log.say(f"waits for trial {number}, which another worker runs")
        time.sleep(POLL)
        return True

    def _found(self, number: int) -> Trial:
        """A trial of another worker, or of an earlier run."""
        trial = self.record.known(number)
        self._tell_missing_events([trial])
        return trial

    def _own(self, number: int, asked: Asked, before: Sequence[Trial]) -> Trial | None:
        """Run a trial; None where another worker has taken it over meanwhile."""
        try:
            return self._try(number, asked, before)
        except TakenOverError:
            self.log.say(f"trial {number} was taken over: this worker was silent for too long")
            return None

    def _helped(self, done: Sequence[Trial], awaited: int) -> bool:
        """Run a trial that will be asked for, if those under way end as is to be expected.

        False where there is none to run while another worker runs the trial `awaited`.
        """
        asking = self._asking(Notes())
        used, guessed = {trial.number for trial in done}, False
        try:
            asked = next(asking)
            for trial in done:
                asked = asking.send(trial)
            while not (guessed and asked.stage == "confirmation"):
                place = self.record.take(asked, used, awaited)
                if place.state == "late":
                    return True
                if place.state == "ours":
                    self._own(place.number, asked, done)
                    return True
                used.add(place.number)
                if place.state == "finished":
                    asked = asking.send(self._found(place.number))
                    continue
                guessed |= asked.stage != "confirmation"
                asked = asking.send(self._expected(place.number, asked, done))
        except StopIteration:
            pass
        return False

    def _expected(self, number: int, asked: Asked, done: Sequence[Trial]) -> Trial:
        """A trial that is under way, as if it had ended like the mean of those before."""
        scored = [trial for trial in done if trial.history]
        score = fmean(trial.score for trial in scored) if scored else 0.0
        error = fmean(trial.error for trial in scored) if scored else 0.0
        loss = fmean(trial.validation_loss for trial in scored) if scored else 0.0
        last = Epoch(
            epoch=asked.epochs,
            train_loss=loss,
            train_score=score,
            validation_loss=loss,
            validation_score=score,
            validation_score_error=error,
            learning_rate=0.0,
        )
        setting, plan = asked.setting, self.plan
        return Trial(
            number=number,
            state="pruned" if asked.stage == "probe" else "complete",
            origin=asked.origin,
            stage=asked.stage,
            layer=self.pretrained.layers[setting.freeze_depth],
            trained_fraction=self.pretrained.fractions[setting.freeze_depth],
            setting=setting,
            history=(last,) * asked.epochs,
            cost=self.reuse.space.trial(setting.freeze_depth) * asked.epochs // plan.epochs,
            cached=True,
            why="",
            audit=(),
        )
