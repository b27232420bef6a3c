from __future__ import annotations

import asyncio

import pytest

from hotloop.backend.retry import Retry, RetryPolicy
from hotloop.backend.types import Delta, Finish, TextDelta
from hotloop.errors import BackendError
from scripted_endpoint import (
    BODY,
    DONE,
    Call,
    ask,
    chunked,
    client,
    collect,
    event,
    failure,
    finish,
    serve,
    text,
    words,
)


def test_429_with_retry_after_then_success() -> None:
    notes: list[Retry] = []

    async def handler(call: Call) -> None:
        if not notes:
            await call.answer(
                "429 Too Many", b'{"error":{"message":"slow down"}}', "Retry-After: 0"
            )
        else:
            await call.stream(text("x"), finish(), DONE)

    slow = RetryPolicy(base_s=300, total_wait_s=900)
    assert words(ask(handler, retry=slow, on_retry=notes.append)[0]) == "x"
    assert [(note.attempt, note.wait_s) for note in notes] == [(1, 0.0)]
    assert "slow down" in notes[0].cause


def test_a_retry_after_beyond_the_bound_fails_at_once() -> None:
    calls = 0

    async def handler(call: Call) -> None:
        nonlocal calls
        calls += 1
        await call.answer("429 Too Many", b"{}", "Retry-After: 3600")

    error = failure(handler)
    assert error.status == 429
    assert "3600 s" in str(error)
    assert calls == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_that_may_pass_are_tried_three_times(status: int) -> None:
    calls = 0

    async def handler(call: Call) -> None:
        nonlocal calls
        calls += 1
        await call.answer(f"{status} No", b'{"error":"overloaded"}')

    error = failure(handler)
    assert error.status == status
    assert "overloaded" in str(error)
    assert "3 attempts" in str(error)
    assert calls == 3


@pytest.mark.parametrize("how", ["before the head", "after the head", "empty", "error object"])
def test_failures_before_the_first_token_are_tried_again(how: str) -> None:
    calls = 0

    async def handler(call: Call) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            await call.stream(text("x"), finish(), DONE)
            return
        match how:
            case "before the head":
                call.reset()
            case "after the head":
                await call.stream(b": waiting\n\n", end=False)
                call.writer.close()
            case "empty":
                await call.stream()
            case _:
                await call.stream(event(error={"message": "no slot", "code": 503}))

    deltas, _ = ask(handler)
    assert words(deltas) == "x"
    assert calls == 3


@pytest.mark.parametrize("how", ["reset", "close", "end", "error object"])
def test_nothing_is_tried_again_after_the_first_token(how: str) -> None:
    calls = 0
    got: list[Delta] = []

    async def handler(call: Call) -> None:
        nonlocal calls
        calls += 1
        await call.stream(text("half"), end=False)
        match how:
            case "reset":
                await asyncio.wait_for(delivered.wait(), 5)
                call.reset()
            case "close":
                call.writer.close()
            case "end":
                await call.raw(b"0\r\n\r\n")
            case _:
                await call.raw(chunked(event(error={"message": "no slot", "code": 503})))

    delivered = asyncio.Event()

    async def main() -> None:
        async with serve(handler) as (url, _):
            async for delta in await client(url).chat(BODY):
                got.append(delta)
                delivered.set()

    with pytest.raises(BackendError, match="no slot" if how == "error object" else "cut off"):
        asyncio.run(main())
    assert got == [TextDelta("half")]
    assert calls == 1


def test_a_finished_answer_whose_tail_is_lost_is_whole() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("x"), finish(), end=False)
        call.writer.close()

    assert ask(handler)[0] == [TextDelta("x"), Finish("stop")]


def test_an_answer_with_a_choice_missing_is_cut() -> None:
    async def main() -> None:
        async def handler(call: Call) -> None:
            await call.stream(text("x"), finish(), text("y", 1), end=False)
            call.writer.close()

        async with serve(handler) as (url, _):
            await collect(await client(url).chat(b'{"n":2}'))

    with pytest.raises(BackendError, match="cut off"):
        asyncio.run(main())
