from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from article_session import article_events, call, session_start
from hotloop.errors import UsageError
from hotloop.ledger.events import CallStart, Event, Note, Usage
from hotloop.ledger.store import Ledger
from hotloop.ui import trace_cmd
from hotloop.ui.trace_cmd import trace


@pytest.fixture(autouse=True)
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    cut: list[Event] = [
        session_start("s-cut", goal="Add [bold]colour[/]"),
        Note(t_s=2, level="warning", text="the engine was slow"),
    ]
    for name, events in (("s-cut", cut), ("s-article", article_events())):
        ledger = Ledger()
        emit = ledger.sink(name)
        for event in events:
            emit(event)
        assert ledger.close() == []


def output(*args: str) -> str:
    result = CliRunner().invoke(trace, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_shows_sessions_with_their_status() -> None:
    text = output("list")
    header, first, second = text.splitlines()
    assert header.split() == ["session", "started", "status", "wall", "calls", "goal"]
    assert {line.split()[0] for line in (first, second)} == {"s-article", "s-cut"}
    assert "interrupted" in text
    assert "Add [bold]colour[/]" in text


def test_a_list_that_is_piped_is_separated_by_tabs_and_cuts_nothing() -> None:
    goal = "Mend " + "everything " * 40
    ledger = Ledger()
    ledger.sink("s-long")(session_start("s-long", goal=f"{goal}\tand\nmore"))
    assert ledger.close() == []
    lines = [line.split("\t") for line in output("list").splitlines()]
    assert {len(line) for line in lines} == {6}
    assert lines[0] == ["session", "started", "status", "wall", "calls", "goal"]
    rows = {line[0]: line[1:] for line in lines[1:]}
    assert rows["s-long"][-1] == f"{goal}and more"
    assert rows["s-article"][1:4] == ["solved", "21.7 s", "9"]


def test_on_a_terminal_a_long_goal_is_cut_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger()
    ledger.sink("s-long")(session_start("s-long", goal="Mend " + "everything " * 40))
    assert ledger.close() == []
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, color_system=None, width=90)
    monkeypatch.setattr(trace_cmd, "_console", lambda: terminal)
    output("list")
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert max(map(len, lines)) <= 90
    long = next(line for line in lines if line.startswith("s-long "))
    assert re.search(r"s-long +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +interrupted +0\.00 s +- +Mend", long)


def test_list_as_json() -> None:
    rows = json.loads(output("list", "--json"))
    assert {(row["session"], row["status"]) for row in rows} == {
        ("s-article", "solved"),
        ("s-cut", "interrupted"),
    }
    assert len(json.loads(output("list", "--json", "--limit", "1"))) == 1


def test_show_prints_the_articles_table() -> None:
    text = output("show", "s-art")
    assert "session s-article" in text
    assert "Tool calls (5)       5    5.0 s" in text
    assert "critical path: prefill 2.7 s (12 %)" in text


def test_show_an_interrupted_session_with_its_warnings() -> None:
    text = output("show", "s-cut")
    assert "goal: Add [bold]colour[/]" in text
    assert "warning: the engine was slow" in text
    assert "interrupted in 2.0 s" in text


def test_show_as_json() -> None:
    made = json.loads(output("show", "s-article", "--json"))
    assert list(made) == ["session", "rows", "totals", "critical_path", "levers", "prefix"]
    assert made["session"]["status"] == "solved"
    assert [row["kind"] for row in made["rows"]] == [
        "plan",
        "tool_calls",
        "reason",
        "generate",
        "test",
        "verify",
    ]
    assert made["totals"]["wall_s"] == 21.7
    assert made["critical_path"]["seconds"]["decode"] == 14.0


def test_show_tells_what_of_the_possible_prefix_was_cached() -> None:
    assert "prefix:" not in output("show", "s-cut")
    made = json.loads(output("show", "s-article", "--json"))["prefix"]
    # 7,500 of the 8,000 tokens of the request before were cached; its requests do not grow, so
    # nothing is known to be possible.
    assert made["calls"][1] == {
        "call": 1,
        "input_tokens": 8000,
        "cached_tokens": 7500,
        "possible_tokens": None,
    }


def test_show_names_calls_that_lost_their_prefix() -> None:
    ledger = Ledger()
    emit = ledger.sink("s-prefix")
    emit(session_start("s-prefix"))
    for number, (sent, cached) in enumerate([(1000, 0), (1200, 1000), (1400, 300), (1600, 1400)]):
        made = call(number, number, number, number + 1)
        made.usage = Usage(input_tokens=sent, cached_tokens=cached, output_tokens=10)
        emit(CallStart(t_s=number, call=number, step=number, request_bytes=1))
        emit(made)
    assert ledger.close() == []
    text = output("show", "s-prefix")
    assert "prefix: 75 % of the tokens sent before came from the cache\n" in text
    assert "below 90 %: call 2: 300 of 1,200 (25 %)\n" in text


def test_show_as_json_with_events() -> None:
    made = json.loads(output("show", "s-article", "--json", "--events"))
    assert made["events"][0]["type"] == "session.start"
    assert made["events"][-1]["type"] == "session.end"


def test_an_unknown_session_names_near_ones() -> None:
    with pytest.raises(UsageError, match="no session begins with 's-articel'") as caught:
        output("show", "s-articel")
    assert "s-article" in caught.value.next_step


def test_events_go_with_json_only() -> None:
    with pytest.raises(UsageError, match="--events goes with --json"):
        output("show", "--events")


def test_an_empty_ledger_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "empty"))
    assert "hotloop run GOAL" in output("list")
    assert json.loads(output("list", "--json")) == []
