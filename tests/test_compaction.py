"""Keeping the transcript within the context."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent_session import (
    BROKEN,
    FIX,
    INSTANT,
    READ,
    READ_CHECK,
    Run,
    call,
    parts,
    repository,
    run,
    says,
)
from hotloop.backend.client import Client
from hotloop.ledger.events import CallEnd, Event, Note, PrefixBreak, StepKind, Usage
from hotloop.loop.caller import Caller
from hotloop.loop.compaction import Compaction
from hotloop.loop.transcript import Transcript
from hotloop.sim.profile import Fault
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer

SUMMARY = "calc.py subtracts; add must add."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def used(tokens: int) -> Usage:
    return Usage(input_tokens=tokens - 10, output_tokens=10)


def conversation() -> Transcript:
    transcript = Transcript({"model": "m"})
    transcript.append(
        {"role": "system", "content": "fixed"},
        {"role": "user", "content": "goal"},
        {"role": "assistant", "content": "old answer"},
        {"role": "user", "content": "old observation"},
    )
    return transcript


Steps = Callable[[Compaction, Transcript], Awaitable[None]]


def notes(events: list[Event]) -> list[Note]:
    return [one for one in events if isinstance(one, Note)]


def compact(root: Path, steps: Steps, *replies: Reply) -> tuple[list[Event], list[bytes]]:
    """Run `steps` with a compaction at 1,000 tokens whose model says `replies`."""
    events: list[Event] = []

    async def main() -> list[bytes]:
        async with SimServer(INSTANT, Script(replies=replies, order="sequence")) as server:
            own = parts(root, events)
            own.caller = Caller(Client(server.base_url, "m", ""), own.clock)
            await steps(Compaction(own, 1_000), conversation())
            await own.caller.backend.aclose()
            return [one.body for one in server.requests]

    return events, asyncio.run(main())


def messages(transcript: Transcript) -> list[dict[str, str]]:
    return msgspec.json.decode(transcript.request({}))["messages"]


def test_the_summary_is_asked_for_in_the_background_and_applied_when_needed(
    tmp_path: Path,
) -> None:
    async def steps(compaction: Compaction, transcript: Transcript) -> None:
        assert await compaction.apply(transcript, used(500)) is transcript
        assert await compaction.apply(transcript, used(650)) is transcript
        before = transcript.prefix
        transcript.append(
            {"role": "assistant", "content": "new answer"},
            {"role": "user", "content": "new observation"},
        )
        assert await compaction.apply(transcript, used(700)) is transcript
        compacted = await compaction.apply(transcript, used(850))
        texts = [(one["role"], one["content"]) for one in messages(compacted)]
        assert texts == [
            ("system", "fixed"),
            ("user", "goal"),
            ("assistant", f"The work so far:\n{SUMMARY}"),
            ("user", "Go on."),
            ("assistant", "new answer"),
            ("user", "new observation"),
        ]
        assert transcript.prefix.startswith(before)

    events, bodies = compact(tmp_path, steps, says(text=SUMMARY))
    (body,) = bodies
    assert body.startswith(conversation().prefix)
    (call_end,) = (one for one in events if isinstance(one, CallEnd))
    assert (call_end.purpose, call_end.wait_s) == ("compact", 0.0)


def test_asking_for_the_summary_is_not_waited_for(tmp_path: Path) -> None:
    async def steps(compaction: Compaction, transcript: Transcript) -> None:
        await compaction.apply(transcript, used(650))
        await compaction.cancel()

    hang = says(text=SUMMARY, fault="hang")
    events, _ = compact(tmp_path, steps, hang)
    assert notes(events) == []


@pytest.mark.parametrize("fault", [None, Fault(kind="cut", after_tokens=2)])
def test_without_a_summary_it_is_tried_once_more_and_then_room_is_made(
    tmp_path: Path, fault: Fault | None
) -> None:
    async def steps(compaction: Compaction, transcript: Transcript) -> None:
        assert await compaction.apply(transcript, used(900)) is transcript
        compacted = await compaction.apply(transcript, used(900))
        assert [one["content"] for one in messages(compacted)][:2] == ["fixed", "goal"]
        assert "left out" in messages(compacted)[2]["content"]

    reply = says(text=SUMMARY if fault else " ", fault=fault)
    events, bodies = compact(tmp_path, steps, reply, reply)
    assert len(bodies) == 2
    assert bool(fault) == any(one.text.startswith("no summary") for one in notes(events))


def read_of(start: int, match: str) -> Reply:
    return says(call("read", path="calc.py", start=start), match=match)


def test_a_session_goes_on_after_compaction_with_the_same_fixed_bytes(tmp_path: Path) -> None:
    replies = [
        says(text=SUMMARY, match="Summarise for yourself"),
        says(READ, READ_CHECK, match="Goal: "),
        read_of(1, match="check.py lines"),
        *[read_of(line + 1, match=f"calc.py lines {line}-") for line in range(1, 16)],
        says(FIX, match="calc.py lines 16-"),
    ]
    repo = repository(tmp_path)
    (repo / "calc.py").write_text(BROKEN + "# more\n" * 40)
    ended = run(tmp_path, replies, repo=repo, order="match", context_tokens=1_800)
    assert ended.outcome == "solved"
    assert any("compacted" in note.text for note in ended.of(Note))
    assert StepKind.COMPACT in ended.kinds()
    assert ended.of(PrefixBreak) == []
    first, last = ended.bodies[0], ended.bodies[-1]
    kept = first[: first.rindex(b'],"max_tokens":')]
    assert last.startswith(kept)
    assert SUMMARY in last.decode()
    asked = next(body for body in ended.bodies if b"Summarise for yourself" in body)
    assert asked.startswith(kept)


def long_session(tmp_path: Path, **settings: Any) -> Run:
    """Run a session that outgrows an endpoint's context, which hotloop does not know of."""
    replies = [
        says(READ, READ_CHECK, match="Goal: "),
        read_of(1, match="check.py lines"),
        *[read_of(line + 1, match=f"calc.py lines {line}-") for line in range(1, 16)],
        says(FIX, match="calc.py lines 16-"),
    ]
    repo = repository(tmp_path)
    (repo / "calc.py").write_text(BROKEN + "# more\n" * 40)
    small = msgspec.structs.replace(INSTANT, **settings)
    return run(tmp_path, replies, repo=repo, order="match", profile=small)


def test_a_context_that_is_smaller_than_was_thought_is_made_room_in(tmp_path: Path) -> None:
    ended = long_session(tmp_path, context_tokens=2_000)
    assert ended.outcome == "solved"
    assert any("the context is full" in note.text for note in ended.of(Note))
    assert ended.of(PrefixBreak) == []


def test_a_context_that_cannot_hold_the_beginning_is_an_error(tmp_path: Path) -> None:
    ended = long_session(tmp_path, context_tokens=200)
    assert ended.outcome == "error"
