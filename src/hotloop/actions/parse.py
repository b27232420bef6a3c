"""Incremental parsers: they yield each action the moment it closes in the stream.

`TextParser` reads what models write as text: one JSON header per action, code as raw blocks
behind it, and everything that models write instead (fenced JSON, lists of calls, `tool_call`
tags, bare code blocks). `NativeParser` reads tool-call deltas and falls back on the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import msgspec

from hotloop.actions.decode import BODIES, decode_action, decode_text, names_tool
from hotloop.actions.scan import JsonScanner
from hotloop.actions.types import AnyAction, Define
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.errors import ToolError

_PATH = re.compile(r"[\w./-]*\w\.\w{1,5}(?=[`:*\s]|$)")
_FENCE = re.compile(r"^(`{3,})([^`\n]*)$")


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """One closed action, or `fault`: what was wrong with one. `id` is the endpoint's own."""

    action: AnyAction | None = None
    fault: str = ""
    id: str = ""


class TextParser:
    """Reads text character by character. `finish` closes what the end of the answer closes.

    `default_path` is the file that a code block without a name belongs to.
    """

    def __init__(self, default_path: str = "") -> None:
        self._default_path = default_path
        self._line: list[str] = []
        self._json: JsonScanner | None = None
        self._told = False
        self._fence = ""
        self._info = ""
        self._body: list[str] = []
        self._header: dict[str, object] | None = None
        self._filled: dict[str, object] = {}
        self._last_path = ""
        self.prose: list[str] = []

    def feed(self, text: str) -> list[Parsed]:
        """Take a piece of text; return what closed in it."""
        closed: list[Parsed] = []
        for char in text:
            if self._json is not None:
                closed += self._feed_json(char)
            elif char == "\n":
                closed += self._end_line()
            else:
                self._line.append(char)
                if char == "{" or (char == "[" and not self._fence):
                    self._maybe_json(char)
        return closed

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer. With `cut` (finish reason `length`) open actions are faults."""
        closed = self._end_line() if self._line and self._json is None else []
        if self._json is not None:
            closed.append(Parsed(fault="the JSON of an action did not close"))
        elif self._fence and self._wants_body():
            if cut:
                closed.append(Parsed(fault="the answer was cut off inside a code block"))
            else:
                closed += self._close_fence()
        if self._header is not None:
            closed += self._flush_header()
        self._json, self._fence, self._line = None, "", []
        return closed

    # JSON ----------------------------------------------------------------

    def _maybe_json(self, char: str) -> None:
        before = "".join(self._line[:-1]).strip()
        in_code = self._fence and self._wants_body()
        if in_code or before not in ("", "<tool_call>", "-", "Action:", "action:"):
            return
        self._json, self._told, self._line = JsonScanner(), False, []
        self._json.feed(char)

    def _feed_json(self, char: str) -> list[Parsed]:
        scanner = cast("JsonScanner", self._json)
        text = scanner.feed(char)
        closed: list[Parsed] = []
        if text is not None and not (scanner.depth == 0 and self._told):
            closed = list(self._take_object(text, root=scanner.depth == 0))
        if scanner.depth == 0:
            self._json = None
        return closed

    def _take_object(self, text: str, *, root: bool) -> Iterator[Parsed]:
        try:
            value = decode_text(text)
        except ToolError as error:
            if root or '"tool"' in text or '"name"' in text:
                self._told = True
                yield Parsed(fault=str(error))
            return
        if not names_tool(value):
            return
        self._told = True
        yield from self._flush_header()
        fields = dict(cast("dict[str, object]", value))
        tool = names_tool(value)
        missing = [name for name in BODIES.get(tool, ()) if name not in fields]
        if missing and "arguments" not in fields and "function" not in fields:
            self._header, self._filled = fields, {}
            self._last_path = str(fields.get("path", ""))
            return
        yield _decoded(value)

    # lines and code blocks -----------------------------------------------

    def _end_line(self) -> list[Parsed]:
        line = "".join(self._line)
        self._line = []
        match = _FENCE.match(line.strip() if not self._fence else line.rstrip())
        if self._fence:
            if match and not match[2] and len(match[1]) >= len(self._fence):
                return self._close_fence()
            self._body.append(line)
            return []
        if match:
            self._fence, self._info, self._body = match[1], match[2].strip(), []
            return []
        if line.strip():
            self.prose.append(line)
        return []

    def _wants_body(self) -> bool:
        """Say whether the open code block is code, not a wrapper around JSON."""
        return self._header is not None or self._info.split(" ")[0] not in ("json", "tool_call")

    def _close_fence(self) -> list[Parsed]:
        code, info = "\n".join(self._body), self._info
        self._fence, self._info, self._body = "", "", []
        if self._header is not None:
            return self._take_body(code)
        if not code.strip() or info.split(" ")[0] in ("json", "tool_call", "text", "diff", "bash"):
            return []
        path = self._path_for(info)
        return [Parsed(action=Define(path=path, code=code + "\n"))] if path else []

    def _path_for(self, info: str) -> str:
        for text in (info, *self.prose[-1:]):
            if found := _PATH.findall(text):
                return str(found[-1])
        return self._last_path or self._default_path

    def _take_body(self, code: str) -> list[Parsed]:
        header = cast("dict[str, object]", self._header)
        missing = [
            name
            for name in BODIES[names_tool(header)]
            if name not in header and name not in self._filled
        ]
        self._filled[missing[0]] = code + ("\n" if missing[0] in ("content", "code") else "")
        return list(self._flush_header()) if len(missing) == 1 else []

    def _flush_header(self) -> Iterator[Parsed]:
        if self._header is None:
            return
        value = {**self._header, **self._filled}
        self._header, self._filled = None, {}
        yield _decoded(value)


class NativeParser:
    """Reads tool-call deltas; text goes to a `TextParser`, for models that answer in text."""

    def __init__(self, default_path: str = "") -> None:
        self.text = TextParser(default_path)
        self._calls: dict[int, _Call] = {}

    def feed(self, delta: TextDelta | ToolDelta) -> list[Parsed]:
        """Take a delta; return what closed in it."""
        if isinstance(delta, TextDelta):
            return self.text.feed(delta.text) if delta.channel == "text" else []
        call = self._calls.setdefault(delta.index, _Call())
        return call.feed(delta)

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer. With `cut`, calls whose arguments are still open are faults."""
        closed = [one for call in self._calls.values() for one in call.finish(cut=cut)]
        return closed + self.text.finish(cut=cut)

    @property
    def native_calls(self) -> int:
        """Return how many native tool calls the answer held."""
        return len(self._calls)


class _Call:
    """One native tool call while its arguments stream in."""

    def __init__(self) -> None:
        self.name = ""
        self.id = ""
        self._scanner = JsonScanner()
        self._closed = False

    def feed(self, delta: ToolDelta) -> list[Parsed]:
        self.name += delta.name
        self.id = self.id or delta.id
        closed: list[Parsed] = []
        for char in delta.arguments:
            text = None if self._closed else self._scanner.feed(char)
            if text is not None and self._scanner.depth == 0:
                closed.append(self._close(text))
        return closed

    def finish(self, *, cut: bool) -> list[Parsed]:
        if self._closed:
            return []
        if cut or self._scanner.text.strip():
            return [Parsed(fault=f"the arguments of {self.name} did not close", id=self.id)]
        return [self._close("{}")]

    def _close(self, text: str) -> Parsed:
        self._closed = True
        return _decoded({"name": self.name, "arguments": text}, self.id)


def _decoded(value: object, call_id: str = "") -> Parsed:
    try:
        return Parsed(action=decode_action(value), id=call_id)
    except ToolError as error:
        return Parsed(fault=str(error), id=call_id)
