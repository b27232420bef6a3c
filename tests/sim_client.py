"""A client of the simulated backend that keeps when each byte came."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import h11
import msgspec

from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer

INSTANT = load_profile("instant")


USER = {"role": "user", "content": "go"}


@dataclass
class Answer:
    """An answer as it came: server-sent events with their times since the request was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: list[tuple[float, str]] = field(default_factory=list)
    complete: bool = False

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(data) for _, data in self.events if data != "[DONE]"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def deltas(self, choice: int = 0) -> list[dict[str, Any]]:
        choices = [c for chunk in self.chunks for c in chunk["choices"]]
        return [c["delta"] for c in choices if c["index"] == choice]

    def text(self, choice: int = 0) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas(choice))

    def finish(self, choice: int = 0) -> str:
        choices = [c for chunk in self.chunks for c in chunk["choices"] if c["index"] == choice]
        return choices[-1]["finish_reason"]

    def tool_deltas(self) -> list[dict[str, Any]]:
        return [call for delta in self.deltas() for call in delta.get("tool_calls", ())]


class Client:
    """A minimal client that keeps its connection."""

    def __init__(self, server: SimServer) -> None:
        self.server = server

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        self.http = h11.Connection(h11.CLIENT)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, method: str, path: str, body: bytes, key: str = "") -> None:
        headers = [("host", "sim"), ("content-length", str(len(body)))]
        headers += [("authorization", f"Bearer {key}")] if key else []
        request = self.http.send(h11.Request(method=method, target=path, headers=headers))
        data = self.http.send(h11.Data(data=body)) or b""
        self.writer.write((request or b"") + data + (self.http.send(h11.EndOfMessage()) or b""))
        await self.writer.drain()

    async def receive(self) -> Answer:
        answer, sent = Answer(), time.monotonic()
        rest = b""
        while True:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError:
                return answer
            match event:
                case h11.NEED_DATA:
                    self.http.receive_data(await self.reader.read(65_536))
                case h11.Response():
                    answer.status = event.status_code
                    answer.headers = {k.decode(): v.decode() for k, v in event.headers}
                case h11.Data():
                    answer.body += event.data
                    *whole, rest = (rest + bytes(event.data)).split(b"\n\n")
                    now = time.monotonic() - sent
                    answer.events += [(now, e.decode().removeprefix("data: ")) for e in whole]
                case h11.EndOfMessage():
                    answer.complete = True
                    self.http.start_next_cycle()
                    return answer
                case _:
                    return answer

    async def chat(self, stream: bool = True, **fields: Any) -> Answer:
        body = {"model": "m", "messages": [USER], "stream": stream, **fields}
        await self.send("POST", "/v1/chat/completions", msgspec.json.encode(body))
        return await self.receive()


def chat(
    profile: Profile = INSTANT, script: Script | None = None, stream: bool = True, **fields: Any
) -> Answer:
    async def scenario() -> Answer:
        async with SimServer(profile, script) as server, Client(server) as client:
            return await client.chat(stream, **fields)

    return asyncio.run(scenario())


def says(*replies: Reply) -> Script:
    return Script(replies=replies)


def timings(answer: Answer) -> dict[str, float]:
    return answer.chunks[-1]["timings"]
