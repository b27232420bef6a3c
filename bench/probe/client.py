"""The client itself: processor time of a stream, and its time marks against the server's."""

from __future__ import annotations

import asyncio
import statistics
import time

import msgspec

from bench.probe.served import served
from hotloop.backend.client import Client
from hotloop.backend.endpoint import parse_base_url
from hotloop.probe.prompts import Prompts
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import Settings
from hotloop.sim.profile import Profile

RATE = 100.0
LONG_TOKENS = 1_000
CALLS = 40
CALL_TOKENS = 40


class ClientCost(msgspec.Struct, kw_only=True):
    """`core_share` is the share of one core at 100 tokens/s; errors of marks are in milliseconds.

    `bare_share` is what an asyncio program takes that reads the same stream and ignores it: what
    waking up a hundred times a second costs on this machine. A mark's error is its distance from
    the server's own: never less than the way between them.
    """

    core_share: float
    bare_share: float
    first_token_ms: float
    end_ms: float
    worst_ms: float


def measure_client(tokens: int = LONG_TOKENS, calls: int = CALLS) -> ClientCost:
    """Stream one long answer for its cost, and many short ones for their marks."""
    with served(_profile(tokens)) as server:
        core_share, _ = asyncio.run(_stream(server.base_url, 1, tokens))
    with served(_profile(tokens)) as server:
        bare_share = asyncio.run(_bare(server.base_url, tokens))
    with served(_profile(CALL_TOKENS)) as server:
        _, samples = asyncio.run(_stream(server.base_url, calls, CALL_TOKENS))
    pairs = list(zip(samples, server.chats, strict=True))
    first = [_ms(s.marks.first_token_s, one.first_token_s) for s, one in pairs]
    end = [_ms(s.marks.end_s, one.end_s) for s, one in pairs]
    return ClientCost(
        core_share=core_share,
        bare_share=bare_share,
        first_token_ms=statistics.fmean(first),
        end_ms=statistics.fmean(end),
        worst_ms=max(*first, *end),
    )


def _profile(tokens: int) -> Profile:
    return Profile(ttft_base_s=0.02, decode_tok_s=RATE, output_tokens=tokens)


def _ms(client_s: float | None, server_s: float | None) -> float:
    if client_s is None or server_s is None:
        raise ValueError("an answer did not come whole")
    return abs(client_s - server_s) * 1_000


async def _stream(base_url: str, calls: int, tokens: int) -> tuple[float, list[Sample]]:
    client = Client(base_url, "sim", "", session_start_s=0.0)
    session = Session(client, Settings(), Prompts(0), None)
    wall_s, core_s = time.monotonic(), time.process_time()
    samples = [
        await session.ask(session.prompts.new("Go on."), tokens, "bench") for _ in range(calls)
    ]
    wall_s, core_s = time.monotonic() - wall_s, time.process_time() - core_s
    await client.aclose()
    return core_s / wall_s, samples


async def _bare(base_url: str, tokens: int) -> float:
    """Read the same stream and do nothing with it; return the share of a core that it takes."""
    endpoint = parse_base_url(base_url)
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    asked = {"role": "user", "content": "Go on."}
    request = {"stream": True, "max_tokens": tokens, "messages": [asked]}
    body = msgspec.json.encode(request)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    wall_s, core_s = time.monotonic(), time.process_time()
    writer.write(head.encode() + body)
    while b"[DONE]" not in await reader.read(65_536):
        pass
    writer.transport.abort()
    return (time.process_time() - core_s) / (time.monotonic() - wall_s)
