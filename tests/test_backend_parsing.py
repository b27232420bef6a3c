from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.backend.chunks import ChunkDecoder, ErrorChunk
from hotloop.backend.retry import RetryPolicy, retry_after_s
from hotloop.backend.sse import SseParser
from hotloop.backend.types import Delta, Finish, Report, TextDelta, TokenScore, ToolDelta
from hotloop.ledger.events import ServerTimings, Usage

NEWLINES = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), min_size=1)


def parse(pieces: list[bytes]) -> list[bytes]:
    parser = SseParser()
    return [data for piece in pieces for data in parser.feed(piece)]


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Events and a stream that carries them, cut anywhere, with noise and any line ends."""
    wire, events = b"", []
    for lines in draw(st.lists(st.lists(LINE, min_size=1, max_size=3), max_size=6)):
        newline = draw(NEWLINES)
        noise = [b": ping", b"event: message", b"id: 7", b"retry: 10", b"", b":"]
        wire += b"".join(n + newline for n in draw(st.lists(st.sampled_from(noise), max_size=2)))
        space = draw(st.sampled_from([b"", b" "]))
        data = [line.encode() for line in lines]
        space = b" " if any(line.startswith(b" ") for line in data) else space
        wire += b"".join(b"data:" + space + line + newline for line in data) + newline
        events.append(b"\n".join(data))
    cuts = draw(st.lists(st.integers(0, len(wire)), max_size=12).map(sorted))
    ends = [*cuts, len(wire)]
    return [wire[a:b] for a, b in zip([0, *ends], ends, strict=False)], events


@given(cut_streams())
def test_no_chunk_boundary_changes_the_events(case: tuple[list[bytes], list[bytes]]) -> None:
    pieces, events = case
    assert parse(pieces) == events
    whole = b"".join(pieces)
    assert parse([whole[i : i + 1] for i in range(len(whole))]) == events


def test_an_event_comes_with_the_byte_that_ends_it() -> None:
    for newline in (b"\n", b"\r\n", b"\r"):
        parser = SseParser()
        ready = b"data: x" + newline + newline[:1]
        assert parser.feed(ready) == [b"x"]
        assert parser.feed(newline[1:] + b"data: y" + newline + newline) == [b"y"]


def test_events_without_data_are_dropped_and_a_tail_needs_a_flush() -> None:
    parser = SseParser()
    assert parser.feed(b"event: ping\n\n\n\nid\n\ndata\n\n") == [b""]
    assert parser.feed(b"data: tail") == []
    assert parser.flush() == [b"tail"]
    assert parser.flush() == []


def decode(*chunks: object) -> list[Delta]:
    decoder = ChunkDecoder()
    return [delta for chunk in chunks for delta in decoder.decode(msgspec.json.encode(chunk))]


def delta(index: int = 0, **fields: object) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": None}]}


def test_text_and_both_names_of_reasoning() -> None:
    assert decode(
        delta(role="assistant", content=""),
        delta(reasoning_content="a"),
        delta(reasoning="b"),
        delta(reasoning="c", reasoning_content="c"),
        delta(content="d", tool_calls=None),
        {"choices": []},
        {},
    ) == [
        TextDelta("a", "reasoning"),
        TextDelta("b", "reasoning"),
        TextDelta("c", "reasoning"),
        TextDelta("d"),
    ]


def test_a_token_that_was_held_back_leaves_the_next_one_its_score() -> None:
    """As llama-server sends `):` and an indent where a stop string begins with a line end."""
    indent = {"token": "   ", "logprob": -0.2}
    merged = {
        "token": "):\n   ",
        "logprob": -0.2,
        "top_logprobs": [indent, {"token": "\t", "logprob": -1.5}],
    }
    choice = {"delta": {"content": "):\n   "}, "logprobs": {"content": [merged]}}
    (text,) = decode({"choices": [choice]})
    assert text == TextDelta(
        "):\n   ",
        scores=(
            TokenScore("):\n", 0.0),
            TokenScore("   ", -0.2, (("   ", -0.2), ("\t", -1.5))),
        ),
    )


def test_several_choices() -> None:
    chunk = {
        "choices": [
            {"index": 1, "delta": {"content": "b"}},
            {"index": 0, "delta": {"content": "a"}, "finish_reason": "length"},
        ]
    }
    assert decode(chunk) == [TextDelta("b", "text", 1), TextDelta("a"), Finish("length")]


def fragment(**fields: object) -> dict[str, object]:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**fields, "function": function}


ONE, TWO = {"path": "a"}, {"path": "b"}


@pytest.mark.parametrize(
    "lists",
    [
        pytest.param(
            [
                [fragment(index=0, id="x", name="read", arguments='{"path":')],
                [fragment(index=0, arguments='"a"}')],
                [fragment(index=1, id="y", name="read", arguments="")],
                [fragment(index=1, arguments='{"path":"b"}')],
            ],
            id="as specified",
        ),
        pytest.param(
            [
                [fragment(id="x", name="read", arguments='{"path":')],
                [fragment(arguments='"a"}')],
                [fragment(id="y", name="read", arguments='{"path":')],
                [fragment(id="y", arguments='"b"}')],
            ],
            id="no index",
        ),
        pytest.param(
            [
                [fragment(name="read", arguments=ONE), fragment(name="read", arguments=TWO)],
            ],
            id="no index, no id, arguments as an object",
        ),
        pytest.param(
            [
                [fragment(id="x", name="read"), fragment(id="y", name="read")],
                [fragment(arguments='{"path":"a"}'), fragment(arguments='{"path":"b"}')],
            ],
            id="by position",
        ),
        pytest.param(
            [
                [fragment(index=0, id="x", name="read", arguments='{"path":"a"}')],
                [fragment(index=0, id="y", name="read", arguments='{"path":')],
                [fragment(index=0, arguments='"b"}')],
            ],
            id="index 0 for all",
        ),
    ],
)
def test_tool_calls_however_they_are_numbered(lists: list[list[dict[str, object]]]) -> None:
    calls: dict[int, str] = {}
    names: list[str] = []
    for piece in decode(*(delta(tool_calls=fragments) for fragments in lists)):
        assert isinstance(piece, ToolDelta)
        calls[piece.index] = calls.get(piece.index, "") + piece.arguments
        names += [piece.name] * bool(piece.name)
    assert {index: msgspec.json.decode(call) for index, call in calls.items()} == {0: ONE, 1: TWO}
    assert names == ["read", "read"]


def last_report(*chunks: object) -> Report:
    reports = [found for found in decode(*chunks) if isinstance(found, Report)]
    return reports[-1]


USAGE = {"prompt_tokens": 100, "completion_tokens": 7}
TIMINGS = {"cache_n": 80, "prompt_n": 20, "prompt_ms": 12.5, "predicted_n": 7, "predicted_ms": 9}


@pytest.mark.parametrize(
    ("chunks", "usage"),
    [
        (
            [
                {
                    "usage": {
                        **USAGE,
                        "prompt_tokens_details": {"cached_tokens": 60},
                        "completion_tokens_details": {"reasoning_tokens": 3},
                    }
                }
            ],
            Usage(input_tokens=100, cached_tokens=60, output_tokens=7, reasoning_tokens=3),
        ),
        (
            [{"usage": USAGE, "timings": TIMINGS}],
            Usage(input_tokens=100, cached_tokens=80, output_tokens=7),
        ),
        (
            [{"timings": TIMINGS}, {"usage": USAGE}],
            Usage(input_tokens=100, cached_tokens=80, output_tokens=7),
        ),
        ([{"timings": TIMINGS}], Usage(input_tokens=100, cached_tokens=80, output_tokens=7)),
        (
            [{"usage": {**USAGE, "prompt_cache_hit_tokens": 64, "prompt_tokens_details": None}}],
            Usage(input_tokens=100, cached_tokens=64, output_tokens=7),
        ),
        ([{"usage": USAGE}], Usage(input_tokens=100, output_tokens=7)),
        ([{"timings": {"prompt_ms": 1.0}}], None),
    ],
)
def test_usage_from_whatever_the_server_says(chunks: list[object], usage: Usage | None) -> None:
    assert last_report(*chunks).usage == usage


def test_llama_cpp_counts_each_choice_apart() -> None:
    def end(index: int) -> dict[str, object]:
        return {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}

    summed = Usage(input_tokens=100, cached_tokens=80, output_tokens=14)
    said = {"choices": [], "usage": USAGE, "timings": TIMINGS}
    assert last_report(end(1), said, end(0), said).usage == summed
    timed = {"timings": TIMINGS}
    assert last_report(end(1) | timed, end(0) | timed).usage == summed
    running = {"timings": {**TIMINGS, "predicted_n": 3}}
    assert last_report(delta(content="x") | running, end(0) | timed).usage.output_tokens == 7


def test_timings_of_llama_cpp() -> None:
    timings = last_report({"timings": {**TIMINGS, "draft_n": 4, "draft_n_accepted": 2}}).timings
    assert timings == ServerTimings(
        cache_n=80,
        prompt_n=20,
        prompt_ms=12.5,
        predicted_n=7,
        predicted_ms=9.0,
        draft_n=4,
        draft_n_accepted=2,
    )


@pytest.mark.parametrize(
    ("chunk", "message", "status"),
    [
        ({"error": {"message": "boom", "code": 503}}, "boom", 503),
        ({"error": {"message": "boom", "code": "429"}}, "boom", 429),
        ({"error": {"message": "boom", "code": "server_error"}}, "boom", 0),
        ({"error": "boom"}, "boom", 0),
        ({"object": "error", "message": "boom", "code": 400}, "boom", 400),
    ],
)
def test_errors_inside_the_stream(chunk: object, message: str, status: int) -> None:
    with pytest.raises(ErrorChunk) as caught:
        decode(chunk)
    assert (caught.value.message, caught.value.status) == (message, status)


@given(st.integers(1, 12), st.floats(0, 60), st.none() | st.floats(0, 90), st.floats(0, 1))
def test_waits_are_bounded(
    attempt: int, waited: float, retry_after: float | None, chance: float
) -> None:
    policy = RetryPolicy(attempts=10)
    wait = policy.wait_s(attempt, waited, retry_after, lambda: chance)
    if wait is None:
        assert attempt >= 10 or waited + (retry_after or policy.cap_s) > policy.total_wait_s
        return
    assert attempt < 10
    assert waited + wait <= policy.total_wait_s
    assert wait == retry_after if retry_after is not None else 0.25 <= wait <= policy.cap_s


def test_waits_double() -> None:
    waits = [RetryPolicy(attempts=9).wait_s(n, 0, None, lambda: 1) for n in range(1, 7)]
    assert waits == [0.5, 1, 2, 4, 8, 8]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert retry_after_s(value, now) == seconds
