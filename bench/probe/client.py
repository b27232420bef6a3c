"""The client itself: processor time of a stream, and its time marks against the server's."""

from __future__ import annotations

import asyncio
import socket
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
LONG_TOKENS = 600
ROUNDS = 3
CALLS = 40
CALL_TOKENS = 40


class ClientCost(msgspec.Struct, kw_only=True):
    """`core_share` is the share of one core at 100 tokens/s; errors of marks are in milliseconds.

    Beside it stand programs that read the same stream and ignore it: `protocol_share` an asyncio
    protocol, `reader_share` asyncio's own StreamReader, `socket_share` a blocking socket. They
    are what waking up a hundred times a second costs on this machine. All are medians of rounds
    taken in turn. A mark's error is its distance from the server's own: never less than the way
    between them.
    """

    core_share: float
    protocol_share: float
    reader_share: float
    socket_share: float
    first_token_ms: float
    end_ms: float
    worst_ms: float


def measure_client(tokens: int = LONG_TOKENS, calls: int = CALLS) -> ClientCost:
    """Stream one long answer for its cost, and many short ones for their marks."""
    rounds: list[tuple[float, float, float, float]] = []
    with served(_profile(tokens)) as server:
        url = server.base_url
        for _ in range(ROUNDS):
            core_share, _ = asyncio.run(_stream(url, 1, tokens))
            protocol_share, reader_share = asyncio.run(_protocol(url)), asyncio.run(_reader(url))
            rounds.append((core_share, protocol_share, reader_share, _socket(url)))
    shares = [statistics.median(column) for column in zip(*rounds, strict=True)]
    with served(_profile(CALL_TOKENS)) as server:
        _, samples = asyncio.run(_stream(server.base_url, calls, CALL_TOKENS))
    pairs = list(zip(samples, server.chats, strict=True))
    first = [_ms(s.marks.first_token_s, one.first_token_s) for s, one in pairs]
    end = [_ms(s.marks.end_s, one.end_s) for s, one in pairs]
    return ClientCost(
        core_share=shares[0],
        protocol_share=shares[1],
        reader_share=shares[2],
        socket_share=shares[3],
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
    watch = _Watch()
    samples = [
        await session.ask(session.prompts.new("Go on."), tokens, "bench") for _ in range(calls)
    ]
    share = watch.share()
    await client.aclose()
    return share, samples


class _Ignore(asyncio.Protocol):
    """Waits for the end of a stream."""

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if b"[DONE]" in data and not self.ended.done():
            self.ended.set_result(None)


async def _protocol(base_url: str) -> float:
    endpoint = parse_base_url(base_url)
    loop = asyncio.get_running_loop()
    transport, ignoring = await loop.create_connection(_Ignore, endpoint.host, endpoint.port)
    watch = _Watch()
    transport.write(_request())
    await ignoring.ended
    transport.abort()
    return watch.share()


async def _reader(base_url: str) -> float:
    endpoint = parse_base_url(base_url)
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    watch = _Watch()
    writer.write(_request())
    while b"[DONE]" not in await reader.read(65_536):
        pass
    writer.transport.abort()
    return watch.share()


def _socket(base_url: str) -> float:
    endpoint = parse_base_url(base_url)
    with socket.create_connection((endpoint.host, endpoint.port)) as connected:
        watch = _Watch()
        connected.sendall(_request())
        while b"[DONE]" not in connected.recv(65_536):
            pass
        return watch.share()


class _Watch:
    """Counts the processor time of this process from now on."""

    def __init__(self) -> None:
        self._wall_s, self._core_s = time.monotonic(), time.process_time()

    def share(self) -> float:
        return (time.process_time() - self._core_s) / (time.monotonic() - self._wall_s)


def _request() -> bytes:
    asked = {"role": "user", "content": "Go on."}
    body = msgspec.json.encode({"stream": True, "messages": [asked]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
