"""What a session's events look like on a terminal, or as plain lines where there is none.

Runs on the view's own thread; imports rich.
"""

from __future__ import annotations

from pathlib import PurePath

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from hotloop.ledger.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Channel,
    EditApplied,
    Event,
    Note,
    PrefixBreak,
    SessionEnd,
    SessionStart,
    StepEnd,
    StepKind,
    StepStart,
    TestsRun,
    ToolEnd,
    ToolStart,
)
from hotloop.ledger.fold import Summary
from hotloop.ledger.report import LABELS, report
from hotloop.ui.table import print_report
from hotloop.ui.text import clean, one_line, seconds, tokens
from hotloop.ui.trials_line import TrialsLine

_STYLES: dict[Channel, str] = {"reasoning": "dim italic", "text": "", "tool": "cyan"}
_NOTE_STYLES = {"info": "dim", "warning": "yellow", "error": "bold red"}
_BAR_CHARS = 10
_COMMAND_CHARS = 40


class Screen:
    """Plain lines: one per step, tool, edit and test run, one for all candidates, and the table."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.summary = Summary()
        self._trials = TrialsLine()
        self._tested: set[str] = set()

    def show(self, events: list[Event]) -> None:
        """Show a batch of events."""
        for event in events:
            self.summary.add(event)
            if summed := self._trials.summary(event):
                self._print(*summed)
            self._show(event)
            if isinstance(event, SessionEnd):
                self.stop()
                print_report(self.console, report(self.summary))

    @property
    def has_clock(self) -> bool:
        """Say whether a running clock is to be drawn now; plain lines have none."""
        return False

    def tick(self, t_s: float) -> None:
        """Bring the running clock to `t_s` of the session."""

    def stop(self) -> None:
        """Leave the terminal as it was found. Safe to call twice; showing goes on after it."""

    def _show(self, event: Event) -> None:
        if self._trials.takes(event):
            return
        match event:
            case TestsRun():
                self._tested.add(event.action)
            case ToolEnd(tool="test") if event.ok or event.action in self._tested:
                return
            case _:
                pass
        described = describe(event, self.console.encoding)
        if described is not None:
            self._print(*described)

    def _print(self, line: str, style: str = "") -> None:
        self.console.print(Text(line, style=style), soft_wrap=True)


class LiveScreen(Screen):
    """A terminal: answers appear as they stream, over a status line with the running clock.

    Whole lines scroll up; the line that still grows and the status line are drawn anew. The
    cursor stays visible and no mode of the terminal is changed: nothing is left to restore
    should the process be killed.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live: Live | None = None
        self._hidden_calls: set[int] = set()
        self._source: tuple[int, Channel] | None = None
        self._partial = ""
        self._lines: list[Text] = []
        self._step: StepStart | None = None
        self._held: StepStart | None = None
        self._tool = ""

    def show(self, events: list[Event]) -> None:
        """Show a batch of events, drawn at once."""
        super().show(events)
        if self._held is not None and self._held.kind is not StepKind.TEST:
            self._release(None)
        self._print_lines()

    @property
    def has_clock(self) -> bool:
        """Say whether the session runs."""
        return self.summary.start is not None and self.summary.end is None

    def tick(self, t_s: float) -> None:
        """Draw the growing line and the status line for `t_s` of the session."""
        if self._live is None:
            self._live = Live(
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            self.console.show_cursor(True)
        status = Text(self._status(t_s), style="reverse", no_wrap=True, overflow="crop")
        growing = [self._styled(self._partial)] if self._partial else []
        self._live.update(Group(*growing, status), refresh=True)

    def stop(self) -> None:
        """Take the status line away; what streamed stays."""
        self._end_line()
        self._print_lines()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, event: Event) -> None:
        self._release(event)
        match event:
            case CallStart() if event.purpose != "step":
                self._hidden_calls.add(event.call)
            case CallDelta():
                self._stream(event)
                return
            case StepStart():
                self._held = event
                return
            case ToolStart() if event.lever != "race":
                self._tool = one_line(f"{event.tool} {event.summary}", self.console.encoding, 40)
            case ToolEnd() if event.tool != "test" or not self._trials.takes(event):
                self._tool = ""
            case StepEnd() if self._step is not None and event.step == self._step.step:
                self._step = None
            case _:
                pass
        super()._show(event)

    def _release(self, event: Event | None) -> None:
        """Show the step that began last, unless the event behind it says that it is a trial's."""
        held, self._held = self._held, None
        if held is None or (isinstance(event, ToolStart) and event.lever == "race"):
            return
        self._step = held
        self._end_line()
        self._print(f"{held.t_s:7.1f} s  {LABELS[held.kind]}", "bold")

    def _print(self, line: str, style: str = "") -> None:
        self._end_line()
        self._lines.append(Text(line, style=style))

    def _stream(self, delta: CallDelta) -> None:
        if delta.call in self._hidden_calls:
            return
        source = (delta.call, delta.channel)
        if source != self._source:
            self._end_line()
            self._source = source
        text = self._partial + clean(delta.text, self.console.encoding)
        *whole, self._partial = text.split("\n")
        self._lines.extend(map(self._styled, whole))
        width = max(1, self.console.width - 1)
        while len(self._partial) > width:
            self._lines.append(self._styled(self._partial[:width]))
            self._partial = self._partial[width:]

    def _end_line(self) -> None:
        if self._partial:
            self._lines.append(self._styled(self._partial))
        self._partial = ""
        self._source = None

    def _styled(self, line: str) -> Text:
        channel: Channel = self._source[1] if self._source else "text"
        return Text(line, style=_STYLES[channel], overflow="fold")

    def _print_lines(self) -> None:
        if self._lines:
            self.console.print(Text("\n").join(self._lines))
        self._lines.clear()

    def _status(self, t_s: float) -> str:
        budget_s = self.summary.budget_s or 0.0
        used = min(1.0, t_s / budget_s) if budget_s else 1.0
        bar = "#" * round(used * _BAR_CHARS)
        clock = f" {t_s:5.1f} s of {seconds(budget_s)} [{bar:.<{_BAR_CHARS}}]"
        over = f"over by {seconds(t_s - budget_s)}" if t_s > budget_s else ""
        calls = [call for call in self.summary.calls if call.foreground]
        count = (
            f"{len(calls)} calls, {tokens(sum(call.output_tokens for call in calls))} tokens out"
        )
        doing = (clock, over, self._doing(t_s), self._tool, self._trials.count, count)
        return "  ".join(filter(None, doing))

    def _doing(self, t_s: float) -> str:
        if self._step is None:
            return ""
        budget = f" of {seconds(self._step.budget_s)}" if self._step.budget_s is not None else ""
        return f"{LABELS[self._step.kind]} {seconds(max(0.0, t_s - self._step.t_s))}{budget}"


def make_screen(console: Console) -> Screen:
    """Return the live screen for a terminal that can move its cursor, else plain lines."""
    able = console.is_terminal and not console.is_dumb_terminal
    return LiveScreen(console) if able else Screen(console)


def describe(event: Event, encoding: str = "utf-8") -> tuple[str, str] | None:
    """Return the line that tells of an event and its style, None for those that have none."""
    match event:
        case SessionStart():
            where = f"{event.model} at {event.backend}" if event.backend else event.model
            text, style = f"{event.goal} [{where}, budget {seconds(event.budget_s)}]", "bold"
        case StepEnd():
            text, style = _step_text(event)
        case ToolEnd():
            failed = "" if event.ok else " failed:"
            text = f"{event.tool}{failed} {event.summary} ({seconds(event.duration_s)})"
            style = "" if event.ok else "yellow"
        case TestsRun():
            text, style = _tests_text(event), "green" if event.green else "red"
        case EditApplied():
            mended = f" (mended: {event.repaired})" if event.repaired else ""
            text = f"edited {event.path} +{event.added_lines} -{event.removed_lines}{mended}"
            style = "green"
        case CallEnd(error="cancelled"):
            text, style = "model call cancelled: no longer needed", "dim"
        case CallEnd() if event.error:
            text, style = f"model call failed: {event.error}", "bold red"
        case PrefixBreak():
            where = f", in {event.cause}" if event.cause else ""
            text = f"prefix of call {event.call} differs from byte {event.offset} on{where}"
            style = "yellow"
        case Note():
            text, style = f"{event.level}: {event.text}", _NOTE_STYLES[event.level]
        case _:
            return None
    return f"{event.t_s:7.1f} s  {one_line(text, encoding)}", style


def _step_text(event: StepEnd) -> tuple[str, str]:
    took = f"{LABELS[event.kind]} took {seconds(event.duration_s)}"
    if event.budget_s is None:
        return took, "dim"
    over = event.duration_s > event.budget_s
    text = f"{took} of {seconds(event.budget_s)}{', over its budget' if over else ''}"
    return text, "yellow" if over else "dim"


def _tests_text(event: TestsRun) -> str:
    verdict = "timed out" if event.timed_out else "green" if event.green else "red"
    counts = f"{event.passed} passed, {event.failed} failed"
    program = PurePath(event.command.partition(" ")[0]).name
    command = f"{program} {event.command.partition(' ')[2]}".strip()
    shown = one_line(command, width=_COMMAND_CHARS)
    return f"tests {verdict}: {counts} ({seconds(event.duration_s)}) {shown}"
