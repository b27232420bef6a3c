"""What the simulated model says without a script: something of the right shape and length."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotloop.sim.cache import BYTES_PER_TOKEN
from hotloop.sim.script import Reply, ToolCall
from hotloop.sim.wire import ChatRequest, Json

DEEPEST = 8


class Schema(
    msgspec.Struct, rename={"ref": "$ref", "defs": "$defs", "any_of": "anyOf", "one_of": "oneOf"}
):
    """The part of JSON Schema that an example value is made from."""

    type: str | None = None
    const: object = msgspec.UNSET
    enum: list[object] = []
    ref: str = ""
    defs: dict[str, Schema] = {}
    definitions: dict[str, Schema] = {}
    any_of: list[Schema] = []
    one_of: list[Schema] = []
    properties: dict[str, Schema] = {}
    required: list[str] | None = None
    items: Schema | Literal[True] | None = None
    minItems: int = 0
    minLength: int = 1
    minimum: float = 0


def filler(request: ChatRequest, tokens: int, ignores_schema: bool = False) -> Reply:
    """Return an echo of the last message, `tokens` long.

    Where the request demands it, a value that satisfies its schema, or a call of its first tool;
    a schema may be ignored.
    Raises msgspec.ValidationError for a schema that it cannot read.
    """
    if request.tools and request.tool_choice not in (None, "auto", "none"):
        function = msgspec.convert(request.tools[0].get("function"), dict[str, object])
        arguments = msgspec.json.encode(example(function.get("parameters", {"type": "object"})))
        call = ToolCall(name=str(function.get("name")), arguments=arguments.decode())
        return Reply(tool_calls=(call,))
    schema = request.schema()
    if schema is not None and not ignores_schema:
        return Reply(text=msgspec.json.encode(example(schema)).decode())
    echo = f"You said: {request.messages[-1].text().strip() or 'nothing'}. "
    length = tokens * BYTES_PER_TOKEN
    return Reply(text=(echo * (length // len(echo) + 1))[:length], tokens=tokens)


def example(schema: object) -> object:
    """Return a small value that satisfies a JSON schema's types, enums and required fields.

    Raises msgspec.ValidationError for what is no schema.
    """
    root = msgspec.convert(schema, Schema)
    return _example(root, root, 0)


def _example(schema: Schema, root: Schema, depth: int) -> object:
    if depth > DEEPEST:
        return None
    if schema.const is not msgspec.UNSET:
        return schema.const
    if schema.enum:
        return schema.enum[0]
    if schema.ref:
        known = {**root.definitions, **root.defs}
        return _example(known.get(schema.ref.rpartition("/")[2], Schema()), root, depth + 1)
    if options := schema.any_of or schema.one_of:
        return _example(options[0], root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Schema, root: Schema, depth: int) -> object:
    match schema.type:
        case "object":
            names = list(schema.properties) if schema.required is None else schema.required
            fields: Json = {
                name: _example(schema.properties.get(name, Schema()), root, depth + 1)
                for name in names
            }
            return fields
        case "array":
            items = schema.items if isinstance(schema.items, Schema) else Schema()
            return [_example(items, root, depth + 1)] * schema.minItems
        case "integer":
            return int(schema.minimum)
        case "number":
            return schema.minimum
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return "x" * schema.minLength
