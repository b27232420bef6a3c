"""What real, slow servers do to a probe: calls that wait for each other, and little time."""

from __future__ import annotations

import asyncio

import msgspec

from hotloop.backend.client import Client
from hotloop.probe.api import probe
from hotloop.probe.loopmodel import tables
from hotloop.probe.prompts import Prompts
from hotloop.probe.rates import Rates
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import Settings
from hotloop.probe.verdict import conclude
from hotloop.sim.profile import Profile
from hotloop.sim.server import SimServer, serving
from tests.probe_results import result_of


class Wanted(msgspec.Struct):
    """What of a request says that it asks for a structured answer, and how long it may be."""

    max_tokens: int
    tools: list[object] = []
    response_format: dict[str, object] = {}


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


def test_structured_answers_of_a_slow_server_are_kept_short() -> None:
    asked: dict[float, int] = {}
    for rate, time_s in ((25.0, 5.0), (400.0, 2.0)):
        with serving(Profile(decode_tok_s=rate, slots=8)) as server:
            asyncio.run(probe(server.base_url, Settings(time_s=time_s, answer_s=2.0)))
        bodies = [msgspec.json.decode(one.body, type=Wanted) for one in server.requests if one.body]
        asked[rate] = max(one.max_tokens for one in bodies if one.response_format)
    assert asked[25.0] == 80
    assert asked[400.0] == 160


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
    with serving(profile) as server:
        result: Result = asyncio.run(probe(server.base_url, Settings(time_s=6.0)))
    tokens = result.parallel.prefill_tokens
    assert tokens is not None
    assert result.parallel.prefill_s is not None
    assert 0.5 < tokens / 4_000 / result.parallel.prefill_s < 1.2
    defect = next(one for one in result.defects if one.kind == "starved_by_prefill")
    assert f"{tokens:,} tokens" in defect.text
