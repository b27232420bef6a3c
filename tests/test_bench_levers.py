"""The bench of the levers: its form, and one real session of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bench.levers.forms import edits, forms, smallest_edit
from bench.levers.plan import ALL, HEADLINES, LEVERS, NONE, Alone, Figures, Pair
from bench.levers.report import json_line, slower_table, table
from bench.levers.session import Case, Ended, Failed, Pace, measure
from hotloop.ledger.events import StepKind


def ended(wall_s: float) -> Ended:
    return Ended(
        wall_s=wall_s, process_s=wall_s, model_calls=1, output_tokens=9, rows_s={}, accounts=[]
    )


NO_WAIT = Pace(test_s=0.0, start_s=0.0)
FIGURES = Figures(
    pairs={name: Pair(off=[ended(21.704), ended(23)], on=[ended(9)]) for name in HEADLINES},
    ablation={name: Alone(alone=[ended(20)], without=[ended(10)]) for name in LEVERS},
    start_s=0.4,
)


def test_the_machines_form() -> None:
    read = json.loads(json_line(FIGURES))
    assert list(read) == ["fast", "slow", "fast_two", "slow_two", "ablation"]
    assert read["fast"] == {"off_s": 21.7, "on_s": 9.0}
    assert set(read["ablation"]) == set(LEVERS)
    assert read["ablation"]["terse"] == {"alone_s": 20.0, "without_s": 10.0}
    assert "\n" not in json_line(FIGURES)


def test_the_table_marks_what_is_slower() -> None:
    runs = {"": [ended(10)], "eager": [ended(10.4)], "finish": [ended(9)]}
    lines = slower_table({"slow": runs}).splitlines()
    slower = [line.split()[0] for line in lines if line.endswith("SLOWER")]
    assert slower == ["eager"]


def test_the_table_for_people_has_every_lever() -> None:
    text = table(FIGURES)
    assert all(f"\n{lever} " in text for lever in LEVERS)


@pytest.mark.parametrize(("without", "calls", "output"), [(ALL, 9, 1120), (NONE, 1, 355)])
def test_a_session_of_real_processes(without: frozenset[str], calls: int, output: int) -> None:
    case = Case(profile="instant", iterations=1, without=without, pace=NO_WAIT)
    got = asyncio.run(measure(case))
    assert (got.model_calls, got.output_tokens) == (calls, output)
    assert got.process_s > got.wall_s
    assert StepKind.TEST in got.rows_s


def test_a_session_that_does_not_do_the_work_is_a_failure(monkeypatch: Any) -> None:
    monkeypatch.setattr("bench.levers.session.BUDGET_S", 0.01)
    case = Case(profile="instant", iterations=1, without=NONE, pace=NO_WAIT)
    with pytest.raises(Failed, match="over_budget"):
        asyncio.run(measure(case))


def test_every_form_of_a_change_is_that_change() -> None:
    changes = list(edits())
    assert len(changes) > 30
    for edit in changes:
        assert forms(edit)["native, edit"] > len(edit.new)
        assert edit.new in edit.content or not edit.new
    edit = smallest_edit("a", "x\ny\nx\n", "x\ny\nz\n")
    assert (edit.old, edit.new) == ("y\nx\n", "y\nz\n")
