"""The projected loop against the loop that is really run on a backend with known figures."""

from __future__ import annotations

import asyncio
from itertools import count

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.backend.client import Client
from hotloop.ledger.events import StepKind
from hotloop.probe.figure import quantile
from hotloop.probe.headlines import really_run
from hotloop.probe.loopmodel import project, rows_s, table, tables, with_levers
from hotloop.probe.looprun import run_loop, with_loop_run
from hotloop.probe.rates import Rates, rates_of_profile
from hotloop.probe.result import LoopRun
from hotloop.probe.scale import LEAST_SCALE, model_s, scale_within, scaled
from hotloop.probe.settings import Target
from hotloop.probe.shapes import LEVERS, Loop, article, fitted, total_tokens, tracelab
from hotloop.sim.article import STEPS, TOTAL_S, TWO_ITERATIONS_S
from hotloop.sim.profile import Cache, Profile, Tail, load_profile
from hotloop.sim.server import SimServer
from hotloop.sim.timing import draw, timetable
from tests.probe_results import result_of

QUICK = Profile(
    connect_s=0.02,
    queue_s=0.005,
    ttft_base_s=0.03,
    prefill_tok_s=60_000,
    decode_tok_s=900,
    structured_factor=1.4,
    cache=Cache(block_tokens=64),
    output_tokens=1_000,
)
UNCACHED = msgspec.structs.replace(QUICK, cache=Cache(enabled=False), prefill_tok_s=90_000)
PLAIN = msgspec.structs.replace(QUICK, structured_factor=1.0, ttft_base_s=0.08, decode_tok_s=1_100)


def quietest(profile: Profile, loop: Loop) -> dict[StepKind, float]:
    """Return the least of each row of up to five runs: other load only ever makes it longer."""
    expected = rows_s(rates_of_profile(profile), loop)
    least = dict.fromkeys(expected, float("inf"))
    for _ in range(5):
        run = asyncio.run(ran(profile, loop))
        assert len(run.calls) == sum(len(step.parts) for step in loop)
        assert run.projected_s == pytest.approx(sum(expected.values()), rel=0.01)
        least = {kind: min(took_s, run.rows_s[kind]) for kind, took_s in least.items()}
        if sum(least.values()) < sum(expected.values()) * 1.005:
            break
    return least


async def ran(profile: Profile, loop: Loop) -> LoopRun:
    async with SimServer(profile) as server:
        client = Client(server.base_url, profile.model, "")
        try:
            return await run_loop(client, loop, rates=rates_of_profile(profile))
        finally:
            await client.aclose()


@pytest.mark.parametrize("profile", [QUICK, UNCACHED, PLAIN], ids=["quick", "uncached", "plain"])
@pytest.mark.parametrize("iterations", [1, 2])
def test_the_projected_loop_is_the_one_that_really_runs(profile: Profile, iterations: int) -> None:
    loop = article(iterations)
    took = quietest(profile, loop)
    expected = rows_s(rates_of_profile(profile), loop)
    tests_s = 5.0 * iterations
    assert sum(expected.values()) - tests_s == pytest.approx(sum(took.values()) - tests_s, rel=0.03)
    for kind, row_s in took.items():
        assert expected[kind] == pytest.approx(row_s, rel=0.05, abs=0.01), kind


def test_a_result_can_be_held_against_the_loop_really_run() -> None:
    async def held(profile: Profile) -> tuple[float, float, dict[str, str]]:
        async with SimServer(profile) as server:
            result = result_of(PLAIN, server.base_url)
            result = await with_loop_run(result, Target(base_url=server.base_url))
            run = result.loop_run
            error = 0.0 if run is None or run.error is None else run.error
            return error, 0.0 if run is None else run.total_s, result.missing

    error, total_s, missing = asyncio.run(held(PLAIN))
    assert abs(error) < 0.15
    assert total_s > 5
    assert not missing
    slower = msgspec.structs.replace(PLAIN, decode_tok_s=500)
    error, _, _ = asyncio.run(held(slower))
    assert error < -0.2, "a projection that is wrong is seen to be"
    refusing = msgspec.structs.replace(PLAIN, context_tokens=4_000)
    error, total_s, missing = asyncio.run(held(refusing))
    assert total_s == 0
    assert "loop_run" in missing


def test_a_shorter_loop_is_projected_as_it_runs_too() -> None:
    prefetch, batch, _, finish, short, _ = LEVERS["article"]
    rates = rates_of_profile(QUICK)
    loop = with_levers(rates, article(), [prefetch, finish, short])
    took_s = sum(quietest(QUICK, loop).values())
    assert sum(rows_s(rates, loop).values()) - 5 == pytest.approx(took_s - 5, rel=0.03)
    assert sum(len(step.parts) for step in loop) == 5
    assert batch.name == "several actions per call"


def test_tracelabs_session_is_projected_as_it_runs() -> None:
    profile = msgspec.structs.replace(QUICK, prefill_tok_s=600_000, context_tokens=40_000)
    loop = fitted(tracelab(), 30_000)
    cold = (msgspec.structs.replace(loop[0], warm_tokens=0), *loop[1:])
    took_s = sum(quietest(profile, cold).values())
    rows = rows_s(rates_of_profile(profile), cold)
    assert sum(rows.values()) == pytest.approx(took_s, rel=0.04)


@pytest.mark.parametrize("name", ["fast", "slow"])
def test_the_articles_own_table_comes_out(name: str) -> None:
    one, two, _ = tables(rates_of_profile(load_profile(name)))
    assert one.p50_s == pytest.approx(TOTAL_S[name], rel=0.03)
    assert two.p50_s == pytest.approx(TWO_ITERATIONS_S[name], rel=0.07)
    assert [row.kind for row in one.rows] == [step.kind for step in STEPS]
    assert sum(row.calls for row in one.rows) == 9
    assert one.levers_p50_s < one.p50_s
    assert len(one.assumed) == len(LEVERS["article"])


def test_tracelabs_median_request_comes_out() -> None:
    profile = msgspec.structs.replace(load_profile("tracelab"), tail=Tail())
    found = table(rates_of_profile(profile), "tracelab")
    assert found.p50_s == pytest.approx(9 * 4.9, rel=0.2)
    assert found.note == ""


def test_a_tail_makes_the_p95_of_the_sum_not_the_sum_of_p95s() -> None:
    rates = Rates(base_s=0.3, token_s=1 / 80, tail=Tail(share=0.1, sigma=0.8))
    found = project(rates, article())
    assert found.p95_s > found.p50_s * 1.05
    assert found.p95_s < sum(found.rows_p95_s.values())
    assert found == project(rates, article()), "a report says the same each time"
    assert found.rows_p95_s[StepKind.TEST] == 5.0


def test_the_quantiles_are_those_of_a_backend_with_such_a_tail() -> None:
    profile = Profile(ttft_base_s=0.3, decode_tok_s=80, tail=Tail(share=0.3, sigma=0.8))
    index = count()

    def took_s() -> float:
        calls = [(p.output_tokens, p.structured) for step in article() for p in step.parts]
        return 5.0 + sum(
            timetable(profile, 8_000, 0, *call, slow=draw(profile, next(index)).slow).end_s
            for call in calls
        )

    totals = sorted(took_s() for _ in range(3_000))
    found = project(rates_of_profile(profile), article())
    assert found.p50_s == pytest.approx(quantile(totals, 0.5), rel=0.02)
    assert found.p95_s == pytest.approx(quantile(totals, 0.95), rel=0.03)


def test_each_lever_only_takes_time_away_and_all_words_stay() -> None:
    rates = rates_of_profile(QUICK)
    plain = sum(rows_s(rates, article(2)).values())
    for lever in LEVERS["article"]:
        assert sum(rows_s(rates, lever.apply(article(2))).values()) <= plain, lever.name
    kept = with_levers(rates, article(), [lv for lv in LEVERS["article"] if lv.name != "prefetch"])
    words = sum(p.output_tokens for step in kept for p in step.parts)
    assert words == sum(p.output_tokens for step in article() for p in step.parts) - 96


def test_levers_keep_every_observation() -> None:
    for lever in LEVERS["article"]:
        if lever.name == "short prompt":
            continue
        loop = lever.apply(article(2))
        read = sum(step.new_tokens for step in loop)
        lost = 500 if lever.name == "finish" else 0  # the last test output is read by nobody
        assert read == sum(step.new_tokens for step in article(2)) - lost, lever.name


def test_a_cache_that_does_not_work_has_no_warm_start() -> None:
    found = table(rates_of_profile(UNCACHED), "article")
    assert not [text for text in found.assumed if text.startswith("warm start")]


@given(context=st.integers(1_000, 200_000))
def test_a_loop_is_cut_to_the_context(context: int) -> None:
    whole = tracelab()
    cut = fitted(whole, context)
    rest = sum(s.new_tokens + sum(p.output_tokens for p in s.parts) for s in cut[1:])
    used = rest + cut[0].new_tokens + sum(p.output_tokens for p in cut[0].parts)
    assert used <= max(context, rest + 214)
    assert cut[0].warm_tokens <= cut[0].new_tokens <= whole[0].new_tokens


@given(
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=6),
    at=st.integers(0, 40_000),
    more=st.integers(0, 5_000),
)
def test_prefill_never_gets_cheaper_with_size(sizes: list[int], at: int, more: int) -> None:
    points = [(0.0, 0.0)]
    for size in sizes:
        points.append((points[-1][0] + size, points[-1][1] + size / 1000))
    rates = Rates(prefill=tuple(points))
    assert rates.prefill_s(at) <= rates.prefill_s(at + more) + 1e-9
    assert rates.prefill_s(at) == pytest.approx(at / 1000, abs=1e-6)


@given(scale=st.floats(LEAST_SCALE, 1.0))
def test_a_smaller_loop_has_the_same_calls(scale: float) -> None:
    whole, smaller = article(2), scaled(article(2), scale)
    assert [[part.kind for part in step.parts] for step in smaller] == [
        [part.kind for part in step.parts] for step in whole
    ]
    assert [step.pause_s for step in smaller] == [step.pause_s for step in whole]
    assert total_tokens(smaller)[0] <= total_tokens(whole)[0]
    assert scaled(whole, 1.0) == whole


@given(rate=st.floats(5, 200), limit_s=st.floats(20, 600))
def test_a_loop_is_made_as_small_as_its_limit_asks(rate: float, limit_s: float) -> None:
    rates = rates_of_profile(Profile(ttft_base_s=0.05, prefill_tok_s=20 * rate, decode_tok_s=rate))
    scale = scale_within(rates, article(), limit_s)
    took_s = model_s(rates, scaled(article(), scale))
    assert LEAST_SCALE <= scale <= 1
    assert took_s <= limit_s * 1.05 or scale == LEAST_SCALE
    assert scale == 1.0 or took_s > 0.7 * limit_s or scale == LEAST_SCALE


def test_a_slow_endpoint_runs_a_smaller_loop_which_is_projected_as_well() -> None:
    async def ran_small() -> LoopRun | None:
        slow = msgspec.structs.replace(PLAIN, decode_tok_s=200, prefill_tok_s=20_000)
        async with SimServer(slow) as server:
            result = result_of(slow, server.base_url)
            result = await with_loop_run(result, Target(base_url=server.base_url), 1.5)
            assert "0.1" in really_run(result)
            return result.loop_run

    run = asyncio.run(ran_small())
    assert run is not None
    assert run.error is not None
    assert 0.05 < run.scale < 0.5
    assert run.limit_s == 1.5
    assert sum(call.end_s for call in run.calls) < 2.5
    assert abs(run.error) < 0.2
    assert len(run.calls) == 9
