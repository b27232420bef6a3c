"""The lever `hedge`: late requests go to a replica, the first token wins, the other is closed."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_session import FIX, FIXED, READ, READ_CHECK, says
from endpoints import PATIENT, Served, session
from hotloop.backend.client import Client
from hotloop.backend.retry import RetryPolicy
from hotloop.errors import BackendError
from hotloop.ledger.events import CallEnd, LeverAccount
from hotloop.levers.hedge import Hedge, late_s
from hotloop.levers.speed import Rates, Speed, Warmth
from hotloop.sim.profile import Fault, Profile, Tail
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer

BODY = b'{"model":"m","messages":[{"role":"user","content":"%b"}],"stream":true}'
RATES = Rates(base_s=0.02, late=2.0)
HANGS = Fault(kind="hang", at=(0,))
CHECK = f"{sys.executable} check.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def failing(profile: Profile, *faults: Fault) -> Profile:
    return msgspec.structs.replace(profile, faults=faults)


# when a first token is late -----------------------------------------------------------------


def test_late_is_in_proportion_to_what_has_to_be_read() -> None:
    speed = Speed(Rates(base_s=0.2, prefill_tok_s=1000, late=3.0))
    assert late_s(speed, 0) == pytest.approx(0.6)
    assert late_s(speed, 800) == pytest.approx(3.0)


def test_nothing_is_late_before_the_usual_is_known() -> None:
    speed = Speed()
    waits = [0.1, 0.11, 0.1, 0.12, 0.1, 0.11, 0.1]
    for wait_s in waits:
        speed.saw(500, wait_s)
        assert late_s(speed, 100) is None
    speed.saw(500, 0.3)
    assert late_s(speed, 100) == pytest.approx(0.3 / 0.105 * 0.105, rel=0.05)
    assert late_s(speed, 501) is None, "no call so far had as much to read"


def test_a_backend_that_is_slower_than_when_it_was_probed_is_not_late_all_the_time() -> None:
    speed = Speed(Rates(base_s=0.1, late=2.0))
    assert late_s(speed, 0) == pytest.approx(0.2)
    for _ in range(3):
        speed.saw(0, 0.3)
    assert late_s(speed, 0) == pytest.approx(0.6)


def test_a_line_through_the_sessions_own_calls() -> None:
    speed = Speed()
    for count, wait_s in ((0, 0.2), (1000, 0.7), (2000, 1.2)):
        speed.saw(count, wait_s)
    assert speed.ttft_s(4000) == pytest.approx(2.2)
    assert speed.call_s(0, 10) is None, "no decode rate is known yet"


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_what_is_cold_is_what_differs(start: bytes, one: bytes, other: bytes) -> None:
    warmth = Warmth()
    assert warmth.cold_tokens(start + one) == len(start + one) // 4
    warmth.took(start + one)
    assert warmth.cold_tokens(start + one) == 0
    assert warmth.cold_tokens(start + other) <= (len(other) + 3) // 4


# two requests ---------------------------------------------------------------------------------


class Pair(msgspec.Struct, kw_only=True):
    """Two servers of one model, a hedge over both, and what it told."""

    hedge: Hedge
    servers: list[SimServer]
    told: list[str]

    async def ask(self, text: str = "x") -> str:
        stream = await self.hedge.chat(BODY % text.encode(), lambda marks: None)
        words = "".join([getattr(delta, "text", "") async for delta in stream])
        await stream.aclose()
        return words


def with_pair(
    first: Profile, second: Profile, work: Any, rates: Rates = RATES, *, first_url: str = ""
) -> Any:
    """Run `work` with a pair; `first_url` is another address for the first than its server's."""

    async def main() -> Any:
        script = Script(replies=(Reply(text="Hello there."),))
        async with SimServer(first, script) as one, SimServer(second, script) as two:
            start_s, told = time.monotonic(), list[str]()
            clients = [
                Client(url, "m", "", session_start_s=start_s, retry=RetryPolicy())
                for url in (first_url or one.base_url, two.base_url)
            ]
            hedge = Hedge(
                clients[0],
                clients[1:],
                Speed(rates),
                lambda: time.monotonic() - start_s,
                told.append,
            )
            try:
                return await work(Pair(hedge=hedge, servers=[one, two], told=told))
            finally:
                for client in clients:
                    await client.aclose()

    return asyncio.run(main())


async def gone(server: SimServer) -> bool:
    """Wait until the server has seen that the client left its first request."""
    async with asyncio.timeout(5):
        while server.requests[0].disconnect_s is None:
            await asyncio.sleep(0.005)
    return True


def test_a_late_request_is_answered_by_the_replica_and_closed() -> None:
    async def work(pair: Pair) -> None:
        assert await pair.ask() == "Hello there."
        assert await gone(pair.servers[0])
        [hedged] = pair.hedge.hedges
        assert hedged.won
        assert hedged.replica == pair.servers[1].base_url
        assert 0.04 <= hedged.sent_s < 1.0
        assert pair.hedge.wasted_s > 0.04
        assert [one.body for one in pair.servers[0].requests] == [
            one.body for one in pair.servers[1].requests
        ]
        assert await pair.ask("x and more") == "Hello there."
        assert len(pair.servers[1].requests) == 2, "it has read the conversation: it stays"

    with_pair(failing(PATIENT, HANGS), PATIENT, work)


def test_the_first_may_still_win_and_the_replica_is_closed() -> None:
    slow = msgspec.structs.replace(PATIENT, ttft_base_s=0.3)

    async def work(pair: Pair) -> None:
        assert await pair.ask() == "Hello there."
        assert await gone(pair.servers[1])
        assert [one.won for one in pair.hedge.hedges] == [False]
        assert "0 answered by a replica" in pair.hedge.detail

    with_pair(slow, failing(PATIENT, HANGS), work)


def test_requests_in_time_are_sent_once() -> None:
    async def work(pair: Pair) -> None:
        for number in range(5):
            await pair.ask("x" * number)
        assert pair.hedge.hedges == []
        assert pair.hedge.detail == ""
        assert pair.servers[1].requests == []

    with_pair(PATIENT, PATIENT, work, Rates(base_s=0.5, late=2.0))


def test_the_extra_load_is_capped_however_late_all_are() -> None:
    def work_of(asked: int) -> Any:
        async def work(pair: Pair) -> int:
            for number in range(asked):
                await pair.ask(f"{number}")
            return sum(len(server.requests) for server in pair.servers) - asked

        return work

    tailed = msgspec.structs.replace(PATIENT, tail=Tail(share=0.4, sigma=1.5))
    assert 2 <= with_pair(tailed, PATIENT, work_of(50), Rates(base_s=0.02, late=1.2)) <= 3


def test_a_replica_is_given_the_time_to_read_the_whole_prompt() -> None:
    async def work(pair: Pair) -> None:
        await pair.ask("x" * 8000)
        sent = len(pair.servers[1].requests)
        await pair.ask("x" * 8000 + " and a little more")
        assert (sent, len(pair.servers[1].requests)) == (0, 0)

    slow = msgspec.structs.replace(PATIENT, ttft_base_s=0.3)
    with_pair(slow, PATIENT, work, Rates(base_s=0.02, prefill_tok_s=4000, late=1.2))


def test_a_replica_that_fails_is_told_and_asked_no_more() -> None:
    async def work(pair: Pair) -> None:
        assert await pair.ask() == "Hello there."
        assert await pair.ask("more") == "Hello there."
        assert len(pair.told) == 1
        assert "not asked again" in pair.told[0]
        assert len(pair.hedge.hedges) == 1

    slow = msgspec.structs.replace(PATIENT, ttft_base_s=0.4)
    wants_key = msgspec.structs.replace(PATIENT, api_key="secret")
    with_pair(slow, wants_key, work)


def test_where_both_fail_the_first_ones_error_is_told() -> None:
    async def work(pair: Pair) -> None:
        with pytest.raises(BackendError, match="context") as caught:
            await pair.ask("x" * 4000)
        assert pair.servers[0].base_url in str(caught.value)

    small = msgspec.structs.replace(PATIENT, context_tokens=10)
    with_pair(small, small, work)


def test_cancelling_closes_both() -> None:
    async def work(pair: Pair) -> None:
        call = asyncio.create_task(pair.ask())
        async with asyncio.timeout(5):
            while not pair.servers[1].requests:
                await asyncio.sleep(0.005)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert await gone(pair.servers[0])
        assert await gone(pair.servers[1])

    with_pair(failing(PATIENT, HANGS), failing(PATIENT, HANGS), work)


def test_an_endpoint_that_is_down_is_late_as_well() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"

        async def work(pair: Pair) -> None:
            assert await pair.ask() == "Hello there."
            assert pair.hedge.hedges[0].won

        with_pair(PATIENT, PATIENT, work, first_url=dead)


# in a session ---------------------------------------------------------------------------------

REPLIES = [says(READ), says(READ_CHECK), says(FIX)]


def hedged(root: Path, profiles: Sequence[Profile], **more: Any) -> Served:
    return session(
        root,
        [(profile, REPLIES) for profile in profiles],
        lambda urls: {"replicas": urls[1:]},
        test=CHECK,
        **more,
    )


def test_a_session_goes_on_where_its_backend_hangs(tmp_path: Path) -> None:
    hangs = failing(PATIENT, Fault(kind="hang", at=(1,)))
    served = hedged(tmp_path, [hangs, PATIENT], without=["prefetch"])
    assert served.run.outcome == "solved"
    assert served.run.calc == FIXED
    [late] = [one for one in served.run.of(CallEnd) if one.hedged_s is not None]
    first_s = late.marks.first_token_s
    assert first_s is not None
    assert late.marks.start_s < late.hedged_s < first_s
    assert late.wait_s >= first_s - late.marks.start_s
    assert late.backend.startswith("http://127.0.0.1:")
    [account] = [one for one in served.run.of(LeverAccount) if one.lever == "hedge"]
    assert account.saved_s == 0, "what the other would have taken is not known"
    assert account.wasted_s > 0
    assert account.detail.startswith("1 of 4 calls asked twice, 1 answered by a replica")


def test_without_the_lever_no_replica_is_asked(tmp_path: Path) -> None:
    hangs = failing(PATIENT, Fault(kind="hang", at=(1,)))
    served = hedged(tmp_path, [hangs, PATIENT], without=["hedge"], budget_s=2.0)
    assert served.run.outcome == "over_budget"
    assert served.asked[1] == []
    assert "hedge" not in {one.lever for one in served.run.of(LeverAccount)}


@given(st.integers(0, 1000), st.sampled_from([0.3, 0.6, 1.0]))
@settings(max_examples=6, deadline=None)
def test_whoever_answers_the_conversation_is_the_same_byte_for_byte(
    seed: int, share: float
) -> None:
    tailed = msgspec.structs.replace(PATIENT, seed=seed, tail=Tail(share=share, sigma=2.0))
    other = msgspec.structs.replace(tailed, seed=seed + 1)
    with tempfile.TemporaryDirectory() as folder:
        alone, both = Path(folder) / "alone", Path(folder) / "both"
        alone.mkdir()
        both.mkdir()
        plain = hedged(alone, [tailed], without=["prefetch"], late=1.2)
        two = hedged(both, [tailed, other], without=["prefetch"], late=1.2)
        assert two.conversation == plain.conversation
        assert two.run.calc == plain.run.calc == FIXED
        assert (two.run.outcome, plain.run.outcome) == ("solved", "solved")
