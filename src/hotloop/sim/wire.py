"""The chat-completions format: what a request holds, and the pieces of an answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

Json = dict[str, object]


class FunctionCall(msgspec.Struct):
    """Name and arguments (JSON text) of a tool call in a request."""

    name: str = ""
    arguments: str = ""


class CallMade(msgspec.Struct):
    """A tool call that an earlier answer made."""

    function: FunctionCall
    id: str = ""


class Message(msgspec.Struct):
    """One message of a conversation."""

    role: str
    content: str | list[Json] | None = None
    tool_calls: list[CallMade] | None = None

    def text(self) -> str:
        """Return the content as text, whether it came as a string or in parts."""
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content)
        return self.content or ""


class StreamOptions(msgspec.Struct):
    """Options of a streaming request."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """What the simulated backend looks at in a request; other fields are accepted unread."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    response_format: Json | None = None
    grammar: str | None = None

    @property
    def turn(self) -> int:
        """How many answers the conversation holds already."""
        return sum(message.role == "assistant" for message in self.messages)

    @property
    def limit(self) -> int | None:
        """The most output tokens asked for; none or a negative number leaves it open."""
        completion = self.max_completion_tokens
        asked = self.max_tokens if completion is None else completion
        return None if asked is None or asked < 0 else asked

    @property
    def constrained(self) -> bool:
        """Whether a schema or grammar governs the answer's text."""
        kind = (self.response_format or {}).get("type", "text")
        return kind != "text" or bool(self.grammar)

    def schema(self) -> Json | None:
        """Return the JSON schema that the answer must follow, None where there is none."""
        wanted = self.response_format or {}
        inner = wanted.get("json_schema", wanted)
        schema = msgspec.convert(inner, dict[str, object]).get("schema")
        return None if schema is None else msgspec.convert(schema, dict[str, object])


def render_message(role: str, text: str, calls: list[tuple[str, str]]) -> bytes:
    """Return a message as a chat template would put it into the prompt."""
    said = text + "".join(f"<call>{name} {arguments}</call>" for name, arguments in calls)
    return f"<{role}>\n{said}<end>\n".encode()


def render(request: ChatRequest) -> bytes:
    """Return the prompt's bytes: tools, then messages, so that it grows as the chat does."""
    tools = msgspec.json.encode(request.tools) if request.tools else b""
    messages = (
        render_message(
            message.role,
            message.text(),
            [(call.function.name, call.function.arguments) for call in message.tool_calls or ()],
        )
        for message in request.messages
    )
    return tools + b"".join(messages)


class Envelope(msgspec.Struct, frozen=True):
    """What all chunks of one answer have in common."""

    id: str
    model: str
    created: int

    def _wrap(self, kind: str, choices: list[Json], more: Json) -> bytes:
        head: Json = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return msgspec.json.encode({**head, "choices": choices, **more})

    def chunk(self, choice: int, delta: Json, finish: str | None = None) -> bytes:
        """Return one server-sent event with a delta of a choice."""
        body: Json = {"index": choice, "delta": delta, "finish_reason": finish}
        return sse(self._wrap("chat.completion.chunk", [body], {}))

    def tail(self, more: Json) -> bytes:
        """Return the event after the last choice: `usage` and `timings`, no choices."""
        return sse(self._wrap("chat.completion.chunk", [], more))

    def whole(self, choices: list[tuple[Json, str]], more: Json) -> bytes:
        """Return the body of an answer that is not streamed, from messages and finish reasons."""
        wrapped: list[Json] = [
            {"index": index, "message": message, "finish_reason": finish}
            for index, (message, finish) in enumerate(choices)
        ]
        return self._wrap("chat.completion", wrapped, more)


def sse(data: bytes) -> bytes:
    """Return one server-sent event."""
    return b"data: " + data + b"\n\n"


def error_body(message: str, kind: str) -> bytes:
    """Return an error in the shape OpenAI uses."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "code": None}})
