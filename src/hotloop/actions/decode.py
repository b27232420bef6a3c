"""Turn what a model wrote as an action into an `Action`, whatever dialect of JSON it spoke."""

from __future__ import annotations

import re
from typing import cast

import msgspec

from hotloop.actions.types import AnyAction, Search
from hotloop.errors import ToolError

TOOL_NAMES = ("read", "list", "search", "edit", "write", "define", "run", "test", "done")
BODIES: dict[str, tuple[str, ...]] = {
    "edit": ("old", "new"),
    "write": ("content",),
    "define": ("code",),
}
"""The fields of an action that may follow its header as raw code blocks, in order."""

_TOOL_ALIASES = {
    "read_file": "read",
    "open": "read",
    "view": "read",
    "cat": "read",
    "list_dir": "list",
    "list_files": "list",
    "ls": "list",
    "grep": "search",
    "find": "search",
    "search_files": "search",
    "str_replace": "edit",
    "edit_file": "edit",
    "replace": "edit",
    "write_file": "write",
    "create": "write",
    "create_file": "write",
    "bash": "run",
    "shell": "run",
    "run_command": "run",
    "execute": "run",
    "run_tests": "test",
    "finish": "done",
    "submit": "done",
}
_FIELD_ALIASES = {
    "file": "path",
    "filename": "path",
    "file_path": "path",
    "filepath": "path",
    "start_line": "start",
    "end_line": "end",
    "old_str": "old",
    "old_string": "old",
    "new_str": "new",
    "new_string": "new",
    "cmd": "command",
}
_OWN_ALIASES: dict[str, dict[str, str]] = {
    "list": {"dir": "path", "directory": "path", "folder": "path"},
    "search": {"query": "pattern", "regex": "pattern", "text": "pattern"},
    "write": {"text": "content", "code": "content"},
    "define": {"text": "code", "content": "code"},
    "test": {"path": "target", "name": "target"},
    "done": {"summary": "message", "text": "message"},
}
_ARGUMENTS = ("arguments", "args", "parameters", "input")
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)


class Request(msgspec.Struct, frozen=True):
    """A tool call as a model wrote it, with tool and fields under hotloop's own names."""

    tool: str
    fields: dict[str, object]

    @property
    def missing(self) -> list[str]:
        """Return the fields that have to follow as code blocks."""
        return [name for name in BODIES.get(self.tool, ()) if name not in self.fields]


def requested(value: object) -> Request | None:
    """Return what a decoded JSON value asks for, None when it is no action.

    Accepts `{"tool": …, …}`, the `name`/`arguments` forms of function calls and common other
    names for tools and fields. Raises ToolError when arguments written as text are not JSON.
    """
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, object]", value)
    for key in ("tool", "name", "action", "function"):
        named = fields.get(key)
        if isinstance(named, dict):
            return requested(cast("object", named))
        if isinstance(named, str) and _is_call(key, named, fields):
            tool = _TOOL_ALIASES.get(named, named)
            return Request(tool, _renamed(tool, _arguments(fields, key)))
    return None


def decode_request(request: Request) -> AnyAction:
    """Return the action of a request; numbers may be written as strings.

    Raises ToolError that says what is wrong and what would be right, in words for the model.
    """
    if request.tool not in TOOL_NAMES:
        raise ToolError(f"unknown tool {request.tool!r}", f"use one of: {', '.join(TOOL_NAMES)}")
    try:
        action = msgspec.convert({**request.fields, "tool": request.tool}, AnyAction, strict=False)
    except msgspec.ValidationError as error:
        cause = f"wrong arguments for {request.tool}: {error}"
        raise ToolError(cause, f"send {usage(request.tool)}") from error
    if isinstance(action, Search):  # JSON reads the \b of a regular expression as a backspace
        return Search(pattern=action.pattern.replace("\b", r"\b"), path=action.path)
    return action


def decode_text(text: str) -> object:
    r"""Return the value of JSON text, mended where models slip.

    Mended are raw newlines in strings, escapes that JSON does not have (`\d` of a regular
    expression) and trailing commas. Raises ToolError when it is no JSON even so.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _decode_mended(text)


def _decode_mended(text: str) -> object:
    import json

    escaped = _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text)
    cause: Exception | None = None
    for attempt in (text, escaped, _TRAILING_COMMA.sub(lambda found: found[1] or "", escaped)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError) as error:
            cause = cause or error
    raise ToolError(f"not valid JSON: {cause}", "send one JSON object per action")


def usage(tool: str) -> str:
    """Return an example of a tool's JSON form."""
    examples = {
        "read": '{"tool":"read","path":"src/a.py","start":1,"end":40}',
        "list": '{"tool":"list","path":"."}',
        "search": '{"tool":"search","pattern":"def parse"}',
        "edit": '{"tool":"edit","path":"a.py","old":"text in the file","new":"its replacement"}',
        "write": '{"tool":"write","path":"a.py","content":"whole file"}',
        "define": '{"tool":"define","path":"a.py","code":"def f(): ..."}',
        "run": '{"tool":"run","command":"ls"}',
        "test": '{"tool":"test"}',
        "done": '{"tool":"done","message":"what was done"}',
    }
    return examples[tool]


def _is_call(key: str, named: str, fields: dict[str, object]) -> bool:
    """Tell a call from other JSON that has a name, such as a package's description."""
    known = named in TOOL_NAMES or named in _TOOL_ALIASES
    return key == "tool" or known or any(name in fields for name in _ARGUMENTS)


def _arguments(fields: dict[str, object], named_by: str) -> dict[str, object]:
    for key in _ARGUMENTS:
        inner = fields.get(key)
        if isinstance(inner, str) and inner.lstrip()[:1] in ("", "{"):
            inner = decode_text(inner if inner.strip() else "{}")
        if isinstance(inner, dict):
            return cast("dict[str, object]", cast("object", inner))
    return {key: item for key, item in fields.items() if key != named_by}


def _renamed(tool: str, fields: dict[str, object]) -> dict[str, object]:
    aliases = {**_FIELD_ALIASES, **_OWN_ALIASES.get(tool, {})}
    given = {key: item for key, item in fields.items() if item is not None}
    renamed = {aliases.get(key, key): item for key, item in given.items()}
    return renamed | {key: item for key, item in given.items() if key not in aliases}
