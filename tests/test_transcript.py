"""The bytes of consecutive requests."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_session import DONE, FIX, READ, READ_CHECK, TEST, Run, call, run, says
from hotloop.ledger.events import PrefixBreak
from hotloop.levers.stable_prefix import first_difference
from hotloop.loop.transcript import Transcript

WRONG = call("edit", path="calc.py", old="return a - b", new="return a * b")
RIGHT = call("edit", path="calc.py", old="return a * b", new="return a + b")
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text()}),
    max_size=6,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def up_to_messages(body: bytes) -> bytes:
    """Return a request's bytes up to the end of its last message."""
    at = body.rindex(b'],"max_tokens":')
    return body[:at]


def assert_growing(ended: Run) -> None:
    assert len(ended.bodies) >= 3
    for earlier, later in pairwise(ended.bodies):
        assert later.startswith(up_to_messages(earlier))
    assert ended.of(PrefixBreak) == []


@pytest.mark.parametrize("dialect", ["native", "schema", "fenced", "terse"])
def test_every_request_begins_with_the_bytes_of_the_one_before(
    tmp_path: Path, dialect: str
) -> None:
    replies = [
        says(READ, READ_CHECK, text="Über: \u2028 “quoted” \\n"),
        says(call("nope")),
        says(text="I think."),
        says(WRONG),
        says(DONE),
        says(RIGHT, TEST),
    ]
    ended = run(tmp_path, replies, dialect=dialect, without=("exact_edits",))
    assert_growing(ended)
    assert len(ended.bodies) == 6
    assert ended.outcome == "solved"


def test_thinking_apart_keeps_the_prefix_too(tmp_path: Path) -> None:
    replies = [says(text="Look."), says(READ), says(text="It subtracts."), says(FIX)]
    ended = run(tmp_path, replies, think="apart")
    assert_growing(ended)
    assert ended.outcome == "solved"


def test_two_sessions_begin_with_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    ended = [run(tmp_path / name, [says(FIX)], goal=f"goal {name}") for name in ("one", "two")]
    first, second = (one.bodies[0] for one in ended)
    fixed = first[: first.index(b'"role":"user"')]
    assert second.startswith(fixed)
    assert b'"tools":' in fixed
    assert not re.search(rb"20\d\d-\d\d-\d\d", fixed)


def requested(transcript: Transcript) -> list[dict[str, str]]:
    return msgspec.json.decode(transcript.request({"max_tokens": 1}))["messages"]


@given(messages=MESSAGES, more=MESSAGES)
@settings(max_examples=50, deadline=None)
def test_a_transcript_is_valid_json_and_only_grows(
    messages: list[dict[str, str]], more: list[dict[str, str]]
) -> None:
    transcript = Transcript({"model": "m", "tools": []})
    transcript.append(*messages)
    before = transcript.prefix
    assert requested(transcript) == messages
    transcript.append(*more)
    assert transcript.prefix.startswith(before)
    assert requested(transcript) == [*messages, *more]
    assert len(transcript) == len(messages) + len(more)
    assert transcript.size_bytes == len(transcript.prefix)


@given(messages=MESSAGES, branch=MESSAGES)
@settings(max_examples=50, deadline=None)
def test_a_branch_stands_in_one_request_only(
    messages: list[dict[str, str]], branch: list[dict[str, str]]
) -> None:
    transcript = Transcript({})
    transcript.append(*messages)
    asked = msgspec.json.decode(transcript.request({}, branch))
    assert asked == {"messages": [*messages, *branch]}
    assert requested(transcript) == messages


@given(
    messages=MESSAGES.filter(lambda some: len(some) >= 3),
    covered=st.integers(2, 6),
    between=MESSAGES,
)
@settings(max_examples=50, deadline=None)
def test_a_continued_transcript_keeps_the_beginning_and_the_end(
    messages: list[dict[str, str]], covered: int, between: list[dict[str, str]]
) -> None:
    transcript = Transcript({"model": "m"})
    transcript.append(*messages[:2])
    kept = transcript.prefix
    transcript.append(*messages[2:])
    covered = min(covered, len(messages))
    continued = transcript.continued(2, covered, *between)
    assert requested(continued) == [*messages[:2], *between, *messages[covered:]]
    assert continued.prefix.startswith(kept)
    assert requested(transcript) == messages


@given(expected=st.binary(max_size=8), got=st.binary(max_size=8))
@settings(max_examples=50, deadline=None)
def test_the_first_difference_is_where_the_bytes_part(expected: bytes, got: bytes) -> None:
    at = first_difference(expected, got)
    if at is None:
        assert got.startswith(expected)
    else:
        assert got[:at] == expected[:at]
        assert got[at : at + 1] != expected[at : at + 1]
