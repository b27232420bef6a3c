"""The one answer that is asked for in three ways, and how valid what comes back is."""

from __future__ import annotations

from typing import Literal

import msgspec

Json = dict[str, object]
Form = Literal["valid", "fenced_json", "bare_json", "wrong_arguments", "prose"]
TOOL = "read_files"


class FileNote(msgspec.Struct, frozen=True):
    """One entry of the answer."""

    path: str
    why: str


class FileNotes(msgspec.Struct, frozen=True):
    """The whole answer."""

    files: list[FileNote]


def notes_schema(count: int, strict_sizes: bool, salt: str = "") -> Json:
    """Return the answer's JSON schema. A `salt` makes it one that the server has not compiled.

    `strict_sizes` asks for `count` entries with real reasons that come to an end: under a schema a
    small model may never close a string. Some servers refuse such limits.
    """
    path: Json = {"type": "string"}
    why: Json = {"type": "string"}
    files: Json = {"type": "array"}
    if strict_sizes:
        path["maxLength"] = 48
        why |= {"minLength": 24, "maxLength": 96}
        files |= {"minItems": count, "maxItems": count}
    entry: Json = {"path": path, "why": why}
    if salt:
        entry[f"s{salt}"] = {"type": "string"}
    files["items"] = _object(entry)
    return _object({"files": files})


def response_format(schema: Json, name: str = "notes") -> Json:
    """Return the request field that holds an answer to a schema."""
    wrapped: Json = {"name": name, "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": wrapped}}


def tool(name: str, about: str, parameters: Json) -> Json:
    """Return one tool as a request declares it."""
    function: Json = {"name": name, "description": about, "parameters": parameters}
    return {"type": "function", "function": function}


def read_file_tool() -> Json:
    """Return a tool that reads one file."""
    return tool("read_file", "Read one file.", _object({"path": {"type": "string"}}))


def classify_text(text: str) -> Form:
    """Say what an answer under a schema is."""
    if _valid(text):
        return "valid"
    if "```" in text and _valid(_inside_fence(text)):
        return "fenced_json"
    return "wrong_arguments" if text.lstrip()[:1] in ("{", "[") else "prose"


def classify_call(name: str, arguments: str, text: str, calls: int) -> Form:
    """Say what an answer that should call the tool is."""
    if calls:
        return "valid" if name == TOOL and _valid(arguments) else "wrong_arguments"
    if "```" in text:
        return "fenced_json"
    return "bare_json" if text.lstrip()[:1] in ("{", "[") else "prose"


def keeps_shape(text: str, cut: bool) -> bool:
    """Whether a text has the answer's shape, or would have had if its length had sufficed."""
    if cut:
        return text.lstrip().startswith('{"') or text.lstrip().startswith("{\n")
    try:
        msgspec.json.decode(text.strip(), type=FileNotes)
    except msgspec.DecodeError:
        return False
    return True


def is_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    try:
        msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        return False
    return True


def _valid(text: str) -> bool:
    try:
        return bool(msgspec.json.decode(text.strip(), type=FileNotes).files)
    except msgspec.DecodeError:
        return False


def _inside_fence(text: str) -> str:
    inner = text.split("```")[1]
    return inner.partition("\n")[2] if not inner.lstrip().startswith("{") else inner


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
