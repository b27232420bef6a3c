"""Verdict, levers and profile, from results whose figures are known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.ledger.events import StepKind
from hotloop.probe.figure import figure
from hotloop.probe.json_schema import schema_json
from hotloop.probe.loopmodel import project, tables
from hotloop.probe.parts import DecodePoint
from hotloop.probe.profile_out import profile_of, profile_toml
from hotloop.probe.rates import rates_of_profile, rates_of_result
from hotloop.probe.result import Result
from hotloop.probe.shapes import article
from hotloop.probe.verdict import breaking_step, conclude, share_s
from hotloop.sim.profile import Cache, Profile, Tail, load_profile
from tests.probe_results import result_of, sure

CPU = Profile(
    model="small",
    ttft_base_s=0.1,
    prefill_tok_s=170,
    decode_tok_s=36,
    structured_factor=1.3,
    slots=1,
    context_tokens=16_384,
)


@pytest.mark.parametrize("name", ["fast", "slow", "tracelab"])
def test_the_loop_follows_from_the_measured_figures(name: str) -> None:
    profile = load_profile(name)
    found = conclude(result_of(profile))
    for ours, known in zip(found.loop, tables(rates_of_profile(profile)), strict=True):
        assert ours.p50_s == pytest.approx(known.p50_s, rel=0.01)
        assert ours.p95_s == pytest.approx(known.p95_s, rel=0.01)


def test_the_verdict_names_what_breaks_the_budget_and_the_first_lever() -> None:
    found = conclude(result_of(load_profile("slow"))).verdict
    assert found is not None
    assert not found.fits
    assert found.breaking_step is StepKind.GENERATE
    assert found.dialect == "native"
    assert "37.1 s here" in found.text
    assert '"Generate code" breaks it: 11.8 s' in found.text
    saved = [gain.saved_s for gain in found.levers]
    assert saved == sorted(saved, reverse=True)
    assert all(gain.because for gain in found.levers)
    assert found.levers[0].lever == "decode twice as fast"
    assert "40.0 tok/s (median of 12)" in found.levers[0].because
    assert found.levers[0].saved_s == pytest.approx(1120 / 80, rel=0.01)


def test_a_quick_endpoint_fits_and_nothing_breaks() -> None:
    quick = Profile(ttft_base_s=0.1, decode_tok_s=400)
    found = conclude(result_of(quick)).verdict
    assert found is not None
    assert found.fits
    assert found.breaking_step is None
    assert "breaks it" not in found.text


def test_a_tail_that_only_breaks_the_p95_is_said_so() -> None:
    profile = Profile(ttft_base_s=0.3, decode_tok_s=120, tail=Tail(share=0.2, sigma=1.0))
    found = conclude(result_of(profile))
    assert found.verdict is not None
    assert found.loop[0].p50_s < 20 < found.loop[0].p95_s
    assert not found.verdict.fits
    assert "not at the p95" in found.verdict.text
    assert found.verdict.breaking_step is not None
    assert "no slow calls" in {gain.lever for gain in found.verdict.levers}


def test_slow_prefill_is_what_breaks_a_small_machine() -> None:
    found = conclude(result_of(CPU))
    assert found.verdict is not None
    assert found.verdict.breaking_step is StepKind.PLAN
    assert found.verdict.levers[0].lever in {"prefill twice as fast", "warm start"}
    gains = {gain.lever: gain.saved_s for gain in found.verdict.levers}
    assert gains["short prompt"] == pytest.approx(6_000 / 170, rel=0.01)
    assert found.loop[2].note, "TraceLab's 119,000 tokens do not fit its context"


def test_a_cache_that_only_claims_hits_counts_as_none() -> None:
    claims = msgspec.structs.replace(CPU, cache=Cache(saves_time=False))
    works, lies = conclude(result_of(CPU)), conclude(result_of(claims))
    assert lies.loop[0].p50_s > works.loop[0].p50_s * 3
    assert lies.verdict is not None
    [cache] = [gain for gain in lies.verdict.levers if gain.lever == "a prefix cache"]
    assert cache.side == "endpoint"
    assert "7,900 tokens claimed" in cache.because
    assert lies.loop[0].p50_s - cache.saved_s == pytest.approx(works.loop[0].p50_s, rel=0.03)
    assert lies.profile is not None
    assert lies.profile.cache == Cache(saves_time=False, block_tokens=1)


def test_without_a_decode_rate_there_is_no_verdict_and_a_reason() -> None:
    result = result_of(CPU)
    bare = msgspec.structs.replace(
        result, decode=msgspec.structs.replace(result.decode, rate_tok_s=None)
    )
    bare.missing["decode.rate_tok_s"] = "answers were too short"
    found = conclude(bare)
    assert (found.loop, found.verdict, found.profile) == ([], None, None)
    assert found.missing["verdict"].endswith("no decode rate: answers were too short")


def test_without_a_fit_the_measured_sizes_make_do() -> None:
    result = result_of(CPU)
    ttft = msgspec.structs.replace(
        result.ttft, base_s=None, prefill_tok_s=None, points=result.ttft.points[:1]
    )
    found = conclude(msgspec.structs.replace(result, ttft=ttft))
    assert found.verdict is not None
    assert found.profile is not None
    assert found.profile.prefill_tok_s == pytest.approx(1_000 / (0.1 + 1_000 / 170), rel=0.01)
    assert found.loop[0].p50_s == pytest.approx(conclude(result).loop[0].p50_s, rel=0.1)


def test_an_unsure_figure_is_called_unsure() -> None:
    result = result_of(CPU)
    shaky = msgspec.structs.replace(result.decode, rate_tok_s=figure([30.0, 36.0]))
    found = conclude(msgspec.structs.replace(result, decode=shaky)).verdict
    assert found is not None
    [gain] = [gain for gain in found.levers if gain.lever == "decode twice as fast"]
    assert "unsure: 2 samples, 5 wanted" in gain.because


def test_the_shares_of_a_budget_add_up() -> None:
    assert sum(share_s(kind) for kind in StepKind) == pytest.approx(20.0)


def test_decode_that_slows_with_the_context_is_followed() -> None:
    result = result_of(CPU)
    points = [
        DecodePoint(context_tokens=size, rate_tok_s=sure(1 / (0.02 + size * 2e-6)))
        for size in (1_000, 4_000, 8_000)
    ]
    decode = msgspec.structs.replace(result.decode, by_context=points)
    rates = rates_of_result(msgspec.structs.replace(result, decode=decode))
    assert rates is not None
    assert rates.decode_s(12_000, 100) == pytest.approx(100 * (0.02 + 12_050 * 2e-6), rel=0.01)


def test_where_the_fit_breaks_the_measured_sizes_count() -> None:
    result = result_of(CPU)
    bent = [
        msgspec.structs.replace(point, cold_s=sure(0.1 + (point.input_tokens / 1000) ** 1.5))
        for point in result.ttft.points
    ]
    ttft = msgspec.structs.replace(result.ttft, points=bent, breaks_at_tokens=8_000)
    rates = rates_of_result(msgspec.structs.replace(result, ttft=ttft))
    assert rates is not None
    assert rates.ttft_s(8_000) == pytest.approx(0.1 + 8**1.5, rel=0.01)
    assert rates.ttft_s(8_000, 4_000) == pytest.approx(0.1 + 8**1.5 - 8, rel=0.01)


@pytest.mark.parametrize("name", ["fast", "slow", "tracelab"])
def test_the_profile_is_the_backend_that_was_probed(name: str, tmp_path: Path) -> None:
    profile = load_profile(name)
    made = profile_of(result_of(profile))
    assert made is not None
    file = tmp_path / "found.toml"
    file.write_text(profile_toml(made, "http://x/v1"))
    loaded = load_profile(file)
    assert loaded == made
    loop = article()
    ours, theirs = (project(rates_of_profile(p), loop) for p in (loaded, profile))
    assert ours.p50_s == pytest.approx(theirs.p50_s, rel=0.01)
    assert ours.p95_s == pytest.approx(theirs.p95_s, rel=0.01)


@given(
    model=st.text(min_size=1, max_size=30),
    decode=st.floats(0.1, 1e5),
    base=st.floats(0, 1e3),
    block=st.integers(1, 4096),
    burst=st.booleans(),
)
def test_any_profile_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory,
    model: str,
    decode: float,
    base: float,
    block: int,
    burst: bool,
) -> None:
    profile = Profile(
        model=model,
        decode_tok_s=decode,
        ttft_base_s=base,
        cache=Cache(block_tokens=block),
        burst=burst,
    )
    made = profile_of(result_of(profile))
    assert made is not None
    file = tmp_path_factory.mktemp("p") / "made.toml"
    file.write_text(profile_toml(made, f"http://{model}/v1"), "utf-8")
    assert load_profile(file) == made


def test_the_result_survives_json() -> None:
    found = conclude(result_of(load_profile("tracelab")))
    data = msgspec.json.encode(found)
    assert msgspec.json.decode(data, type=Result) == found
    raw = msgspec.json.decode(data)
    assert raw["schema_version"] == 1
    assert raw["profile"]["decode_tok_s"] == pytest.approx(61.3)
    assert {"connection", "ttft", "decode", "structured", "prefix_cache", "parallel"} < set(raw)
    assert raw["loop"][0]["rows"][0]["kind"] == "plan"


def test_levers_can_move_the_step_that_breaks() -> None:
    table = conclude(result_of(CPU)).loop[0]
    assert breaking_step(table) is StepKind.PLAN
    assert breaking_step(table, levers=True) in {None, *StepKind}
    assert table.levers_p50_s < table.p50_s / 2


def test_the_documented_schema_is_the_one_that_is_written() -> None:
    documented = Path(__file__).parent.parent / "docs" / "probe.schema.json"
    step = "write it anew: python -m hotloop.probe.json_schema > docs/probe.schema.json"
    assert documented.read_bytes() == schema_json(), step


def test_the_document_names_every_key() -> None:
    text = (Path(__file__).parent.parent / "docs" / "probe.md").read_text()
    for name in Result.__struct_fields__:
        assert f"`{name}`" in text, name
