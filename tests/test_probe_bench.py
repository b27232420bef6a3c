"""The benchmark of the probe: its backends, its checks and the client's own cost."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from bench.probe.client import measure_client
from bench.probe.planted import checks, named_defects, planted_defects, random_profile
from bench.probe.served import served
from hotloop.probe.result import Defect, Result
from hotloop.sim.profile import Cache, Profile


def test_marks_are_compared_with_the_log_of_another_process() -> None:
    cost = measure_client(tokens=30, calls=3)
    shares = (cost.core_share, cost.protocol_share, cost.reader_share, cost.socket_share)
    assert all(0 < share < 1 for share in shares)
    assert 0 < cost.first_token_ms <= cost.worst_ms
    assert 0 < cost.end_ms <= cost.worst_ms


def test_a_served_backend_tells_what_it_was_asked() -> None:
    with served(Profile()) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.chats == []
    assert server.requests == []


def test_backends_are_drawn_from_a_seed_and_differ() -> None:
    drawn = [random_profile(random.Random(1)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    source = random.Random(1)
    many = [random_profile(source) for _ in range(30)]
    assert {one.cache.block_tokens for one in many} >= {16, 64, 256}
    assert len({frozenset(planted_defects(one)) for one in many}) > 5


def test_errors_are_relative_and_what_is_missing_is_not_found() -> None:
    profile = Profile(ttft_base_s=0.1, prefill_tok_s=1_000, decode_tok_s=100, cache=Cache())
    result = Result()
    result.ttft.server_base_s = 0.11
    result.structured.schema_ratio = 0.5
    errors = {one.name: one.error for one in checks(profile, result, [])}
    assert errors["TTFT base"] == pytest.approx(0.1)
    assert errors["schema factor"] == pytest.approx(0.5)
    assert math.isinf(errors["decode rate"])
    assert math.isinf(errors["cache block"])


def test_planted_and_named_defects_are_of_one_kind() -> None:
    sick = Profile(burst=True, ignores_schema=True, slots=8, usage="never")
    planted = {"burst_arguments", "schema_not_enforced", "no_usage"}
    assert planted_defects(sick) == planted
    defects = [Defect(kind="burst_arguments", text="x"), Defect(kind="unsteady", text="y")]
    assert named_defects(msgspec.structs.replace(Result(), defects=defects)) == {"burst_arguments"}
