"""How actions are written for an endpoint: native tool calls, schema-constrained, or text.

The fixed part of a request (system text, tools) is the same for a dialect in every session, so
that it stays in prefix caches. `terse` is text held by a grammar where the engine has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hotloop.actions.grammar import terse_grammar
from hotloop.actions.parse import NativeParser, Parsed
from hotloop.actions.schema import actions_schema, native_tools
from hotloop.actions.types import Observation
from hotloop.backend.types import TextDelta, ToolDelta

Message = dict[str, Any]


class AnswerParser(Protocol):
    """Yields actions from an answer's deltas as they close."""

    def feed(self, delta: TextDelta | ToolDelta) -> list[Parsed]:
        """Take a delta; return what closed in it."""
        ...

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer; `cut` when its length limit ended it."""
        ...


class Answer(msgspec.Struct):
    """A model's whole answer as it goes back into the transcript."""

    text: str = ""
    calls: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])

    def feed(self, delta: TextDelta | ToolDelta) -> None:
        """Take a delta."""
        if isinstance(delta, TextDelta):
            self.text += delta.text if delta.channel == "text" else ""
            return
        while len(self.calls) <= delta.index:
            self.calls.append({"id": "", "name": "", "arguments": ""})
        call = self.calls[delta.index]
        call["id"] = call["id"] or delta.id
        call["name"] += delta.name
        call["arguments"] += delta.arguments


class Dialect(Protocol):
    """One way of writing actions."""

    name: str

    def system(self) -> str:
        """Return the fixed system text."""
        ...

    def head(self) -> Message:
        """Return the fixed fields of a request that stand before the messages."""
        ...

    def params(self) -> Message:
        """Return the fields that stand after the messages."""
        ...

    def parser(self) -> AnswerParser:
        """Return a parser for one answer."""
        ...

    def answered(self, answer: Answer) -> Message:
        """Return an answer as a message."""
        ...

    def observed(self, results: Sequence[tuple[Parsed, Observation]]) -> list[Message]:
        """Return what came back from an answer's actions as messages."""
        ...


@cache
def prompt(name: str) -> str:
    """Return a prompt file of the package, without its final newline."""
    return (Path(__file__).parent / "prompts" / f"{name}.txt").read_text("utf-8").rstrip("\n")


class NativeDialect:
    """Tool calls as the endpoint's own API has them."""

    name = "native"

    def system(self) -> str:
        """Return the fixed system text."""
        return prompt("system")

    def head(self) -> Message:
        """Return the tools."""
        return {"tools": native_tools()}

    def params(self) -> Message:
        """Return nothing: the endpoint decides when a call is due."""
        return {}

    def parser(self) -> AnswerParser:
        """Return a parser of tool-call deltas that falls back on text."""
        return NativeParser()

    def answered(self, answer: Answer) -> Message:
        """Return an answer with its tool calls."""
        message: Message = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = [
                {
                    "id": call["id"] or f"call_{index}",
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"] or "{}"},
                }
                for index, call in enumerate(answer.calls)
            ]
        return message

    def observed(self, results: Sequence[tuple[Parsed, Observation]]) -> list[Message]:
        """Return one `tool` message per native call; text answers get a user message."""
        messages = [
            {"role": "tool", "tool_call_id": parsed.id, "content": observation.text}
            for parsed, observation in results
            if parsed.id
        ]
        rest = [pair for pair in results if not pair[0].id]
        return messages + (_as_user(rest) if rest else [])


class TextDialect:
    """Actions as text. `constraint` is `schema` (response_format), `grammar` or nothing."""

    def __init__(self, name: str, constraint: str = "") -> None:
        self.name = name
        self._constraint = constraint

    def system(self) -> str:
        """Return the fixed system text with the tools in it."""
        tools = "schema_tools" if self._constraint == "schema" else "text_tools"
        return f"{prompt('system')}\n{prompt(tools)}"

    def head(self) -> Message:
        """Return nothing: the tools are in the system text."""
        return {}

    def params(self) -> Message:
        """Return the constraint."""
        match self._constraint:
            case "schema":
                schema = {"name": "actions", "strict": True, "schema": actions_schema()}
                return {"response_format": {"type": "json_schema", "json_schema": schema}}
            case "grammar":
                return {"grammar": terse_grammar()}
            case _:
                return {}

    def parser(self) -> AnswerParser:
        """Return a parser of text (and of tool calls, should the endpoint make some)."""
        return NativeParser()

    def answered(self, answer: Answer) -> Message:
        """Return an answer as text."""
        return {"role": "assistant", "content": answer.text}

    def observed(self, results: Sequence[tuple[Parsed, Observation]]) -> list[Message]:
        """Return all that came back as one user message."""
        return _as_user(results)


def _as_user(results: Sequence[tuple[Parsed, Observation]]) -> list[Message]:
    text = "\n\n".join(f"[{one.tool}] {one.text}" for _, one in results)
    return [{"role": "user", "content": text}]


def dialect(name: str) -> Dialect:
    """Return a dialect by name: `native`, `schema`, `terse` or `fenced`."""
    match name:
        case "native":
            return NativeDialect()
        case "schema":
            return TextDialect("schema", "schema")
        case "terse":
            return TextDialect("terse", "grammar")
        case _:
            return TextDialect("fenced")
