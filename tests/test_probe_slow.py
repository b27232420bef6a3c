"""What real, slow servers do to a probe: calls that wait for each other, and little time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from hotloop.backend.client import Client
from hotloop.probe.api import probe
from hotloop.probe.decode import DecodePart
from hotloop.probe.defects import find_defects
from hotloop.probe.ends import Enough, Spent
from hotloop.probe.loopmodel import tables
from hotloop.probe.neighbours import NeighboursPart
from hotloop.probe.prompts import Prompts
from hotloop.probe.rates import Rates, measured_tail
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import Settings
from hotloop.probe.structured import StructuredPart
from hotloop.probe.supports import SupportsPart
from hotloop.probe.tails import TailsPart
from hotloop.probe.ttft import TtftPart
from hotloop.probe.verdict import conclude, race_width
from hotloop.sim.profile import Profile, Tail
from hotloop.sim.server import SimServer
from scripted_endpoint import DONE, HEAD, Call, chunked, event, finish, serve, text
from tests.probe_results import result_of


class Wanted(msgspec.Struct):
    """What of a request says that it asks for a structured answer, and how long it may be."""

    max_tokens: int
    tools: list[object] = []
    response_format: dict[str, object] = {}


def part(
    profile: Profile, requests: int, work: Callable[[Session, Result], Awaitable[None]]
) -> tuple[SimServer, Result]:
    """Let one part of the probe make so many calls of a simulated backend."""
    result = Result()

    async def main() -> SimServer:
        async with SimServer(profile) as server:
            client = Client(server.base_url, profile.model, "", session_start_s=0.0)
            await work(Session(client, Settings(requests=requests), Prompts(1), None), result)
            await client.aclose()
            return server

    return asyncio.run(main()), result


def test_calls_that_run_one_after_the_other_are_not_given_up() -> None:
    profile = Profile(ttft_base_s=0.05, decode_tok_s=200, slots=1, output_tokens=20)

    async def main() -> list[Sample]:
        async with SimServer(profile) as server:
            client = Client(server.base_url, profile.model, "", session_start_s=0.0)
            session = Session(client, Settings(answer_s=0.4), Prompts(1), None)

            async def ask() -> Sample:
                return await session.ask(session.prompts.new("Go on."), 20, "a call")

            await ask()
            await ask()
            found = await session.together([ask() for _ in range(8)])
            await client.aclose()
            return found

    calls = asyncio.run(main())
    assert [call.error for call in calls] == [""] * 8
    alone_s, last_s = min(c.latency_s for c in calls), max(c.latency_s for c in calls)
    assert last_s > 6 * alone_s  # they did wait for each other


@pytest.mark.parametrize(("rate", "most"), [(25.0, 80), (400.0, 224)])
def test_structured_answers_of_a_slow_server_are_kept_short(rate: float, most: int) -> None:
    async def structured(session: Session, _: Result) -> None:
        await session.ask(session.prompts.new("Go on."), 12, "how fast it is")
        with contextlib.suppress(Spent, Enough):
            await StructuredPart(session, DecodePart(session, TtftPart(session))).run()

    server, _ = part(Profile(decode_tok_s=rate, slots=8), 7, structured)
    bodies = [msgspec.json.decode(one.body, type=Wanted) for one in server.requests]
    assert max(one.max_tokens for one in bodies if one.response_format) == most
    assert max(one.max_tokens for one in bodies if one.tools) == most


def test_pieces_that_come_together_make_no_rate() -> None:
    async def late(call: Call) -> None:
        """Hold twelve tokens back, as a server short of processor time does, then be regular."""
        await call.raw(HEAD)
        await call.raw(b"".join(chunked(text("word ")) for _ in range(12)))
        for _ in range(12):
            await asyncio.sleep(0.02)
            await call.raw(chunked(text("word ")))
        usage = {"prompt_tokens": 30, "completion_tokens": 24}
        await call.raw(chunked(finish("length") + event(choices=[], usage=usage) + DONE))
        await call.raw(b"0\r\n\r\n")

    async def main() -> Sample:
        async with serve(late) as (url, _):
            client = Client(url, "m", "", session_start_s=0.0)
            session = Session(client, Settings(), Prompts(1), None)
            await session.ask(session.prompts.new("Go on."), 24, "a call")
            sample = await session.ask(session.prompts.new("Go on."), 24, "a call")
            await client.aclose()
            assert session.token_s == pytest.approx(0.02, rel=0.25)
            return sample

    sample = asyncio.run(main())
    assert sample.arrivals == [12, *[1] * 12]
    assert sample.token_s(24) == pytest.approx(0.02, rel=0.25)
    assert len(sample.gaps_s()) == 12
    assert min(sample.gaps_s()) > 0.015


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        (Sample(asked_chars=1, asked_tokens=1, error="no end of the answer"), None),
        (Sample(asked_chars=1, asked_tokens=1, error="busy", status=503), None),
        (Sample(asked_chars=1, asked_tokens=1, error="no such field", status=400), False),
    ],
)
def test_a_call_that_hangs_says_nothing_of_what_is_supported(
    sample: Sample, found: bool | None
) -> None:
    async def hanging(session: Session, result: Result) -> None:
        async def ask(*_: object, **__: object) -> Sample:
            return sample

        session.ask = ask
        parts = (
            SupportsPart(session),
            StructuredPart(session, DecodePart(session, TtftPart(session))),
        )
        for one in parts:
            await one.run()
        parts[0].conclude(result)
        parts[1].conclude(result, None)

    _, result = part(Profile(), 100, hanging)
    supports = result.supports
    asked = (supports.n, supports.logprobs, supports.json_object, supports.parallel_tool_calls)
    assert set(asked) == {found}
    assert {supports.tools, supports.response_format} == {found}
    if found is None:
        assert result.missing["supports.logprobs"] == sample.error


class Prompt(msgspec.Struct):
    """A request as far as the server below looks at it."""

    messages: list[dict[str, str]]
    max_tokens: int


@pytest.mark.parametrize("caches", [True, False])
def test_a_cache_is_judged_also_where_no_line_fits_the_time_to_first_token(caches: bool) -> None:
    seen: set[str] = set()

    async def steep(call: Call) -> None:
        """Prefill at a cost that grows with the square of the prompt, as attention's does."""
        if call.method == "GET":
            await call.answer("200 OK", b'{"data":[{"id":"m"}]}')
            return
        asked = msgspec.json.decode(call.body, type=Prompt)
        prompt = "".join(message["content"] for message in asked.messages)
        tokens = len(prompt) // 4
        hit = caches and prompt in seen
        seen.add(prompt)
        await asyncio.sleep(0.005 if hit else 0.005 + 0.3 * (tokens / 4_000) ** 2)
        usage = {"prompt_tokens": tokens, "completion_tokens": asked.max_tokens}
        words = [text("word ") for _ in range(asked.max_tokens)]
        report = event(choices=[], usage=usage)
        await call.stream(*words, finish("length"), report, DONE)

    async def main() -> Result:
        async with serve(steep) as (url, _):
            return await probe(url, Settings(time_s=4.0, most_tokens=4_000))

    result = asyncio.run(main())
    assert result.ttft.breaks_at_tokens is not None
    assert result.prefix_cache.works is caches
    named = {defect.kind for defect in result.defects}
    assert named & {"no_prefix_cache", "cache_unreported"} == {
        "cache_unreported" if caches else "no_prefix_cache"
    }


def test_a_few_small_calls_are_no_tail() -> None:
    async def tails(session: Session, result: Result) -> None:
        await (small := TailsPart(session)).run()
        small.conclude(result)

    _, result = part(Profile(ttft_base_s=0.02, tail=Tail(share=0.3, sigma=1.0)), 12, tails)
    assert result.tails.calls == 12
    assert result.tails.slow_share is None
    assert "20 wanted" in result.missing["tails.slow_share"]
    assert measured_tail(result) == Tail()


def test_one_width_is_no_knee_and_one_slot_no_race() -> None:
    result = Result()
    result.parallel.slots = 1
    assert race_width(result) == 1
    result.parallel.slots = None
    assert race_width(result) is None


def test_a_session_that_no_context_holds_is_left_out_and_said() -> None:
    small, large = Rates(token_s=0.01, context_tokens=8_192), Rates(token_s=0.01)
    assert [one.name for one in tables(small)] == ["article", "article"]
    assert [one.name for one in tables(large)] == ["article", "article", "tracelab"]
    result = conclude(result_of(Profile(ttft_base_s=0.1, decode_tok_s=80, context_tokens=8_192)))
    assert "8,192 tokens" in result.missing["loop.tracelab"]
    assert len(result.loop) == 2


def test_how_long_the_prefill_beside_an_answer_was_is_said() -> None:
    profile = Profile(
        ttft_base_s=0.01, prefill_tok_s=4_000, decode_tok_s=300, slots=4, prefill_blocks=True
    )

    async def neighbours(session: Session, result: Result) -> None:
        for tokens in (100, 2_000):
            prompts = session.prompts
            await session.ask(prompts.new("Go on.", 4 * tokens), 8, "how fast it is")
        decode = DecodePart(session, TtftPart(session))
        beside = NeighboursPart(session, decode, StructuredPart(session, decode))
        with contextlib.suppress(Spent, Enough):
            await beside.run()
        beside.conclude(result)
        result.defects = find_defects(result, session.samples, waits_for_decode=False)

    _, result = part(profile, 8, neighbours)
    tokens = result.parallel.prefill_tokens
    assert tokens is not None
    assert result.parallel.prefill_s is not None
    assert 0.5 < tokens / 4_000 / result.parallel.prefill_s < 1.2
    defect = next(one for one in result.defects if one.kind == "starved_by_prefill")
    assert f"{tokens:,} tokens" in defect.text
