"""How actions are written for an endpoint: native tool calls, schema-constrained, or text.

The fixed part of a request (system text, tools) is the same for a dialect in every session, so
that it stays in prefix caches. `terse` is text held by a grammar where the engine has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hotloop.actions.grammar import terse_grammar
from hotloop.actions.native import CallSlots, CallText, NativeParser
from hotloop.actions.parse import Parsed
from hotloop.actions.schema import actions_schema, native_tools
from hotloop.actions.types import Observation
from hotloop.backend.types import TextDelta, ToolDelta

Message = dict[str, Any]
Results = Sequence[tuple[Parsed, Observation]]
Has = Callable[[str], bool]
"""Says whether a lever is on."""
_NOTHING = "(nothing)"
_MARKED = re.compile(r"\[(-?)(\w+)\] ")


class Held(msgspec.Struct, frozen=True):
    """What edits are held to: the texts of files by path, and which others there are, if known."""

    files: Mapping[str, str]
    others: tuple[str, ...] = ()


class AnswerParser(Protocol):
    """Yields actions from an answer's deltas as they close."""

    def feed(self, delta: TextDelta | ToolDelta) -> list[Parsed]:
        """Take a delta; return what closed in it."""
        ...

    def finish(self, *, cut: bool = False) -> list[Parsed]:
        """End the answer; `cut` when its length limit ended it."""
        ...


class Answer:
    """A model's whole answer as it goes back into the transcript."""

    def __init__(self) -> None:
        self.text = ""
        self._slots = CallSlots()
        self._calls: list[CallText] = []

    def feed(self, delta: TextDelta | ToolDelta) -> None:
        """Take a delta."""
        if isinstance(delta, TextDelta):
            self.text += delta.text if delta.channel == "text" else ""
            return
        slot = self._slots.slot(delta)
        if slot == len(self._calls):
            self._calls.append(CallText())
        self._calls[slot].take(delta)

    @property
    def calls(self) -> list[Message]:
        """Return its tool calls as they stand in a message.

        Arguments that are no JSON object are left out: servers that render them by their chat
        template fail on such a message, and the model is told what was wrong anyway.
        """
        return [
            {
                "id": self._slots.id(slot),
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments)},
            }
            for slot, call in enumerate(self._calls)
        ]


class Dialect(Protocol):
    """One way of writing actions."""

    name: str

    def system(self) -> str:
        """Return the fixed system text."""
        ...

    def head(self) -> Message:
        """Return the fixed fields of a request that stand before the messages."""
        ...

    def params(self, held: Held | None = None) -> Message:
        """Return the fields that stand after the messages.

        With `held`, for an endpoint with llguidance, edits are held to text of their files.
        """
        ...

    def parser(self) -> AnswerParser:
        """Return a parser for one answer."""
        ...

    def answered(self, answer: Answer) -> Message:
        """Return an answer as a message."""
        ...

    def observed(self, results: Results, told: Sequence[str] = ()) -> list[Message]:
        """Return what came back from an answer's actions, and what else to tell, as messages."""
        ...


@cache
def _prompt_file(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.txt").read_text("utf-8").rstrip("\n")


def all_on(lever: str) -> bool:
    """Say that every lever is on."""
    return bool(lever)


def prompt(name: str, has: Has = all_on) -> str:
    """Return a prompt file of the package, without its final newline.

    A line that begins with `[LEVER]` is there with that lever only, with `[-LEVER]` only without.
    """
    lines = (_kept(line, has) for line in _prompt_file(name).split("\n"))
    return "\n".join(line for line in lines if line is not None)


def _kept(line: str, has: Has) -> str | None:
    marked = _MARKED.match(line)
    if marked is None:
        return line
    without, lever = marked.groups()
    return line[marked.end() :] if has(lever) != bool(without) else None


class NativeDialect:
    """Tool calls as the endpoint's own API has them."""

    name = "native"

    def __init__(self, has: Has = all_on) -> None:
        self._has = has

    def system(self) -> str:
        """Return the fixed system text."""
        return prompt("system", self._has)

    def head(self) -> Message:
        """Return the tools."""
        return {"tools": native_tools(edits=self._has("terse"))}

    def params(self, held: Held | None = None) -> Message:
        """Return nothing: the endpoint decides when a call is due."""
        return {}

    def parser(self) -> AnswerParser:
        """Return a parser of tool-call deltas that falls back on text."""
        return NativeParser()

    def answered(self, answer: Answer) -> Message:
        """Return an answer with its tool calls."""
        calls = answer.calls
        if not calls:
            return {"role": "assistant", "content": answer.text or _NOTHING}
        return {"role": "assistant", "content": answer.text or None, "tool_calls": calls}

    def observed(self, results: Results, told: Sequence[str] = ()) -> list[Message]:
        """Return one `tool` message per native call; what else there is to tell is in the last.

        Answers in text get a user message instead.
        """
        messages: list[Message] = [
            {"role": "tool", "tool_call_id": parsed.id, "content": observation.text}
            for parsed, observation in results
            if parsed.id
        ]
        rest = [pair for pair in results if not pair[0].id]
        if rest or not messages:
            return messages + _as_user(rest, told)
        messages[-1]["content"] = "\n\n".join([messages[-1]["content"], *told])
        return messages


class TextDialect:
    """Actions as text. `constraint` is `schema` (response_format), `grammar` or nothing."""

    def __init__(self, name: str, constraint: str = "", has: Has = all_on) -> None:
        self.name = name
        self._has = has
        self._constraint = constraint

    def system(self) -> str:
        """Return the fixed system text with the tools in it."""
        tools = "schema_tools" if self._constraint == "schema" else "text_tools"
        return f"{prompt('system', self._has)}\n{prompt(tools, self._has)}"

    def head(self) -> Message:
        """Return nothing: the tools are in the system text."""
        return {}

    def params(self, held: Held | None = None) -> Message:
        """Return the constraint, one that knows what edits are `held` to where they are offered."""
        if held is not None and self._has("terse") and self._constraint:
            from hotloop.actions.exact import exact_json_grammar, exact_text_grammar

            exact = exact_json_grammar if self._constraint == "schema" else exact_text_grammar
            return {"grammar": exact(held.files, held.others)}
        match self._constraint:
            case "schema":
                schema = {"name": "actions", "strict": True, "schema": self._schema()}
                return {"response_format": {"type": "json_schema", "json_schema": schema}}
            case "grammar":
                return {"grammar": terse_grammar()}
            case _:
                return {}

    def _schema(self) -> Message:
        return actions_schema(edits=self._has("terse"))

    def parser(self) -> AnswerParser:
        """Return a parser of text (and of tool calls, should the endpoint make some)."""
        return NativeParser()

    def answered(self, answer: Answer) -> Message:
        """Return an answer as text, tool calls that it made all the same included."""
        functions = [call["function"] for call in answer.calls]
        calls = [f'{{"name":"{one["name"]}","arguments":{one["arguments"]}}}' for one in functions]
        text = "\n".join(filter(None, [answer.text, *calls]))
        return {"role": "assistant", "content": text or _NOTHING}

    def observed(self, results: Results, told: Sequence[str] = ()) -> list[Message]:
        """Return all that came back as one user message."""
        return _as_user(results, told)


def _as_user(results: Results, told: Sequence[str]) -> list[Message]:
    texts = [f"[{one.tool}] {one.text}" for _, one in results]
    text = "\n\n".join([*texts, *told])
    return [{"role": "user", "content": text}] if text else []


def _object(arguments: str) -> str:
    try:
        msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return "{}"
    return arguments


def dialect(name: str, has: Has = all_on) -> Dialect:
    """Return a dialect by name: `native`, `schema`, `terse` or `fenced`.

    What it asks for depends on the levers `several` and `terse`: without `terse` a change is a
    whole file.
    """
    match name:
        case "native":
            return NativeDialect(has)
        case "schema":
            return TextDialect("schema", "schema", has)
        case "terse":
            return TextDialect("terse", "grammar", has)
        case _:
            return TextDialect("fenced", has=has)
