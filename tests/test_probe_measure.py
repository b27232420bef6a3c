"""The probe against simulated backends whose figures and defects are known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hotloop.probe.api import Target, probe
from hotloop.probe.result import Result
from hotloop.probe.settings import Prices, Progress, Settings, plan
from hotloop.sim.connection import RequestRecord
from hotloop.sim.profile import Cache, Fault, Profile, Tail
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer, serving
from scripted_endpoint import DONE, Call, finish, serve, text

PLAIN = Profile(
    queue_s=0.005,
    ttft_base_s=0.015,
    prefill_tok_s=40_000,
    decode_tok_s=400,
    structured_factor=1.6,
    slots=3,
    share_cost=0.15,
    cache=Cache(block_tokens=64),
)
BASE = pytest.approx(0.02, abs=0.03)  # how right it is, is for the bench to say
QUICK = Settings(time_s=10.0, requests=200, most_tokens=8_000, answer_s=3.0)
replace = msgspec.structs.replace


def measure(
    profile: Profile, settings: Settings = QUICK, **target: Any
) -> tuple[Result, list[RequestRecord]]:
    with serving(profile) as server:
        where = Target(base_url=server.base_url, **target)
        result = asyncio.run(probe(where, settings))
    return result, [one for one in server.requests if one.path.endswith("/chat/completions")]


def kinds(result: Result) -> set[str]:
    return {defect.kind for defect in result.defects}


def near(value: float, tolerance: float = 0.2) -> Any:
    return pytest.approx(value, rel=tolerance)


def median(figure: Any) -> float:
    assert figure is not None
    return figure.median


def test_what_was_planted_is_found() -> None:
    result, chats = measure(PLAIN)
    assert median(result.ttft.base_s) == BASE
    assert median(result.ttft.prefill_tok_s) == near(40_000)
    assert median(result.decode.rate_tok_s) == near(400)
    assert result.structured.schema_ratio == near(1.6)
    assert result.structured.tool_ratio == near(1.6)
    assert result.structured.schema_enforced
    assert result.structured.arguments == "streamed"
    assert result.prefix_cache.works
    assert result.prefix_cache.honest
    assert result.prefix_cache.hit_share == near(0.98)
    assert result.prefix_cache.block_tokens == 64
    assert result.prefix_cache.survives_strangers is not False  # None if time did not suffice
    assert result.parallel.slots == 3
    assert result.parallel.knee is not None
    assert result.parallel.knee > 1
    assert result.parallel.chunked_prefill
    assert result.decode.speculation is False
    assert result.supports.context_tokens == PLAIN.context_tokens
    assert result.supports.tools
    assert result.supports.n
    assert result.supports.dialect == "schema"
    assert kinds(result) == {"requests_queue"}
    assert result.cost.requests == len(chats) <= QUICK.requests
    assert result.cost.time_s < QUICK.time_s + 1
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result


def test_every_defect_that_was_planted_is_named() -> None:
    sick = replace(
        PLAIN,
        burst=True,
        ignores_schema=True,
        prefill_blocks=True,
        cache=Cache(block_tokens=32, saves_time=False),
    )
    result, _ = measure(sick)
    planted = {
        "burst_arguments",
        "schema_not_enforced",
        "starved_by_prefill",
        "cache_saves_no_time",
        "requests_queue",
    }
    assert kinds(result) == planted
    assert all(defect.text for defect in result.defects)
    assert result.structured.tool_ratio == near(1.6, 0.25)


def test_one_slot_no_cache_and_a_tail() -> None:
    profile = replace(
        PLAIN, slots=1, cache=Cache(enabled=False), tail=Tail(share=0.1, sigma=0.9), schema_s=0.2
    )
    result, _ = measure(profile)
    assert result.parallel.slots == 1
    assert result.prefix_cache.works is False
    assert result.prefix_cache.honest is None
    assert kinds(result) - {"starved_by_decode"} == {"no_prefix_cache", "requests_queue"}
    assert result.parallel.chunked_prefill is None
    assert "parallel.chunked_prefill" in result.missing
    assert result.structured.compile_s == near(0.2, 0.3)


def test_without_usage_rates_are_estimates_that_say_so() -> None:
    result, _ = measure(replace(PLAIN, usage="never"), replace(QUICK, time_s=5.0))
    assert "no_usage" in kinds(result)
    assert result.supports.stream_usage is False
    assert not result.tokens.reported
    rate = result.decode.rate_tok_s
    assert rate is not None
    assert rate.median == near(400)  # one piece per token is what it falls back on
    assert rate.sure == "low"
    assert "reports none" in rate.why
    assert "claims no cached" in result.missing["prefix_cache.claimed_tokens"]
    assert result.prefix_cache.works


def test_a_lie_about_tokens_is_noticed() -> None:
    result, _ = measure(replace(PLAIN, usage_factor=1.5), replace(QUICK, time_s=5.0))
    assert "token_counts_wrong" in kinds(result)
    assert not result.tokens.trusted
    assert "limited to" in result.tokens.why
    assert median(result.decode.rate_tok_s) == near(400)


def test_free_prefill_and_no_delay_are_no_trouble() -> None:
    profile = Profile(ttft_base_s=0.02, slots=8)
    result, _ = measure(profile, replace(QUICK, time_s=5.0))
    assert result.ttft.prefill_free
    assert result.ttft.prefill_tok_s is None
    assert "costs no time" in result.missing["ttft.prefill_tok_s"]
    assert "costs no time" in result.missing["prefix_cache.works"]
    assert result.parallel.slots is None


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault(kind="hang", rate=1), "unreachable", "no end of the answer"),
        (Fault(kind="html", rate=1), "not_openai", "web page"),
        (Fault(kind="cut", rate=1, after_tokens=3), "breaks_off", "cut off"),
        (Fault(kind="http_429", rate=1, retry_after_s=0.01), "rate_limited", "busy"),
        (Fault(kind="http_500", rate=1), "not_openai", "HTTP 500"),
        (Fault(kind="broken_json", rate=1), "not_openai", "not a chat completion"),
    ],
)
def test_an_endpoint_that_never_answers_well(fault: Fault, kind: str, said: str) -> None:
    result, chats = measure(replace(PLAIN, faults=(fault,)), replace(QUICK, answer_s=0.4))
    assert kinds(result) == {kind}
    assert result.cost.stopped == "unreachable"
    assert len(chats) < 10
    for part in ("ttft", "decode", "structured", "prefix_cache", "parallel", "supports", "tails"):
        assert said in result.missing[part]
    assert result.connection.tcp_s is not None
    assert result.connection.http_version == "1.1"
    assert bool(result.ttft.points) == (fault.kind == "cut")


def test_an_endpoint_that_refuses_the_connection() -> None:
    with serving(PLAIN) as server:
        gone = server.base_url
    result = asyncio.run(probe(gone, QUICK))
    assert kinds(result) == {"unreachable"}
    assert "nothing listens" in result.missing["connection"]
    assert "start the server" in result.defects[0].next_step
    assert result.connection.tcp_s is None
    assert result.cost.requests == 0


def test_a_refused_key_is_said() -> None:
    result, _ = measure(replace(PLAIN, api_key="right"), api_key="wrong")
    assert "refuses the key" in result.defects[0].text
    assert "wrong" not in msgspec.json.encode(result.defects).decode().replace("wrong API key", "")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind="cut", rate=0.2, after_tokens=1), "breaks_off"),
        (Fault(kind="http_429", rate=0.2, retry_after_s=0.01), "rate_limited"),
    ],
)
def test_an_endpoint_that_fails_at_times(fault: Fault, kind: str) -> None:
    result, _ = measure(replace(PLAIN, faults=(fault,)), replace(QUICK, time_s=5.0))
    assert kind in kinds(result)
    assert median(result.ttft.base_s) == BASE
    assert median(result.ttft.prefill_tok_s) == near(40_000, 0.5)


def test_a_server_that_asks_to_wait_is_waited_for() -> None:
    fault = Fault(kind="http_429", at=(8, 9), retry_after_s=0.4)
    result, chats = measure(replace(PLAIN, faults=(fault,)), replace(QUICK, time_s=4.0))
    waits = [chats[at].arrival_s - chats[at - 1].arrival_s for at in (9, 10)]
    assert all(0.4 <= wait < 0.8 for wait in waits)  # the client's own wait, then the probe's
    assert result.verdict is not None


@pytest.mark.parametrize(("status", "tools"), [("503 Busy", None), ("400 No tools", False)])
def test_calls_with_tools_that_fail_are_told_from_those_not_made(
    status: str, tools: bool | None
) -> None:
    async def broken(call: Call) -> None:
        if b'"tools"' in call.body:
            await call.answer(status, b'{"error":"out of memory"}')
        elif call.method == "GET":
            await call.answer("200 OK", b'{"data":[{"id":"m"}]}')
        else:
            await call.stream(text("word "), text("word "), text("word "), finish("length"), DONE)

    async def main() -> Result:
        async with serve(broken) as (url, _):
            return await probe(url, replace(QUICK, time_s=3.0))

    result = asyncio.run(main())
    assert result.supports.tools is tools
    said = [defect.text for defect in result.defects if defect.kind == "no_tool_calls"]
    assert said == ([] if tools is None else ["Requests with tools fail."])


def interrupted(profile: Profile, when: Callable[[Progress], bool]) -> Result:
    async def main() -> Result:
        task: asyncio.Task[Result] | None = None

        def watch(progress: Progress) -> None:
            if task is not None and when(progress):
                task.cancel()

        async with SimServer(profile) as server:
            task = asyncio.ensure_future(probe(server.base_url, QUICK, watch))
            return await task

    return asyncio.run(main())


def test_an_interrupt_keeps_what_was_measured() -> None:
    result = interrupted(PLAIN, lambda progress: progress.part == "structured")
    assert result.cost.stopped == "interrupted"
    assert median(result.ttft.prefill_tok_s) == near(40_000)
    assert result.decode.rate_tok_s is not None
    assert result.parallel.fan_out == []
    assert "parallel.fan_out" in result.missing


def test_an_interrupt_of_the_first_call_gives_an_empty_result() -> None:
    result = interrupted(PLAIN, lambda progress: True)
    assert result.cost.stopped == "interrupted"
    assert result.ttft.base_s is None
    assert result.defects == []


def test_the_number_of_requests_is_kept() -> None:
    result, chats = measure(PLAIN, replace(QUICK, requests=30))
    assert len(chats) == result.cost.requests <= 30
    assert result.ttft.base_s is not None


def test_the_number_of_tokens_is_kept() -> None:
    limits = replace(QUICK, input_tokens=12_000, output_tokens=300)
    result, chats = measure(PLAIN, limits)
    assert sum(r.input_tokens for r in chats) <= 12_000
    assert sum(r.output_tokens for r in chats) <= 300
    assert result.cost.stopped == "tokens"


def test_new_prompts_are_new_to_the_server() -> None:
    one = replace(PLAIN, cache=Cache(block_tokens=16))
    settings = replace(QUICK, time_s=1.5)
    with serving(one) as server:
        asyncio.run(probe(server.base_url, settings))
        before = len(server.requests)
        asyncio.run(probe(server.base_url, settings))
    firsts = [r for r in server.requests[before:] if r.path.endswith("/chat/completions")]
    assert firsts[0].cached_tokens == 0
    heads = {r.body.partition(b'"content":"')[2][:12] for r in firsts}
    assert len(heads) > len(firsts) / 4


def test_the_price_is_told_before_and_after() -> None:
    prices = Prices(input_per_million=1.0, output_per_million=2.0)
    settings = replace(QUICK, requests=20, prices=prices)
    before = plan(settings)
    result, chats = measure(PLAIN, settings)
    assert before.requests == 20
    assert before.money is not None
    assert result.cost.money is not None
    spent = sum(r.input_tokens + 2 * r.output_tokens for r in chats) / 1e6
    assert result.cost.money == pytest.approx(spent, rel=0.01)
    assert result.cost.money <= before.money


def test_drafting_shows_in_text_that_is_copied() -> None:
    script = Script(
        order="match",
        replies=(  # four tokens' worth of text in a piece where the prompt holds it, else one
            Reply(match="Repeat this text", text="abc " * 100, tokens=25),
            Reply(match="Write a long story", text="xyz " * 100, tokens=100),
        ),
    )
    profile = replace(PLAIN, usage="never")
    with serving(profile, script) as server:
        result = asyncio.run(probe(server.base_url, replace(QUICK, time_s=5.0)))
    assert result.decode.copy_ratio == near(4)
    assert result.decode.speculation is True


def test_how_long_a_prefix_stays_is_seen() -> None:
    profile = replace(PLAIN, prefill_tok_s=20_000, cache=Cache(ttl_s=0.6))
    result, _ = measure(profile, replace(QUICK, time_s=6.0, idle_s=(0.05, 1.0)))
    assert [(one.wait_s, one.kept) for one in result.prefix_cache.idle] == [
        (0.05, True),
        (1.0, False),
    ]
    assert result.cost.time_s < 8


def test_text_that_does_not_stream_is_named() -> None:
    async def whole(call: Call) -> None:
        if call.method == "GET":
            await call.answer("200 OK", b'{"data":[{"id":"m"}]}')
            return
        await asyncio.sleep(0.005)
        usage = {"prompt_tokens": len(call.body) // 4, "completion_tokens": 1}
        message = {"role": "assistant", "content": "Once upon a time."}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        await call.answer("200 OK", msgspec.json.encode({"choices": choices, "usage": usage}))

    async def main() -> Result:
        async with serve(whole) as (url, _):
            return await probe(url, replace(QUICK, time_s=2.0))

    result = asyncio.run(main())
    assert "burst_text" in kinds(result)
    assert result.model == "m"
    assert result.decode.rate_tok_s is None
    assert result.parallel.slots is None
    assert result.ttft.base_s is not None


@pytest.mark.parametrize("caches", [True, False])
def test_a_conversation_goes_on_from_the_longest_prompt_that_was_kept(caches: bool) -> None:
    profile = PLAIN if caches else replace(PLAIN, cache=Cache(enabled=False))
    _, chats = measure(profile)
    asked = [json.loads(one.body)["messages"] for one in chats]
    grown = next(one for one in asked if len(one) == 4)
    begin, task = grown[:2]
    turn = next(chat for chat, one in zip(chats, asked, strict=True) if one == [begin, task])
    others = [one for one in asked if one[0] == begin and len(one) == 2 and one[1] != task]
    assert bool(others) == caches
    if caches:
        assert turn.cached_tokens > 0.8 * turn.input_tokens > 0.8 * 3_000
