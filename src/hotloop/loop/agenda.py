"""What to try next in the search for a repair: a model call, or a test of a candidate at hand."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from hotloop.levers.deviations import Deviation
from hotloop.loop.focus import Focus

_TIRING = 0.88
_LEAST_SCORE = 0.0015
_LEAST_READY = 0.0001
_LINE_S = 1.0
_COPY_S = 4.0
_LEAST_TEST_S = 0.05
_SWITCH_COST = 0.5
_BATCH = 5
_BATCH_SCORE = 0.3


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A model call about a definition: copy it from `start` on, or complete a token's line.

    `base` is the text that the token's offset is in. With `is_remark`, a comment is begun at
    `start` that says what is wrong there.
    """

    score: float
    focus: Focus
    start: int = 0
    base: str = ""
    deviation: Deviation | None = None
    is_remark: bool = False

    @property
    def offset(self) -> int:
        """Return where in the definition the job goes on."""
        return self.deviation.offset if self.deviation else self.start


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that needs no call: a definition's new text.

    With `is_guess`, no model had a hand in it.
    """

    score: float
    focus: Focus
    text: str
    is_guess: bool = False


class Agenda:
    """Calls and candidates by what they promise."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._ready: list[Ready] = []
        self._at: Focus | None = None
        self._spent_s: dict[int, float] = defaultdict(float)

    def add(self, one: Job | Ready) -> None:
        """Take something to try, unless it is too unlikely."""
        if isinstance(one, Job) and one.score >= _LEAST_SCORE:
            self._jobs.append(one)
        if isinstance(one, Ready) and one.score >= _LEAST_READY:
            self._ready.append(one)

    def next(self, test_s: float) -> Ready | list[Job]:
        """Take the candidate or the calls that promise most per second; empty if none is left.

        `test_s` is what a test takes, over how many run at the same time. Calls and tests come one
        after the other: on the same cores, they make each other slower than that saves.
        """
        if self._is_test_next(test_s):
            best = max(self._ready, key=lambda one: one.score)
            self._ready.remove(best)
            return best
        return self._next_jobs() if self._jobs else []

    def count(self, job: Job) -> None:
        """Note that a call is made: its definition is at hand now, and hope for it shrinks."""
        self._at = job.focus
        self._spent_s[id(job.focus)] += _cost_s(job)

    def _is_test_next(self, test_s: float) -> bool:
        """Say whether a candidate promises more per second than any call does."""
        if not self._ready or not self._jobs:
            return bool(self._ready)
        job = max(self._jobs, key=self._worth)
        best = max(one.score for one in self._ready)
        return best / max(_LEAST_TEST_S, test_s) >= self._worth(job) / _cost_s(job)

    def _next_jobs(self) -> list[Job]:
        """Take the best job, with more of its kind where that spares prefill."""
        best = max(self._jobs, key=self._worth)
        batch = [best]
        if best.deviation is not None:
            like = [
                job
                for job in self._jobs
                if job.deviation is not None
                and job is not best
                and (job.focus, job.base) == (best.focus, best.base)
                and job.score >= _BATCH_SCORE * best.score
            ]
            batch += sorted(like, key=lambda job: -job.score)[: _BATCH - 1]
        self._jobs = [job for job in self._jobs if job not in batch]
        return sorted(batch, key=lambda job: -job.offset)

    def _worth(self, job: Job) -> float:
        """Return a job's score less what the time spent on its definition has taken from hope."""
        is_elsewhere = self._at is not None and job.focus is not self._at
        tired = _TIRING ** (self._spent_s[id(job.focus)] / _COPY_S)
        return job.score * tired * (_SWITCH_COST if is_elsewhere else 1.0)


def _cost_s(job: Job) -> float:
    return _LINE_S if job.deviation else _COPY_S
