from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest
from rich.console import Console

from article_session import article_events, session_start, tool
from hotloop.ledger.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Channel,
    EditApplied,
    Event,
    Note,
    StepEnd,
    StepKind,
    StepStart,
    TestsRun,
    ToolStart,
    Usage,
)
from hotloop.ledger.report import fold, report
from hotloop.ui.screen import LiveScreen, describe
from hotloop.ui.table import print_report
from hotloop.ui.terminal import TerminalView, make_console
from hotloop.ui.text import clean

TABLE = """\
step             count     time  budget  share    TTFT      in  cached    out  tok/s
Plan                 1   2.2 s!   2.0 s   10 %  0.30 s   8,000       0    152   80.0
Tool calls (5)       5    5.0 s   5.0 s   23 %  0.30 s  40,000  37,500    280   80.0
Read and reason      1    2.0 s   2.0 s    9 %  0.30 s   8,000   7,500    136   80.0
Generate code        1    6.0 s   6.5 s   28 %  0.30 s   8,000   7,500    456   80.0
Run tests            1    5.0 s   5.0 s   23 %       -       -       -      -      -
Verify               1    1.5 s   1.5 s    7 %  0.30 s   8,000   7,500     96   80.0
Total               10  21.7 s!  20.0 s  100 %  0.30 s  72,000  60,000  1,120   80.0
! over its budget

solved in 21.7 s, 1.7 s over the budget of 20.0 s
mean wait per model call: 1.86 s over 9 calls (16.7 s)
critical path: prefill 2.7 s (12 %), decode 14.0 s (65 %), tests 5.0 s (23 %)
lever eager: saved 1.2 s, wasted 0.50 s (5 reads)
"""


def screen_text(draw: Callable[[Console], object], *, width: int = 100, **options: bool) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, height=30, highlight=False, markup=False, emoji=False, **options
    )
    draw(console)
    return stream.getvalue()


def plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def drawn_table(width: int) -> str:
    return screen_text(
        lambda console: print_report(console, report(fold(article_events()))), width=width
    )


def live(events: list[Event], *ticks: float, width: int = 100) -> str:
    def draw(console: Console) -> None:
        screen = LiveScreen(console)
        screen.show(events)
        for t_s in ticks:
            screen.tick(t_s)
        screen.stop()

    return screen_text(draw, width=width, force_terminal=True)


def viewed(events: list[Event], stream: TextIO) -> str:
    view = TerminalView(lambda: make_console(stream))
    for event in events:
        view(event)
    return view.close()


def deltas(*pieces: tuple[Channel, str]) -> list[Event]:
    start = CallStart(t_s=1, call=0, step=0, request_bytes=1)
    return [
        session_start(),
        start,
        *[CallDelta(t_s=1, call=0, channel=channel, text=text) for channel, text in pieces],
    ]


def test_the_articles_table() -> None:
    assert plain(drawn_table(100)) == TABLE


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_its_width_and_cuts_nothing(width: int) -> None:
    drawn = drawn_table(width)
    assert max(map(len, drawn.splitlines())) <= width
    assert re.sub(r"\s+", " ", drawn).strip() == re.sub(r"\s+", " ", TABLE).strip()


def test_large_figures_fit_eighty_columns_too() -> None:
    events: list[Event] = []
    for event in article_events():
        match event:
            case StepEnd():
                event.duration_s *= 1000
            case CallEnd():
                event.usage = Usage(
                    input_tokens=99_999_999, cached_tokens=88_888_888, output_tokens=77_777
                )
            case _:
                pass
        events.append(event)
    drawn = screen_text(lambda console: print_report(console, report(fold(events))), width=80)
    assert max(map(len, drawn.splitlines())) <= 80
    assert re.search(r"Total .* 900\.0M +800\.0M +700k ", drawn)


def test_the_table_is_plain_ascii() -> None:
    assert drawn_table(100).isascii()


def test_no_color_leaves_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> str:
        return screen_text(
            lambda console: print_report(console, report(fold(article_events()))),
            force_terminal=True,
        )

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert coloured.search(draw())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(draw())


def test_without_a_terminal_there_is_one_line_per_step_tool_edit_and_test() -> None:
    stream = io.StringIO()
    assert viewed(article_events(), stream) == ""
    text = stream.getvalue()
    before, _, after = text.partition("step  ")
    assert plain("step  " + after) == TABLE
    assert "\x1b" not in text
    assert before.count(" took ") == 10
    assert before.count(" read a.py, 12 lines") == 5
    assert "   15.2 s  edited a.py +3 -1\n" in before
    assert "   20.2 s  tests green: 4 passed, 0 failed (5.0 s) pytest\n" in before
    assert before.count("pytest") == 1
    assert "Plan took 2.2 s of 2.0 s, over its budget" in before
    assert "plan 0" not in text


def candidates(greens: list[bool]) -> list[Event]:
    events: list[Event] = [session_start(), StepStart(t_s=0, step=1, kind=StepKind.GENERATE)]
    for number, green in enumerate(greens, 2):
        trial = {"step": number, "kind": StepKind.TEST}
        start, end = tool(f"trial{number}", number, number, 0.5, "test")
        assert isinstance(start, ToolStart)
        start.lever = "race"
        verdict = TestsRun(
            t_s=number + 0.5,
            action=f"trial{number}",
            command="pytest",
            green=green,
            passed=1,
            failed=0 if green else 2,
            duration_s=0.5,
        )
        ended = StepEnd(t_s=number + 0.5, start_s=number, duration_s=0.5, budget_s=None, **trial)
        events += [StepStart(t_s=number, **trial), start, end, verdict, ended]
    return events


def edited(t_s: float) -> EditApplied:
    return EditApplied(t_s=t_s, action="e", path="a.py", added_lines=1, removed_lines=1)


def test_candidates_are_one_line_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    assert viewed([*candidates([False] * 11 + [True]), edited(20)], stream) == ""
    lines = stream.getvalue().splitlines()
    assert lines[1:] == [
        "   20.0 s  12 candidates tested (6.0 s of tests): one passes",
        "   20.0 s  edited a.py +1 -1",
    ]


def test_candidates_are_counted_in_the_status_line() -> None:
    text = live(candidates([False] * 3), 6.0)
    assert "Generate code 6.0 s" in text
    assert "  3 candidates tested" in text
    assert "Run tests" not in text
    assert "red" not in text


def test_tests_that_are_no_candidates_are_shown_as_ever() -> None:
    events = candidates([False, False])
    events += [
        StepStart(t_s=9, step=50, kind=StepKind.TEST),
        *tool("test1", 50, 9, 1, "test"),
    ]
    text = live(events, 9.5)
    assert "2 candidates tested (1.0 s of tests): none passes all tests" in text
    assert "Run tests" in text


def test_a_terminal_shows_answers_as_they_stream() -> None:
    events = deltas(
        ("reasoning", "let me see\nhm"), ("text", "def f():\n    ret"), ("text", "urn 1")
    )
    text = live(events, 1.5)
    assert text.index("let me see") < text.index("def f():") < text.index("    return 1")
    assert re.search(r"\x1b\[2;3mlet me see", text)


def test_a_growing_line_is_drawn_before_it_ends() -> None:
    text = live(deltas(("text", "growing")), 1.0)
    assert text.index("growing") < text.index("1.0 s of 20.0 s") < text.rindex("growing")


def test_calls_the_loop_does_not_wait_for_are_not_shown() -> None:
    events: list[Event] = [
        session_start(),
        CallStart(t_s=0, call=7, step=0, request_bytes=1, purpose="race"),
        CallDelta(t_s=1, call=7, channel="text", text="a hidden candidate\n"),
    ]
    assert "hidden" not in live(events, 1.0)


def test_the_status_line_holds_clock_budget_and_step() -> None:
    events: list[Event] = [
        session_start(),
        StepStart(t_s=3, step=0, kind=StepKind.GENERATE, budget_s=6.5),
        next(iter(tool("a", 0, 4, 1))),
    ]
    text = live(events, 5.0, 23.5)
    assert "5.0 s of 20.0 s [##........]  Generate code 2.0 s of 6.5 s  read" in text
    assert "23.5 s of 20.0 s [##########]  over by 3.5 s" in text


def test_after_the_end_only_the_table_is_left() -> None:
    text = live(article_events())
    assert text.rstrip().endswith("(5 reads)")
    assert text.count("step ") == 1


def test_a_long_line_does_not_outgrow_the_screen() -> None:
    text = live(deltas(("text", "x" * 1000)), 1.0, width=50)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()
    assert max(map(len, lines)) <= 50
    assert text.count("x") >= 1000


HOSTILE = "[bold red]not markup[/] :smile: \x1b[31mred\x1b]0;title\x07\x1b[2J\x9b1m\x08\u202eback"


def test_texts_cannot_steer_the_terminal() -> None:
    events = [
        *deltas(("text", HOSTILE + "\n")),
        Note(t_s=1, level="info", text=HOSTILE),
        EditApplied(t_s=1, action="a", path=HOSTILE, added_lines=1, removed_lines=0),
    ]
    text = live(events)
    assert text.count("[bold red]not markup[/] :smile: red1mback") == 3
    for steering in ("\x1b[31", "\x1b]", "\x1b[2J", "\x9b", "\x08", "\u202e"):
        assert steering not in text


def test_texts_of_events_stay_on_one_line() -> None:
    described = describe(Note(t_s=1, level="info", text="a\nb\r\n\tc" + "x" * 500))
    assert described is not None
    assert "\n" not in described[0]
    assert "a b c" in described[0]
    assert described[0].endswith("...")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "Fix caf? ? ? ?"), ("latin-1", "Fix caf\u00e9 ? ? ?")]
)
def test_a_terminal_without_utf_8_gets_question_marks(encoding: str, shown: str) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding)
    goal = "Fix caf\u00e9 \u2192 \ud800 \U0001f600"
    assert viewed([session_start(goal=goal), *article_events()[1:]], stream) == ""
    stream.flush()
    text = written.getvalue().decode(encoding)
    assert shown in text
    assert "critical path" in text


def test_clean_keeps_line_breaks_and_widens_tabs() -> None:
    assert clean("a\n\tb\r\n") == "a\n    b\n"


def test_a_reader_that_goes_away_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        assert viewed(article_events(), stream) == ""


def test_a_console_that_cannot_be_made_is_reported_and_holds_nobody() -> None:
    def broken() -> Console:
        raise RuntimeError("no console here")

    view = TerminalView(broken)
    for event in article_events():
        view(event)
    assert "no console here" in view.close()
    with view.suspended():
        pass


def test_nothing_is_drawn_while_suspended() -> None:
    stream = io.StringIO()
    view = TerminalView(lambda: Console(file=stream, force_terminal=True, width=100))
    view(session_start())
    with view.suspended():
        shown = stream.getvalue()
        for event in article_events()[1:]:
            view(event)
        assert "Mend it" in shown
        assert stream.getvalue() == shown
    assert view.close() == ""
    assert "critical path" in stream.getvalue()


INTERRUPTED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from article_session import article_events
from hotloop.ui.terminal import TerminalView
view = TerminalView()
try:
    for event in article_events()[:12]:
        view(event)
    while True:
        time.sleep(60)
except KeyboardInterrupt:
    pass
finally:
    view.close()
"""


def read_until(terminal: int, pattern: bytes, deadline: float) -> bytes:
    seen = b""
    while not re.search(pattern, seen):
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 65536)
    return seen


def test_ctrl_c_leaves_the_terminal_as_it_was() -> None:
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(Path(__file__).parent)],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(inner)
    deadline = time.monotonic() + 30
    seen = read_until(terminal, rb"of 20\.0 s \[", deadline)
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    rest = b""
    while select.select([terminal], [], [], 0)[0]:
        try:
            rest += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    final = seen + rest
    assert final.rfind(b"\x1b[?25h") > final.rfind(b"\x1b[?25l")
    assert b"\x1b[?1049" not in final
    assert final.rfind(b"\x1b[2K") > final.rfind(b"of 20.0 s [")
