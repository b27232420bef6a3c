"""Incremental parser of what models write as text: it yields each action the moment it closes.

It reads one JSON header per action with code as raw blocks behind it, and everything that models
write instead: fenced JSON, lists of calls, `tool_call` tags, bare code blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hotloop.actions.decode import Request, decode_request, decode_text, requested
from hotloop.actions.fence import Fence, open_fence
from hotloop.actions.scan import JsonScanner
from hotloop.actions.types import AnyAction, Define
from hotloop.errors import ToolError
from hotloop.workspace.syntax import language_of

_PATH = re.compile(r"[\w./-]*\w\.[A-Za-z]\w{0,4}(?=[`'\"):,*\s]|$)")
_BEFORE_JSON = re.compile(
    r"(?:\s|[-*,;]|`(?:json)?|\d+[.)]|</?tool_call>|<\|\w+\|>|\[TOOL_CALLS\]|action:)*", re.I
)
_JSON_INSIDE = re.compile(r"\{\s*\"(?:tool|name|actions)\"\s*:")
_LIKE_ACTION = re.compile(r"\b(?:tool|name|actions?|function)[\"']?\s*:")
_WRAPPERS = ("json", "jsonc", "tool_call", "tool_code", "action")
_SHOWN_ONLY = ("bash", "console", "diff", "output", "sh", "shell", "text", "txt")
_COMMENTS = ("#", "//")
_NAMING_CHARS = 300


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """One closed action, or `fault`: what was wrong with one. `id` is the endpoint's own."""

    action: AnyAction | None = None
    fault: str = ""
    id: str = ""


class TextParser:
    """Reads text character by character. `finish` closes what the end of the answer closes.

    `default_path` is the file that a code block without a name belongs to. What stands between
    `<think>` and `</think>` is no action.
    """

    def __init__(self, default_path: str = "") -> None:
        self._last_path = default_path
        self._line: list[str] = []
        self._json: JsonScanner | None = None
        self._told = False
        self._is_rest = False
        self._is_thinking = False
        self._fence: Fence | None = None
        self._is_wrapper = False
        self._header: Request | None = None
        self._prose = ""

    def feed(self, text: str) -> list[Parsed]:
        """Take a piece of text; return what closed in it."""
        closed: list[Parsed] = []
        for char in text:
            if self._json is not None:
                closed += self._feed_json(self._json, char)
            elif char == "\n":
                closed += self._end_line()
            else:
                self._line.append(char)
                if char in "{[":
                    self._maybe_json(char)
                elif char == ">" and self._fence is None:
                    self._maybe_think()
        return closed

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer. With `cut` (finish reason `length`) open actions are faults."""
        closed: list[Parsed] = []
        if self._json is not None:
            closed += self._open_json(self._json.text)
        if self._line:
            closed += self._end_line()
        if cut and (self._header is not None or (self._fence and not self._is_wrapper)):
            closed.append(
                Parsed(fault="the answer was cut off at its length limit inside an action")
            )
            self._header = None
        elif self._fence is not None:
            closed += self._close_fence(self._fence)
        return [*closed, *self._flush_header()]

    # JSON ----------------------------------------------------------------

    def _maybe_json(self, char: str) -> None:
        if self._is_thinking or (self._fence is not None and not self._may_wrap(self._fence)):
            return
        if _BEFORE_JSON.fullmatch("".join(self._line[:-1])):
            self._begin_json(char)

    def _may_wrap(self, fence: Fence) -> bool:
        """Say whether an open block may hold an action instead of code."""
        if self._is_wrapper:
            return True
        return self._header is None and not fence.info and fence.is_empty

    def _begin_json(self, char: str) -> None:
        self._json, self._told, self._line = JsonScanner(), False, []
        self._json.feed(char)

    def _feed_json(self, scanner: JsonScanner, char: str) -> list[Parsed]:
        text = scanner.feed(char)
        is_root = scanner.depth == 0
        closed: list[Parsed] = []
        if text is not None and not (is_root and self._told):
            closed = list(self._take_object(text))
        if is_root:
            self._json, self._is_rest = None, self._told
            if self._told:
                self._is_wrapper = self._is_wrapper or self._fence is not None
            else:
                closed += self._give_back(scanner.text)
        return closed

    def _take_object(self, text: str) -> Iterator[Parsed]:
        try:
            request = requested(decode_text(text))
        except ToolError as error:
            if _LIKE_ACTION.search(text):
                self._told = True
                yield Parsed(fault=str(error))
            return
        if request is None:
            return
        self._told = True
        yield from self._flush_header()
        if request.missing:
            self._header = request
            self._last_path = str(request.fields.get("path", ""))
        else:
            yield decoded(request)

    def _give_back(self, text: str) -> list[Parsed]:
        """Treat what looked like JSON of an action as the text that it is."""
        *lines, last = text.split("\n")
        closed: list[Parsed] = []
        for line in lines:
            self._line = list(line)
            closed += self._end_line(look_inside=False)
        self._line = list(last)
        return closed

    def _open_json(self, text: str) -> list[Parsed]:
        self._json = None
        if self._told or not _LIKE_ACTION.search(text):
            return [] if self._told else self._give_back(text)
        return [Parsed(fault="the JSON of an action did not close: send it again, complete")]

    # lines and code blocks -----------------------------------------------

    def _maybe_think(self) -> None:
        line = "".join(self._line)
        if line.endswith("</think>"):
            self._is_thinking, self._line = False, []
        elif line.strip() == "<think>":
            self._is_thinking = True

    def _end_line(self, *, look_inside: bool = True) -> list[Parsed]:
        line, is_rest = "".join(self._line), self._is_rest
        self._line, self._is_rest = [], False
        if self._is_thinking:
            return []
        if self._fence is not None:
            is_closed = self._fence.take(line.strip() if is_rest else line)
            return self._close_fence(self._fence) if is_closed else []
        if is_rest and self._header is None:
            return []
        if fence := open_fence(line.strip() if is_rest else line):
            self._fence = fence
            self._is_wrapper = self._header is None and fence.language in _WRAPPERS
            return []
        if line.strip():
            self._prose = line
        return self._look_inside(line) if look_inside else []

    def _look_inside(self, line: str) -> list[Parsed]:
        """Read an action that stands behind words on their line."""
        match = _JSON_INSIDE.search(line)
        if match is None:
            return []
        self._begin_json("{")
        closed: list[Parsed] = []
        for char in line[match.start() + 1 :]:
            if self._json is not None:
                closed += self._feed_json(self._json, char)
        self._json, self._line, self._is_rest = None, [], False
        return closed

    def _close_fence(self, fence: Fence) -> list[Parsed]:
        is_wrapper = self._is_wrapper
        self._fence, self._is_wrapper = None, False
        if self._header is not None and not (is_wrapper and fence.is_empty):
            return self._take_body(self._header, fence.text)
        if is_wrapper or fence.is_empty or fence.language in _SHOWN_ONLY:
            return []
        path = self._path_for(fence)
        return [Parsed(action=Define(path=path, code=fence.text + "\n"))] if path else []

    def _path_for(self, fence: Fence) -> str:
        first = next(line for line in fence.lines if line.strip())
        comment = first if first.lstrip().startswith(_COMMENTS) else ""
        found = [path for text in (fence.info, self._prose, comment) for path in _paths(text)]
        return found[0] if found else self._last_path

    def _take_body(self, header: Request, code: str) -> list[Parsed]:
        name = header.missing[0]
        text = code if name in ("old", "new") else code + "\n"
        self._header = Request(header.tool, {**header.fields, name: text})
        return [] if self._header.missing else list(self._flush_header())

    def _flush_header(self) -> Iterator[Parsed]:
        header, self._header = self._header, None
        if header is not None:
            yield decoded(header)


def decoded(request: Request, call_id: str = "") -> Parsed:
    """Return a request as an action, or what is wrong with it."""
    try:
        return Parsed(action=decode_request(request), id=call_id)
    except ToolError as error:
        return Parsed(fault=str(error), id=call_id)


def _paths(text: str) -> list[str]:
    """Return the paths in a text, that of a source file first, else the last one first."""
    found: list[str] = _PATH.findall(text[-_NAMING_CHARS:])[::-1]
    return sorted(found, key=lambda path: not language_of(path))
