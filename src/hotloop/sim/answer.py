"""One chat completion after another: queue, prefill, decode and failures, each at its time."""

from __future__ import annotations

import asyncio
import hashlib
import time

import msgspec

from hotloop.sim.cache import BYTES_PER_TOKEN, PrefixCache, count_tokens
from hotloop.sim.clock import Decoder, Sequence, Slots, sleep_until
from hotloop.sim.connection import JSON_TYPE, Connection, RequestRecord
from hotloop.sim.filler import filler
from hotloop.sim.profile import Fault, Profile
from hotloop.sim.script import Reply, Script
from hotloop.sim.speech import Speech, speak
from hotloop.sim.timing import Times, draw, timetable
from hotloop.sim.wire import ChatRequest, Envelope, Json, error_body, render, sse

BROKEN = b'{"id":"chatcmpl-0","object":"chat.completion.chunk","choices":[{"index":0,"del'
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


class Call(msgspec.Struct, kw_only=True):
    """A chat completion under way. `start_s` is when its slot was due, a monotonic time."""

    record: RequestRecord
    connection: Connection
    request: ChatRequest
    prompt: bytes
    speeches: list[Speech]
    fault: Fault | None
    slow: float
    envelope: Envelope
    start_s: float = 0.0
    first_s: float = 0.0
    end_s: float = 0.0


class Model:
    """The simulated model: answers chat requests on a profile's timetable."""

    def __init__(self, profile: Profile, script: Script | None) -> None:
        self._profile = profile.scaled()
        self._script = script
        self._cache = PrefixCache(self._profile.cache)
        self._slots = Slots(profile.slots)
        self._decoder = Decoder(profile.share_cost)
        self._requests = 0
        self._struck: dict[bytes, int] = {}
        self._schemas: set[bytes] = set()

    async def answer(self, record: RequestRecord, connection: Connection) -> None:
        """Answer one request. Cancelling it is how a client's disconnect ends the work."""
        try:
            request = msgspec.json.decode(record.body, type=ChatRequest)
            call = self._call(request, record, connection)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            connection.respond(400, error_body(str(error), "invalid_request_error"))
            return
        if record.input_tokens > self._profile.context_tokens:
            text = f"the prompt has {record.input_tokens} tokens, more than the context holds"
            connection.respond(400, error_body(text, "context_length_exceeded"))
            return
        due_s = record.arrival_s + self._times(call).headers_s
        if call.fault is not None and call.fault.kind in {"http_500", "http_429", "html"}:
            await sleep_until(due_s)
            _refuse(connection, call.fault)
            return
        call.start_s = await self._slots.take(due_s)
        try:
            await self._run(call)
        finally:
            self._slots.release(call.end_s or asyncio.get_running_loop().time())

    def _call(self, request: ChatRequest, record: RequestRecord, connection: Connection) -> Call:
        index = self._requests
        self._requests += 1
        chance = draw(self._profile, index)
        prompt = render(request)
        reply = self._reply(request, index)
        fault = chance.fault or self._reply_fault(reply, prompt)
        record.input_tokens = count_tokens(prompt)
        record.fault = fault.kind if fault else ""
        return Call(
            record=record,
            connection=connection,
            request=request,
            prompt=prompt,
            speeches=[
                speak(reply.choice(choice), request, self._profile.burst)
                for choice in range(request.n or 1)
            ],
            fault=fault,
            slow=chance.slow,
            envelope=Envelope(f"chatcmpl-{index}", self._profile.model, int(time.time())),
        )

    def _reply(self, request: ChatRequest, index: int) -> Reply:
        if self._script is None:
            return filler(request, self._profile.output_tokens, self._profile.ignores_schema)
        return self._script.answer(request, index)

    def _reply_fault(self, reply: Reply, prompt: bytes) -> Fault | None:
        fault = Fault(kind=reply.fault) if isinstance(reply.fault, str) else reply.fault
        if fault is None or not fault.times:
            return fault
        key = hashlib.sha256(prompt).digest()
        self._struck[key] = self._struck.get(key, 0) + 1
        return fault if self._struck[key] <= fault.times else None

    def _times(self, call: Call) -> Times:
        record = call.record
        return timetable(
            self._profile,
            record.input_tokens,
            record.cached_tokens if self._profile.cache.saves_time else 0,
            0,
            call.request.constrained or any(speech.calls_tools for speech in call.speeches),
            slow=call.slow,
            fresh_connection=record.fresh_connection,
        )

    async def _run(self, call: Call) -> None:
        call.record.cached_tokens = self._cache.match(call.prompt, call.start_s)
        times = self._times(call)
        prefill_s = times.first_token_s - times.headers_s + self._schema_s(call.request)
        call.first_s = call.start_s + prefill_s
        if self._profile.prefill_blocks:
            self._decoder.stall(call.start_s, prefill_s)
        if call.fault is not None and call.fault.kind == "hang" and not call.fault.after_tokens:
            await _for_ever()
        if call.request.stream:
            call.connection.start(200, "text/event-stream", (("cache-control", "no-cache"),))
        await self._prefill(call)
        await self._decode(call, times.token_s)
        if call.fault is not None:
            await _break_off(call, call.fault)
            return
        for speech in call.speeches:
            self._cache.store(call.prompt + speech.rendered(), call.end_s)
        _conclude(call, self._report(call))

    def _schema_s(self, request: ChatRequest) -> float:
        """Return the seconds that a schema takes which was not used before."""
        key = msgspec.json.encode(request.schema())
        if not request.constrained or key in self._schemas:
            return 0.0
        self._schemas.add(key)
        return self._profile.schema_s

    async def _prefill(self, call: Call) -> None:
        try:
            await sleep_until(call.first_s)
        except asyncio.CancelledError:
            now_s = asyncio.get_running_loop().time()
            share = (now_s - call.start_s) / (call.first_s - call.start_s)
            cached = call.record.cached_tokens
            tokens = cached + int(share * (call.record.input_tokens - cached))
            self._cache.store(call.prompt[: tokens * BYTES_PER_TOKEN], now_s)
            raise
        self._cache.store(call.prompt, call.first_s)

    async def _decode(self, call: Call, token_s: float) -> None:
        sequences = [self._decoder.join(call.first_s, token_s) for _ in call.speeches]
        try:
            async with asyncio.TaskGroup() as group:
                for choice, sequence in enumerate(sequences):
                    group.create_task(self._say(call, choice, sequence))
        finally:
            for sequence in sequences:
                self._decoder.leave(sequence, asyncio.get_running_loop().time())

    async def _say(self, call: Call, choice: int, sequence: Sequence) -> None:
        loop = asyncio.get_running_loop()
        speech = call.speeches[choice]
        tokens = speech.tokens[: call.fault.after_tokens] if call.fault else speech.tokens
        await sequence.wait(0)
        call.record.first_token_s = call.record.first_token_s or loop.time()
        _emit(call, choice, [[{"role": "assistant", "content": None}]])
        sent = 0
        while sent < len(tokens):
            await sequence.wait(sent)
            due = max(sent + 1, sequence.due_tokens(loop.time(), len(tokens)))
            _emit(call, choice, tokens[sent:due])
            call.record.output_tokens += due - sent
            sent = due
        if call.fault is not None:
            return
        await sequence.wait(sent)
        end_s = sequence.due_s(sent)
        self._decoder.leave(sequence, end_s)
        call.end_s = max(call.end_s, end_s)
        _emit(call, choice, [[{}]], speech.finish)

    def _report(self, call: Call) -> Json:
        record, report = call.record, Json()
        options = call.request.stream_options
        asked = not call.request.stream or (options is not None and options.include_usage)
        if self._profile.usage == "always" or (asked and self._profile.usage == "asked"):
            report["usage"] = self._usage(call)
        if self._profile.timings:
            report["timings"] = {
                "cache_n": record.cached_tokens,
                "prompt_n": record.input_tokens - record.cached_tokens,
                "prompt_ms": (call.first_s - call.start_s) * 1000,
                "predicted_n": record.output_tokens,
                "predicted_ms": (call.end_s - call.first_s) * 1000,
            }
        return report

    def _usage(self, call: Call) -> Json:
        record = call.record
        reasoning = sum(speech.reasoning_tokens for speech in call.speeches)
        factor = self._profile.usage_factor
        total = record.input_tokens + record.output_tokens
        return {
            "prompt_tokens": round(record.input_tokens * factor),
            "completion_tokens": round(record.output_tokens * factor),
            "total_tokens": round(total * factor),
            "prompt_tokens_details": {"cached_tokens": round(record.cached_tokens * factor)},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }


def _emit(call: Call, choice: int, tokens: list[list[Json]], finish: str | None = None) -> None:
    """Send the deltas of tokens that are due, all in one write."""
    if not call.request.stream:
        return
    deltas = (delta for token in tokens for delta in token)
    data = b"".join(call.envelope.chunk(choice, delta, finish) for delta in deltas)
    if data:
        call.connection.write(data)


def _conclude(call: Call, report: Json) -> None:
    if not call.request.stream:
        call.connection.respond(200, _whole(call, report))
        return
    tail = call.envelope.tail(report) if report else b""
    call.connection.write(tail + sse(b"[DONE]"))
    call.connection.finish()


def _whole(call: Call, report: Json) -> bytes:
    choices = [(speech.message(), speech.finish) for speech in call.speeches]
    return call.envelope.whole(choices, report)


def _refuse(connection: Connection, fault: Fault) -> None:
    """Fail before anything was generated."""
    match fault.kind:
        case "http_429":
            body = error_body("rate limit reached", "rate_limit_error")
            after = (("retry-after", f"{fault.retry_after_s:g}"),)
            connection.respond(429, body, JSON_TYPE, after)
        case "html":
            connection.respond(200, HTML, "text/html")
        case _:
            connection.respond(500, error_body("the engine failed", "server_error"))


async def _break_off(call: Call, fault: Fault) -> None:
    """Fail in the middle of an answer. Returning without its end closes the connection."""
    if fault.kind == "hang":
        await _for_ever()
    if call.request.stream:
        if fault.kind == "broken_json":
            call.connection.write(sse(BROKEN) + sse(b"[DONE]"))
            call.connection.finish()
        return
    body = _whole(call, {})
    if fault.kind == "broken_json":
        call.connection.respond(200, body[: len(body) // 2])
        return
    call.connection.start(200, JSON_TYPE, (("content-length", str(len(body))),))
    call.connection.write(body[: len(body) // 2])


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
