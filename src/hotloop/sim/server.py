"""The simulated backend as a server: an OpenAI-compatible API over HTTP on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import msgspec

from hotloop.errors import EnvironmentFault
from hotloop.sim.answer import Model
from hotloop.sim.connection import Connection, RequestRecord
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.script import Script
from hotloop.sim.wire import error_body

HOST = "127.0.0.1"


class SimServer:
    """`async with SimServer("fast", script) as server:` serves at `server.base_url`.

    `requests` holds every request received so far. `log` gets one line per request. Port 0
    takes a free one. Entering raises EnvironmentFault when the port is taken.
    """

    def __init__(
        self,
        profile: Profile | str,
        script: Script | None = None,
        *,
        port: int = 0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.profile = load_profile(profile) if isinstance(profile, str) else profile
        self.requests: list[RequestRecord] = []
        self._model = Model(self.profile, script)
        self._port = port
        self._log = log
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port served on."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client takes as the endpoint: the URL up to and with `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> SimServer:
        """Start to serve."""
        try:
            self._server = await asyncio.start_server(self._connected, HOST, self._port)
        except OSError as error:
            cause = f"cannot serve on port {self._port}: {error.strerror}"
            raise EnvironmentFault(
                cause, "choose another --port, or none for a free one"
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the server and every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(Connection(reader, writer, self._handle).serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _handle(self, record: RequestRecord, connection: Connection) -> None:
        self.requests.append(record)
        try:
            await self._route(record, connection)
        finally:
            if self._log is not None:
                self._log(_line(record))

    async def _route(self, record: RequestRecord, connection: Connection) -> None:
        match record.method, record.path:
            case "GET", "/health":
                connection.respond(200, b'{"status":"ok"}')
            case _ if not self._allowed(record):
                connection.respond(401, error_body("wrong API key", "invalid_api_key"))
            case "GET", "/v1/models":
                connection.respond(200, self._models())
            case "POST", "/v1/chat/completions":
                await self._model.answer(record, connection)
            case _:
                text = f"there is no {record.method} {record.path}"
                connection.respond(404, error_body(text, "not_found_error"))

    def _allowed(self, record: RequestRecord) -> bool:
        key = self.profile.api_key
        return not key or record.headers.get("authorization") == f"Bearer {key}"

    def _models(self) -> bytes:
        entry = {
            "id": self.profile.model,
            "object": "model",
            "owned_by": "hotloop-sim",
            "max_model_len": self.profile.context_tokens,
        }
        return msgspec.json.encode({"object": "list", "data": [entry]})


@contextmanager
def serving(
    profile: Profile | str, script: Script | None = None, *, port: int = 0
) -> Generator[SimServer]:
    """Serve from a thread of its own, for callers without an event loop."""
    server = SimServer(profile, script, port=port)
    started = threading.Event()
    ended: list[Callable[[], object]] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with server:
            ended.append(lambda: loop.call_soon_threadsafe(over.set))
            started.set()
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="hotloop-sim", daemon=True)
    thread.start()
    started.wait()
    try:
        if failures:
            raise failures[0]
        yield server
    finally:
        for end in ended:
            end()
        thread.join()


def _line(record: RequestRecord) -> str:
    spans = ((record.first_token_s, "first"), (record.end_s, "end"), (record.disconnect_s, "left"))
    times = " ".join(f"{name}={at - record.arrival_s:.3f}s" for at, name in spans if at)
    tokens = f"in={record.input_tokens} cached={record.cached_tokens} out={record.output_tokens}"
    fault = f" fault={record.fault}" if record.fault else ""
    return f"{record.method} {record.path} {record.status} {tokens} {times}{fault}"
