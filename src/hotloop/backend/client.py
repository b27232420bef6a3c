"""Client for OpenAI-compatible endpoints: streaming, time marks, retries, and errors that help."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from hotloop.backend.endpoint import parse_base_url
from hotloop.backend.exchange import Exchange, RequestClock, Transport
from hotloop.backend.faults import NETWORK_ERRORS, Faults, TransientError
from hotloop.backend.retry import Retry, RetryPolicy, retry_after_s
from hotloop.backend.stream import ChatStream, Take
from hotloop.backend.types import Watch
from hotloop.config import Timeouts
from hotloop.errors import BackendError, UsageError

ERROR_BODY_BYTES = 65_536
ANSWER_BYTES = 256 * 1024 * 1024
LIST_TIMEOUTS = Timeouts(first_byte_s=3.0, chunk_s=3.0, total_s=5.0)
"""For the list of models that a 404 error shows: help must not take longer than the failure."""


class _Asked(msgspec.Struct):
    n: int | None = None


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


_ASKED = msgspec.json.Decoder(_Asked)


class Client:
    """One endpoint; implements `backend.types.Backend`.

    Marks are in seconds since monotonic `session_start_s` (by default: since now). `on_retry` is
    told of each retry before its wait. `api_key_env` is the variable that errors tell the user to
    set. Bound to one event loop. Raises UsageError for a base URL or key that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        session_start_s: float | None = None,
        on_retry: Callable[[Retry], None] | None = None,
        api_key_env: str = "OPENAI_API_KEY",
    ) -> None:
        endpoint = parse_base_url(base_url)
        key = api_key.strip()
        if not (key.isascii() and key.isprintable()):
            raise UsageError(
                "the API key has characters that no key has", f"set {api_key_env} anew"
            )
        self.base_url = endpoint.base_url
        self.model = model
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryPolicy()
        self._start_s = time.monotonic() if session_start_s is None else session_start_s
        self._on_retry = on_retry
        self._faults = Faults(endpoint, key, api_key_env)
        self._transport = Transport(endpoint, key, self._timeouts)
        self._chat_path = f"{endpoint.api_path}/chat/completions"
        self._models_path = f"{endpoint.api_path}/models"
        self._root_path = endpoint.root_path

    def __repr__(self) -> str:
        return f"Client({self.base_url!r}, {self.model!r})"

    async def chat(
        self, body: bytes, watch: Watch = lambda marks: None, *, take: Take | None = None
    ) -> ChatStream:
        """Send the bytes of a chat-completions request; return when the first token is there.

        With `take`, deltas go there the moment they come, and the stream is only waited for.

        Failures before the first token that may pass (429, 500, 502 to 504, refused or broken
        connections) are tried again after a wait. `watch` gets the marks of each attempt. Raises
        BackendError with cause and next step. Cancelling the call closes the connection.
        """
        clock = RequestClock(self._timeouts, self._start_s, watch)
        choices = _choices(body)
        attempt, waited = 1, 0.0
        while True:
            try:
                return await self._attempt(body, choices, clock, take)
            except TransientError as error:
                wait = self._retry.wait_s(attempt, waited, error.retry_after_s)
                if wait is None:
                    raise _given_up(error, attempt) from error.__cause__
                if self._on_retry is not None:
                    self._on_retry(Retry(attempt, wait, error.cause))
                clock.restart()
                await asyncio.sleep(wait)
                attempt, waited = attempt + 1, waited + wait

    async def post(self, path: str, body: bytes) -> bytes:
        """Send JSON to a path beside the API (`/slots/0?action=save`) and return the answer.

        Not tried again. Raises BackendError.
        """
        return await self._plain("POST", self._root_path + path, body, self._clock())

    async def get(self, path: str) -> bytes:
        """Return what is at a path beside the API (`/health`). Raises BackendError."""
        return await self._plain("GET", self._root_path + path, b"", self._clock())

    async def list_models(self) -> list[str]:
        """Return the names of the endpoint's models. Raises BackendError."""
        return await self._list_models(self._clock())

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._transport.aclose()

    def _clock(self) -> RequestClock:
        return RequestClock(self._timeouts, self._start_s)

    async def _attempt(
        self, body: bytes, choices: int, clock: RequestClock, take: Take | None
    ) -> ChatStream:
        exchange = await self._open("POST", self._chat_path, body, clock)
        if exchange.status >= 300:
            raise await self._refused(exchange, self._chat_path)
        stream = ChatStream(exchange, self._faults, choices, take)
        await stream.prime()
        return stream

    async def _open(self, method: str, path: str, body: bytes, clock: RequestClock) -> Exchange:
        try:
            return await self._transport.request(method, path, body, clock)
        except NETWORK_ERRORS as exc:
            raise self._faults.network(exc) from exc

    async def _plain(self, method: str, path: str, body: bytes, clock: RequestClock) -> bytes:
        exchange = await self._open(method, path, body, clock)
        if exchange.status >= 300:
            raise await self._refused(exchange, path)
        try:
            return await exchange.read_all(ANSWER_BYTES)
        except NETWORK_ERRORS as exc:
            raise self._faults.network(exc) from exc

    async def _refused(self, exchange: Exchange, path: str) -> BackendError:
        try:
            said = await exchange.read_all(ERROR_BODY_BYTES)
        except NETWORK_ERRORS:
            said = b""  # the status is what matters; its words did not come
        headers = exchange.headers
        if exchange.status == 404 and path == self._chat_path and (names := await self._known()):
            return self._faults.no_model(self.model, names, said)
        error = self._faults.status(exchange.status, said, path, headers.get("location", ""))
        if isinstance(error, TransientError):
            error.retry_after_s = retry_after_s(headers.get("retry-after", ""))
        return error

    async def _known(self) -> list[str]:
        try:
            return await self._list_models(RequestClock(LIST_TIMEOUTS, self._start_s))
        except BackendError:
            return []  # only asked to make another error better

    async def _list_models(self, clock: RequestClock) -> list[str]:
        body = await self._plain("GET", self._models_path, b"", clock)
        try:
            return [model.id for model in msgspec.json.decode(body, type=_Models).data]
        except msgspec.DecodeError as exc:
            raise self._faults.broken_chunk(body, exc) from exc


def _choices(body: bytes) -> int:
    try:
        return _ASKED.decode(body).n or 1
    except msgspec.DecodeError:
        return 1  # the server will say what is wrong with it


def _given_up(error: TransientError, attempts: int) -> BackendError:
    cause = error.cause
    if attempts > 1:
        cause += f" ({attempts} attempts)"
    if error.retry_after_s is not None:
        cause += f"; it asks to wait {error.retry_after_s:g} s"
    final = BackendError(cause, error.next_step, error.status)
    final.retry_after_s = error.retry_after_s
    return final
