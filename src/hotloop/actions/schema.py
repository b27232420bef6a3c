"""What the tools look like to a model: native function schemas, and one schema for a list."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}
_INTEGER: dict[str, Any] = {"type": "integer"}

_TOOLS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "define": (
        "Put whole functions or classes into a file: same name replaces, new is added.",
        {"path": _STRING, "code": _STRING},
        ("path", "code"),
    ),
    "done": ("The goal is met.", {"message": _STRING}, ("message",)),
    "edit": (
        "Replace text that is in the file exactly once.",
        {"path": _STRING, "old": _STRING, "new": _STRING},
        ("path", "old", "new"),
    ),
    "list": ("List a folder.", {"path": _STRING}, ()),
    "read": (
        "Read a file or a range of its lines.",
        {"path": _STRING, "start": _INTEGER, "end": _INTEGER},
        ("path",),
    ),
    "run": ("Run a shell command.", {"command": _STRING}, ("command",)),
    "search": (
        "Search file contents by regular expression.",
        {"pattern": _STRING, "path": _STRING},
        ("pattern",),
    ),
    "test": (
        "Run the tests; they also run by themselves after an edit.",
        {"target": _STRING},
        (),
    ),
    "write": (
        "Create a file or replace all of it.",
        {"path": _STRING, "content": _STRING},
        ("path", "content"),
    ),
}


_EDITS = ("define", "edit")


def _tools(edits: bool) -> list[tuple[str, str, dict[str, Any], tuple[str, ...]]]:
    """Return the tools by name, so that their bytes never move; without `edits` not those."""
    offered = sorted(name for name in _TOOLS if edits or name not in _EDITS)
    return [(name, *_TOOLS[name]) for name in offered]


def native_tools(*, edits: bool = True) -> list[dict[str, Any]]:
    """Return the `tools` array of a chat request.

    Without `edits`, files can only be written as a whole.
    """
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": description,
                "parameters": {
                    "type": "object",
                    "properties": fields,
                    "required": list(required),
                },
            },
        }
        for name, description, fields, required in _tools(edits)
    ]


def actions_schema(*, edits: bool = True) -> dict[str, Any]:
    """Return the JSON schema of `{"actions": […]}`, a list of actions for one call."""
    variants = [
        {
            "type": "object",
            "properties": {"tool": {"const": name}, **fields},
            "required": ["tool", *required],
            "additionalProperties": False,
        }
        for name, _, fields, required in _tools(edits)
    ]
    return {
        "type": "object",
        "properties": {"actions": {"type": "array", "minItems": 1, "items": {"anyOf": variants}}},
        "required": ["actions"],
        "additionalProperties": False,
    }
