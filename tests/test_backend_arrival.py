"""Answers are decoded as they arrive, whether someone reads them or not."""

from __future__ import annotations

import asyncio

import pytest

from hotloop.backend.stream import MOST_WAITING
from hotloop.backend.types import Delta, Finish, TextDelta
from hotloop.errors import BackendError
from scripted_endpoint import BODY, DONE, Call, chunked, client, collect, finish, serve, text, words


def test_marks_do_not_wait_for_a_reader() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("a"), text("b"), finish(), DONE)

    async def main() -> None:
        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY)
            async with asyncio.timeout(5):
                while stream.marks.end_s is None:
                    await asyncio.sleep(0.001)
            ended_s = stream.marks.end_s
            assert words(await collect(stream)) == "ab"
            assert stream.marks.end_s == ended_s

    asyncio.run(main())


def test_a_reader_that_does_not_come_holds_the_server_up() -> None:
    pieces, of_each = 300, 100

    async def main() -> None:
        sent: list[int] = []
        over = asyncio.Event()

        async def handler(call: Call) -> None:
            await call.stream(text("x"), end=False)
            for number in range(pieces):
                await call.raw(chunked(text("y" * 1_000) * of_each))
                sent.append(number)
            over.set()
            await call.raw(chunked(finish() + DONE) + b"0\r\n\r\n")

        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.3)
            assert pieces > len(sent) >= MOST_WAITING / of_each / 2
            said = words(await collect(stream))
            assert len(said) == 1 + 1_000 * pieces * of_each

    asyncio.run(main())


def test_deltas_can_be_taken_the_moment_they_come() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("a"), text("b"), finish(), DONE)

    async def main() -> None:
        taken: list[tuple[Delta, float]] = []
        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY, take=lambda *one: taken.append(one))
            await stream.ended()
        assert [delta for delta, _ in taken] == [TextDelta("a"), TextDelta("b"), Finish("stop")]
        times = [at_s for _, at_s in taken]
        assert times == sorted(times)
        assert times[0] == stream.marks.first_token_s
        assert times[1] == stream.marks.last_token_s

    asyncio.run(main())


def test_nothing_is_taken_of_an_answer_that_is_tried_again() -> None:
    async def handler(call: Call) -> None:
        if call.connection == 1:
            await call.stream(b": nothing yet\n\n", end=False)
            call.reset()
            return
        await call.stream(text("good"), finish(), DONE)

    async def main() -> None:
        taken: list[Delta] = []
        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY, take=lambda delta, _: taken.append(delta))
            await stream.ended()
        assert taken == [TextDelta("good"), Finish("stop")]

    asyncio.run(main())


def test_what_a_taker_raises_and_what_breaks_off_are_raised_at_the_end() -> None:
    async def handler(call: Call) -> None:
        await call.stream(text("a"), end=False)
        call.writer.close()

    async def main() -> None:
        def refuse(delta: Delta, _: float) -> None:
            raise ValueError("not that")

        async with serve(handler) as (url, _):
            stream = await client(url).chat(BODY, take=lambda *_: None)
            with pytest.raises(BackendError, match="cut off"):
                await stream.ended()
            with pytest.raises(ValueError, match="not that"):
                await (await client(url).chat(BODY, take=refuse)).ended()

    asyncio.run(main())
