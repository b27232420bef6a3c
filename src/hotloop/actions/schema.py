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


def native_tools() -> list[dict[str, Any]]:
    """Return the `tools` array of a chat request, sorted by name so that its bytes never move."""
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
        for name, (description, fields, required) in sorted(_TOOLS.items())
    ]


def actions_schema() -> dict[str, Any]:
    """Return the JSON schema of `{"actions": […]}`, a list of actions for one call."""
    variants = [
        {
            "type": "object",
            "properties": {"tool": {"const": name}, **fields},
            "required": ["tool", *required],
            "additionalProperties": False,
        }
        for name, (_, fields, required) in sorted(_TOOLS.items())
    ]
    return {
        "type": "object",
        "properties": {"actions": {"type": "array", "minItems": 1, "items": {"anyOf": variants}}},
        "required": ["actions"],
        "additionalProperties": False,
    }
