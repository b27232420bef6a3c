"""Results as a perfect probe would bring them back from a backend with known figures."""

from __future__ import annotations

import msgspec

from hotloop.probe.figure import Figure, figure
from hotloop.probe.parts import (
    Connection,
    Decode,
    DecodePoint,
    FanOut,
    Parallel,
    PrefixCache,
    Structured,
    Supports,
    Tails,
    Ttft,
    TtftPoint,
    Turn,
    Validity,
)
from hotloop.probe.result import Cost, Defect, Result, Tokens
from hotloop.sim.profile import Profile
from hotloop.sim.timing import timetable

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000)


def sure(value: float, count: int = 12) -> Figure:
    found = figure([value * (1 + (number - count // 2) / 5_000) for number in range(count)])
    assert found is not None
    return msgspec.structs.replace(found, median=value)


def rate(seconds: float) -> Figure:
    return sure(1 / seconds if seconds else 10_000.0)


def result_of(profile: Profile, endpoint: str = "http://127.0.0.1:8000/v1") -> Result:
    token_s = timetable(profile, 1_000, 0, 1).token_s
    held_s = timetable(profile, 1_000, 0, 1, structured=True).token_s
    works = profile.cache.enabled and profile.cache.saves_time
    cold_s, warm_s = _ttft_s(profile, 8_000), _ttft_s(profile, 8_000, 7_900 if works else 0)
    base_s = profile.queue_s + profile.ttft_base_s
    return Result(
        hotloop_version="0.0",
        endpoint=endpoint,
        model=profile.model,
        started_at=1_790_000_000.0,
        tokens=Tokens(reported=True, trusted=True),
        connection=Connection(
            http_version="1.1",
            address="127.0.0.1",
            tcp_s=sure(0.0002),
            headers_s=sure(0.01),
            connect_s=sure(profile.connect_s),
            reused=True,
        ),
        ttft=Ttft(
            points=[
                TtftPoint(
                    input_tokens=size,
                    cold_s=sure(_ttft_s(profile, size)),
                    warm_s=sure(_ttft_s(profile, size, size - 16 if works else 0)),
                    cached_tokens=size - 16 if profile.cache.enabled else 0,
                )
                for size in SIZES
            ],
            base_s=sure(base_s),
            prefill_tok_s=sure(profile.prefill_tok_s) if profile.prefill_tok_s else None,
            prefill_free=not profile.prefill_tok_s,
            fit_error=0.01,
        ),
        decode=Decode(
            rate_tok_s=rate(token_s),
            itl_s=sure(token_s),
            longest_stall_s=token_s * 2,
            by_context=[DecodePoint(context_tokens=s, rate_tok_s=rate(token_s)) for s in SIZES],
            copied_tok_s=rate(token_s),
            copy_ratio=1.0,
            speculation=False,
            chunk_tokens=sure(1.0),
        ),
        structured=Structured(
            free_token_s=sure(token_s),
            schema_token_s=sure(held_s),
            tool_token_s=sure(held_s),
            schema_ratio=profile.structured_factor,
            tool_ratio=profile.structured_factor,
            name_s=sure(base_s + held_s),
            first_call_s=sure(base_s + 40 * held_s),
            arguments="burst" if profile.burst else "streamed",
            schema_validity=Validity(asked=10, valid=10),
            tool_validity=Validity(asked=10, valid=9, fenced_json=1),
            schema_enforced=not profile.ignores_schema,
        ),
        prefix_cache=PrefixCache(
            works=works,
            honest=profile.cache.saves_time if profile.cache.enabled else None,
            input_tokens=8_000,
            cold_s=sure(cold_s),
            same_s=sure(warm_s),
            changed_s=sure(cold_s),
            saved_s=sure(cold_s - warm_s),
            claimed_tokens=sure(7_900) if profile.cache.enabled else None,
            claimed_s=cold_s - base_s if profile.cache.enabled else None,
            hit_share=0.98 if works else 0.0,
            growing=[
                Turn(
                    input_tokens=2_000 + 400 * turn,
                    new_tokens=400,
                    cached_tokens=1_600 + 400 * turn,
                    ttft_s=_ttft_s(profile, 400 if works else 2_000 + 400 * turn),
                    expected_cold_s=_ttft_s(profile, 2_000 + 400 * turn),
                )
                for turn in range(5)
            ],
            block_tokens=profile.cache.block_tokens if works else None,
            survives_strangers=True,
        ),
        parallel=Parallel(
            fan_out=[
                FanOut(
                    width=width,
                    latency_s=sure(1.0 + 0.1 * width),
                    ttft_s=sure(base_s),
                    itl_s=sure(token_s),
                    wall_s=1.0 + 0.1 * width,
                    total_tok_s=min(width, 4) / token_s if token_s else 10_000.0,
                )
                for width in (1, 2, 4, 8)
            ],
            knee=4,
            slots=profile.slots,
            share_cost=profile.share_cost,
            neighbour_alone_itl_s=sure(token_s),
            neighbour_itl_s=sure(token_s),
            neighbour_stall_s=0.2,
            chunked_prefill=not profile.prefill_blocks,
        ),
        tails=Tails(
            latency_s=sure(1.0),
            ttft_s=sure(base_s),
            calls=60,
            slow_share=profile.tail.share,
            slow_sigma=profile.tail.sigma,
        ),
        supports=Supports(
            tools=True,
            response_format=True,
            stream_usage=True,
            cached_tokens=True,
            context_tokens=profile.context_tokens,
            dialect="native",
        ),
        defects=[Defect(kind="burst_arguments", text="Arguments come in one piece.")]
        if profile.burst
        else [],
        cost=Cost(requests=210, input_tokens=400_000, output_tokens=9_000, time_s=58.0),
    )


def _ttft_s(profile: Profile, tokens: int, cached: int = 0) -> float:
    return timetable(profile, tokens, cached, 0).first_token_s
