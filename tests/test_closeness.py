from __future__ import annotations

import pytest

from hotloop.loop.closeness import distance
from hotloop.workspace.failures import Failure
from hotloop.workspace.testrun import TestOutcome as Outcome


def _failing(*details: str) -> Outcome:
    failures = tuple(Failure(test_id="t", message=one, detail=one) for one in details)
    return Outcome(green=False, command="pytest", status=1, failed=len(failures), failures=failures)


def test_an_exception_is_farther_than_a_comparison_that_is_nearly_right() -> None:
    crash = _failing("KeyError: 'x'")
    far = _failing("AssertionError: assert {} == {'alto': ['Ada', 'Bea']}")
    near = _failing("AssertionError: assert {'alto': ['Bea', 'Ada']} == {'alto': ['Ada', 'Bea']}")
    assert distance(near) < distance(far) < distance(crash) == 1.0


def test_it_is_the_mean_over_the_failures() -> None:
    assert distance(_failing("assert 'ab' == 'ab'", "KeyError")) == pytest.approx(0.5)


def test_labelled_checks_count_too() -> None:
    assert distance(_failing("zones(3, 3): expected 12, got 13")) == pytest.approx(0.5)
