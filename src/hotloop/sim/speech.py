"""Cut a reply into output tokens, each with the deltas that go over the wire for it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotloop.sim.cache import count_tokens
from hotloop.sim.script import Reply, ToolCall
from hotloop.sim.wire import ChatRequest, Json, render_message


class Segment(msgspec.Struct, frozen=True):
    """A stretch of an answer: reasoning, text, or the arguments of one tool call."""

    field: str
    text: str
    name: str = ""
    index: int = 0
    id: str = ""


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """What one choice says: `tokens` holds the deltas of each output token in turn."""

    tokens: list[list[Json]]
    said: list[Segment]
    finish: str
    reasoning_tokens: int

    @property
    def calls_tools(self) -> bool:
        """Whether a native tool call is part of it."""
        return any(segment.field == "tool_calls" for segment in self.said)

    def message(self) -> Json:
        """Return the message of an answer that is not streamed."""
        message: Json = {"role": "assistant", "content": None}
        message |= {s.field: s.text for s in self.said if s.field != "tool_calls"}
        if calls := [_call(s) for s in self.said if s.field == "tool_calls"]:
            message["tool_calls"] = calls
        return message

    def rendered(self) -> bytes:
        """Return the answer as it will stand in the next prompt."""
        text = "".join(s.text for s in self.said if s.field == "content")
        calls = [(s.name, s.text) for s in self.said if s.field == "tool_calls"]
        return render_message("assistant", text, calls)


def speak(reply: Reply, request: ChatRequest, burst: bool) -> Speech:
    """Return what a reply says to a request, cut at the request's token limit."""
    reply = _as_text(reply) if reply.tool_calls and not request.tools else reply
    segments = _segments(reply, request.turn)
    wanted = _natural_tokens(segments) if reply.tokens is None else reply.tokens
    count = wanted if request.limit is None else min(wanted, request.limit)
    pieces = list(_pieces(segments, wanted))[:count]
    said = [
        msgspec.structs.replace(segment, text=text)
        for number, segment in enumerate(segments)
        if (text := "".join(t for piece in pieces for s, t in piece if s == number))
    ]
    natural = reply.finish or ("tool_calls" if reply.tool_calls else "stop")
    return Speech(
        tokens=_deltas(segments, pieces, burst),
        said=said,
        finish="length" if count < wanted else natural,
        reasoning_tokens=sum(
            any(segments[s].field == "reasoning_content" for s, _ in piece) for piece in pieces
        ),
    )


def _as_text(reply: Reply) -> Reply:
    """Write tool calls as fenced JSON, as small models do where no tools are offered."""
    calls = "\n".join(f"```json\n{_call_json(call)}\n```" for call in reply.tool_calls)
    text = f"{reply.text}\n{calls}" if reply.text else calls
    return msgspec.structs.replace(reply, text=text, tool_calls=())


def _call_json(call: ToolCall) -> str:
    return f'{{"name":"{call.name}","arguments":{call.arguments_json()}}}'


def _segments(reply: Reply, turn: int) -> list[Segment]:
    spoken = [Segment("reasoning_content", reply.reasoning), Segment("content", reply.text)]
    calls = [
        Segment("tool_calls", call.arguments_json(), call.name, index, f"call_{turn}_{index}")
        for index, call in enumerate(reply.tool_calls)
    ]
    return [segment for segment in (*spoken, *calls) if segment.text]


def _natural_tokens(segments: list[Segment]) -> int:
    return max(1, sum(count_tokens(segment.name + segment.text) for segment in segments))


def _pieces(segments: list[Segment], tokens: int) -> Iterator[list[tuple[int, str]]]:
    """Yield for each token its pieces of text: all segments in a row, cut into equal parts."""
    length = sum(len(segment.text) for segment in segments)
    number, offset = 0, 0
    for token in range(tokens):
        left = -(-(token + 1) * length // tokens) - -(-token * length // tokens)
        piece: list[tuple[int, str]] = []
        while left:
            text = segments[number].text[offset : offset + left]
            piece.append((number, text))
            left, offset = left - len(text), offset + len(text)
            if offset == len(segments[number].text):
                number, offset = number + 1, 0
        yield piece


def _deltas(
    segments: list[Segment], pieces: list[list[tuple[int, str]]], burst: bool
) -> list[list[Json]]:
    """Return each token's deltas; in a burst a tool call's come with its last token."""
    last = {number: token for token, piece in enumerate(pieces) for number, _ in piece}
    begun: set[int] = set()
    held: dict[int, str] = {}
    deltas: list[list[Json]] = [[] for _ in pieces]
    for token, piece in enumerate(pieces):
        for number, text in piece:
            segment = segments[number]
            if segment.field != "tool_calls":
                deltas[token].append({segment.field: text})
                continue
            held[number] = held.get(number, "") + text
            if burst and last[number] != token:
                continue
            deltas[token] += _call_deltas(segment, held.pop(number), number not in begun, burst)
            begun.add(number)
    return deltas


def _call_deltas(segment: Segment, text: str, first: bool, burst: bool) -> list[Json]:
    if burst:
        return [{"tool_calls": [_call(msgspec.structs.replace(segment, text=text))]}]
    body: Json = {"index": segment.index, "function": {"arguments": text}}
    head = _call(msgspec.structs.replace(segment, text=""))
    return [{"tool_calls": [head]}, {"tool_calls": [body]}] if first else [{"tool_calls": [body]}]


def _call(segment: Segment) -> Json:
    return {
        "index": segment.index,
        "id": segment.id,
        "type": "function",
        "function": {"name": segment.name, "arguments": segment.text},
    }
