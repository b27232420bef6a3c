"""Incremental parser of native tool calls, for endpoints that have them."""

from __future__ import annotations

from hotloop.actions.decode import decode_text, requested
from hotloop.actions.parse import Parsed, TextParser, decoded
from hotloop.actions.scan import JsonScanner
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.errors import ToolError


class CallSlots:
    """Numbers the tool calls of one answer, also where an endpoint gives all the same index."""

    def __init__(self) -> None:
        self._latest: dict[int, int] = {}
        self._ids: list[str] = []

    def slot(self, delta: ToolDelta) -> int:
        """Return the number, from 0, of the call that a delta belongs to."""
        slot = self._latest.get(delta.index)
        if slot is None or (delta.name and delta.id and self._ids[slot] not in ("", delta.id)):
            slot = self._latest[delta.index] = len(self._ids)
            self._ids.append("")
        self._ids[slot] = self._ids[slot] or delta.id
        return slot

    def id(self, slot: int) -> str:
        """Return the endpoint's id of a call, or one made up where it gives none."""
        return self._ids[slot] or f"call_{slot}"


class CallText:
    """Name and arguments of a tool call, put together from its fragments."""

    def __init__(self) -> None:
        self.name = ""
        self.arguments = ""

    def take(self, delta: ToolDelta) -> None:
        """Add a fragment; a name that is sent again with each fragment counts once."""
        self.name += delta.name if delta.name != self.name else ""
        self.arguments += delta.arguments


class NativeParser:
    """Reads tool-call deltas; text goes to a `TextParser`, for models that answer in text."""

    def __init__(self, default_path: str = "") -> None:
        self._text = TextParser(default_path)
        self._slots = CallSlots()
        self._calls: list[_Call] = []

    def feed(self, delta: TextDelta | ToolDelta) -> list[Parsed]:
        """Take a delta; return what closed in it."""
        if isinstance(delta, TextDelta):
            return self._text.feed(delta.text) if delta.channel == "text" else []
        slot = self._slots.slot(delta)
        if slot == len(self._calls):
            self._calls.append(_Call())
        return self._calls[slot].feed(delta, self._slots.id(slot))

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer. With `cut`, calls whose arguments are still open are faults."""
        closed = [
            one
            for slot, call in enumerate(self._calls)
            for one in call.finish(self._slots.id(slot), cut=cut)
        ]
        return closed + self._text.finish(cut=cut)


class _Call:
    """One tool call while its arguments stream in."""

    def __init__(self) -> None:
        self._text = CallText()
        self._scanner = JsonScanner()
        self._is_closed = False

    def feed(self, delta: ToolDelta, call_id: str) -> list[Parsed]:
        self._text.take(delta)
        closed: list[Parsed] = []
        for char in delta.arguments:
            text = None if self._is_closed else self._scanner.feed(char)
            if text is not None and self._scanner.depth == 0:
                closed.append(self._close(text, call_id))
        return closed

    def finish(self, call_id: str, *, cut: bool) -> list[Parsed]:
        if self._is_closed:
            return []
        text, name = self._text.arguments.strip(), self._text.name
        if cut:
            return [Parsed(fault=f"the call of {name} was cut off at the length limit", id=call_id)]
        if text not in ("", "null", '""'):
            return [Parsed(fault=f"the arguments of {name} are no JSON object", id=call_id)]
        return [self._close("{}", call_id)]

    def _close(self, text: str, call_id: str) -> Parsed:
        self._is_closed = True
        try:
            request = requested({"tool": self._text.name, "arguments": decode_text(text)})
        except ToolError as error:
            return Parsed(fault=str(error), id=call_id)
        if request is None:
            return Parsed(fault="a tool call without the tool's name", id=call_id)
        return decoded(request, call_id)
