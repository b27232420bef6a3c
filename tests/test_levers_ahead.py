from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent_session import DONE, FIX, GOAL, INSTANT, READ, READ_CHECK, Run, call, run, says
from hotloop.ledger.events import (
    CallEnd,
    LeverAccount,
    Marks,
    StepEnd,
    Usage,
)
from hotloop.levers import NAMES
from hotloop.levers.ahead import Rates, reads_fast
from hotloop.levers.budget import hurry, limit_tokens
from hotloop.sim.profile import Cache
from levers_kit import account, meet_article


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def levers(ended: Run) -> set[str]:
    return {one.lever for one in ended.of(LeverAccount)}


def test_what_is_read_ahead_is_not_waited_for(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(
        INSTANT, prefill_tok_s=2_000, cache=Cache(block_tokens=1), ttft_base_s=0.01
    )
    long = "".join(f"# line {number} of a long file that is read\n" for number in range(100))
    check = (
        "import time, runpy\ntime.sleep(1.5)\nassert runpy.run_path('calc.py')['add'](2, 3) == 5\n"
    )
    wrong = call("edit", path="calc.py", old="return a - b", new="return a * b")
    right = call("edit", path="calc.py", old="return a * b", new="return a + b")
    ttft: dict[bool, float] = {}
    for on in (True, False):
        root = tmp_path / str(on)
        repo = root / "repo"
        repo.mkdir(parents=True)
        (repo / "calc.py").write_text("def add(a, b):\n    return a - b\n")
        (repo / "check.py").write_text(check)
        (repo / "long.txt").write_text(long)
        ended = run(
            root,
            [says(call("read", path="long.txt"), wrong), says(right)],
            profile=slow,
            repo=repo,
            without=("prefetch", "finish") if on else ("prefetch", "finish", "prefill_ahead"),
        )
        steps = [one for one in ended.of(CallEnd) if one.purpose == "step"]
        first_token_s = steps[1].marks.first_token_s
        assert first_token_s is not None
        ttft[on] = first_token_s - steps[1].marks.start_s
        if on:
            assert account(ended, "prefill_ahead").saved_s > 0
    assert ttft[True] < 0.5 * ttft[False]


def test_files_that_are_read_next_are_told_along(tmp_path: Path) -> None:
    without = tuple(name for name in NAMES if name != "ahead")
    ended = meet_article(tmp_path, 1, without=without)
    assert ended.outcome == "solved"
    assert len(ended.bodies) < 9
    told = msgspec.json.decode(ended.bodies[-1])["messages"]
    assert any("[ahead] shop/vouchers.py:" in str(one["content"]) for one in told)
    assert "guesses used" in account(ended, "ahead").detail


def test_guesses_that_miss_are_made_no_more() -> None:
    rates = Rates()
    for _ in range(8):
        assert rates.pays("import")
        rates.count("import", hit=False)
    assert not rates.pays("import")
    for _ in range(4):
        rates.count("import", hit=True)
    assert rates.pays("import")


@pytest.mark.parametrize(
    ("new", "ttft_s", "fast"), [(1_000, 1.0, True), (1_000, 4.0, False), (100, 4.0, None)]
)
def test_a_backend_that_reads_slowly_is_told_nothing_it_did_not_ask_for(
    new: int, ttft_s: float, fast: bool | None
) -> None:
    usage = Usage(input_tokens=5_000 + new, cached_tokens=5_000)
    assert reads_fast(usage, Marks(start_s=1.0, first_token_s=1.0 + ttft_s)) is fast


def test_time_decides_how_much_may_be_said() -> None:
    assert limit_tokens(10, 50) == 500
    assert hurry(60, 60, 50, 5) == ""
    assert "7 s are left" in hurry(7, 60, 50, 5)
    assert hurry(7, 20, 50, 5) == "", "not before the last third"


def test_a_model_is_told_when_time_is_short(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(INSTANT, ttft_base_s=0.8)
    replies = [says(READ), says(READ_CHECK), says(DONE)]
    ended = run(tmp_path, replies, profile=slow, budget_s=2.2, without=("prefetch",))
    assert "s are left" in ended.last_said
    (tmp_path / "off").mkdir()
    silent = run(
        tmp_path / "off",
        replies,
        profile=slow,
        budget_s=2.2,
        without=("prefetch", "budget"),
    )
    assert "s are left" not in silent.last_said
    assert {one["max_tokens"] for one in silent.requests} == {4096}
    told = account(ended, "budget")
    assert "told" in told.detail
    assert "answers limited" in told.detail
    assert "budget" not in levers(silent)


def test_an_answer_that_the_deadline_cut_off_is_waste(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(INSTANT, decode_tok_s=500)
    long = says(READ, text="I think. " * 2000)
    ended = run(tmp_path, [long, says(FIX)], profile=slow, budget_s=5)
    assert ended.outcome == "solved"
    told = account(ended, "budget")
    assert "cut off by it" in told.detail
    assert told.wasted_s > 0


def test_there_is_no_thinking_apart_when_time_is_short(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(INSTANT, ttft_base_s=0.4)
    thought = says(text="Hm.")
    replies = [thought, says(READ), thought, says(READ_CHECK), thought, says(READ), says(DONE)]
    ended = run(tmp_path, replies, profile=slow, budget_s=3.2, think="apart", without=("prefetch",))
    assert "s are left" in ended.last_said
    assert "Do not act" not in ended.last_said
    told = account(ended, "budget")
    assert "thoughts left out" in told.detail


def test_verdicts_that_were_not_asked_for_are_told(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ), says(FIX)])
    told = account(ended, "finish")
    assert told.detail.startswith("1 verdicts not asked for; a call took ")
    assert told.saved_s == 0, "a call that was never made has no measured time"
    (tmp_path / "off").mkdir()
    asked = run(tmp_path / "off", [says(READ), says(FIX), says(DONE)], without=("finish",))
    assert "finish" not in levers(asked)


def test_without_terse_only_whole_files_are_offered(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ), says(DONE)], without=("terse",))
    names = {one["function"]["name"] for one in ended.requests[0]["tools"]}
    assert "write" in names
    assert not names & {"edit", "define"}


def test_every_step_has_an_end_and_every_lever_a_name(tmp_path: Path) -> None:
    ended = run(tmp_path, [says(READ), says(FIX)], goal=GOAL)
    assert levers(ended) <= {*NAMES}
    assert ended.of(StepEnd)
