"""Turn what a model wrote as an action into an `Action`, whatever dialect of JSON it spoke."""

from __future__ import annotations

from typing import cast

import msgspec

from hotloop.actions.types import AnyAction
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
    "query": "pattern",
    "regex": "pattern",
    "old_str": "old",
    "old_string": "old",
    "new_str": "new",
    "new_string": "new",
    "text": "content",
    "cmd": "command",
    "summary": "message",
}


def names_tool(value: object) -> str:
    """Return the tool that a decoded JSON value asks for, "" when it is no action."""
    if not isinstance(value, dict):
        return ""
    fields = cast("dict[str, object]", value)
    function = fields.get("function")
    if isinstance(function, dict):
        return names_tool(cast("object", function))
    name = fields.get("tool") or fields.get("name") or fields.get("action")
    return name if isinstance(name, str) else ""


def decode_action(value: object) -> AnyAction:
    """Return the action of a decoded JSON object.

    Accepts `{"tool": …, …}` and the `name`/`arguments` forms of function calls, common other
    names for tools and fields, and numbers written as strings. Raises ToolError that says what
    is wrong and what would be right, in words for the model.
    """
    tool = names_tool(value)
    known = _TOOL_ALIASES.get(tool, tool)
    if known not in TOOL_NAMES:
        raise ToolError(f"unknown tool {tool!r}", f"use one of: {', '.join(TOOL_NAMES)}")
    fields = {_FIELD_ALIASES.get(key, key): item for key, item in _arguments(value).items()}
    fields = {key: item for key, item in fields.items() if item is not None}
    fields["tool"] = known
    try:
        return msgspec.convert(fields, AnyAction, strict=False)
    except msgspec.ValidationError as error:
        raise ToolError(f"wrong arguments for {known}: {error}", f"send {usage(known)}") from error


def decode_text(text: str) -> object:
    """Return the value of JSON text, mended where small models slip (raw newlines in strings).

    Raises ToolError when it is not JSON.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        import json

        try:
            return json.loads(text, strict=False)
        except ValueError as error:
            raise ToolError(f"not valid JSON: {error}", "send one JSON object per action") from None


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


def _arguments(value: object) -> dict[str, object]:
    fields = cast("dict[str, object]", value)
    function = fields.get("function")
    if isinstance(function, dict):
        return _arguments(cast("object", function))
    for key in ("arguments", "args", "parameters", "input"):
        inner = fields.get(key)
        if isinstance(inner, str):
            inner = decode_text(inner or "{}")
        if isinstance(inner, dict):
            return cast("dict[str, object]", cast("object", inner))
    named_by = "tool" if "tool" in fields else "name" if "name" in fields else "action"
    return {key: item for key, item in fields.items() if key != named_by}
