"""The JSON Schema of a probe's result: `python -m hotloop.probe.json_schema`."""

from __future__ import annotations

import sys

import msgspec

from hotloop.probe.result import SCHEMA_VERSION, Result


def schema_json() -> bytes:
    """Return the JSON Schema of a result as indented JSON."""
    schema = msgspec.json.schema(Result)
    title = f"hotloop probe result, version {SCHEMA_VERSION}"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return msgspec.json.format(msgspec.json.encode(head | schema), indent=1) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema_json())
