"""What every tool has in common: its protocol, its context, and the cap on what a model reads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from hotloop.actions.types import Action, Observation
from hotloop.errors import ToolError
from hotloop.ledger.events import Effect, Emit, Event
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox

ActionT = TypeVar("ActionT", bound=Action)


def _no_sink(event: Event) -> None:
    """Drop an event."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one action: characters a model is shown, seconds it may take."""

    output_chars: int = 6_000
    search_matches: int = 100
    search_deadline_s: float = 5.0
    command_deadline_s: float = 60.0


class ToolContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool may use. `action` is the id under which its events are emitted.

    `output_dir` keeps full outputs, `scratch` the caches of commands. `now_s` gives `t_s` of
    the session; `on_output` gets a command's output as it comes.
    """

    workspace: Workspace
    checkpoint: Checkpoint
    output_dir: Path
    scratch: Path
    sandbox: Sandbox = Sandbox()
    consent: Consent = Consent()
    limits: Limits = Limits()
    emit: Emit = _no_sink
    now_s: Callable[[], float] = time.monotonic
    on_output: Callable[[str], None] | None = None
    action: str = ""


class Tool(Protocol):
    """Carries out one kind of action. Only a tool without effect may run early or in parallel."""

    name: str
    effect: Effect

    async def run(self, action: Action, context: ToolContext) -> Observation:
        """Carry out `action`. Raises ToolError when that is not possible."""
        ...


def expect(action: Action, kind: type[ActionT]) -> ActionT:
    """Return `action` as `kind`. Raises TypeError when it was sent to the wrong tool."""
    if not isinstance(action, kind):
        raise TypeError(f"{kind.__name__} expected, got {type(action).__name__}")
    return action


async def perform(tool: Tool, action: Action, context: ToolContext) -> Observation:
    """Run a tool; what it could not do becomes an observation that tells the model."""
    try:
        return await tool.run(action, context)
    except ToolError as error:
        return Observation(tool=tool.name, ok=False, text=f"error: {error}", summary=error.cause)


def cap(text: str, limit_chars: int, full_path: str = "") -> str:
    """Return `text` cut to about `limit_chars`: its beginning, a line on what is missing, its end.

    The end gets twice the room of the beginning, for that is where commands say what failed.
    """
    if len(text) <= limit_chars:
        return text
    lines = text.split("\n")
    head = _fitting(lines, limit_chars // 3)
    tail = _fitting(lines[::-1], limit_chars - limit_chars // 3)
    if head + tail == 0:
        return _cap_line(text, limit_chars, full_path)
    where = f"; all of it is in {full_path}" if full_path else ""
    middle = f"[{len(lines) - head - tail} lines left out{where}]"
    return "\n".join([*lines[:head], middle, *lines[len(lines) - tail :]])


def _fitting(lines: list[str], room: int) -> int:
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return number
    return len(lines)


def _cap_line(text: str, limit_chars: int, full_path: str) -> str:
    where = f"; all of it is in {full_path}" if full_path else ""
    middle = f"\n[{len(text) - limit_chars} characters left out{where}]\n"
    third = limit_chars // 3
    return f"{text[:third]}{middle}{text[third - limit_chars :]}"


def capped(text: str, context: ToolContext, tool: str) -> tuple[str, str]:
    """Return `text` as the model gets it and the file that keeps all of it ("" if it fits).

    Raises ToolError when that file cannot be written.
    """
    limit = context.limits.output_chars
    if len(text) <= limit:
        return text, ""
    path = output_file(context, tool)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise ToolError(f"cannot keep the output in {path}: {error.strerror}") from error
    return cap(text, limit, str(path)), str(path)


def output_file(context: ToolContext, tool: str) -> Path:
    """Return a new name in the session's output folder."""
    return context.output_dir / f"{tool}-{os.urandom(6).hex()}.txt"
