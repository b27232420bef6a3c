"""Run a loop for real, one call after the other, to see how right its projection is."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.types import Backend, Report, TextDelta
from hotloop.errors import BackendError, UsageError
from hotloop.ledger.events import Marks, StepKind, Usage
from hotloop.probe.contact import REJECTED
from hotloop.probe.prompts import Message, Prompts
from hotloop.probe.rates import Rates, rates_of_result
from hotloop.probe.result import LoopRun, Result, RunCall
from hotloop.probe.scale import model_s, scale_within, scaled
from hotloop.probe.settings import Target
from hotloop.probe.shapes import Loop, Part, Step, article, fitted

DEFAULT_LIMIT_S = 120.0
_FIRST = 2
"""Messages of the first call."""
_NEXT = "Write on."
_LEAST_SCHEMA_CHARS = 8
"""Characters per output token that a schema demands, so that the token limit ends the answer."""


async def run_loop(
    backend: Backend,
    loop: Loop,
    *,
    rates: Rates | None = None,
    chars_per_token: float = 4.0,
    structured: bool = True,
) -> LoopRun:
    """Send a loop's calls in turn and time them; its pauses are counted, not waited for.

    The conversation grows by filler of the loop's size, different each time. Structured parts are
    asked for under a JSON schema, unless `structured` is off. Where the server can be told to go
    on to the token limit, answers are as long as the loop's. Raises BackendError, and UsageError
    for an answer of several parts, which cannot be asked for.
    """
    caller, prompts = _Caller(backend, structured), Prompts(time.time_ns())
    messages: list[Message] = []
    rows: dict[StepKind, float] = {}
    calls: list[RunCall] = []
    for step in loop:
        if not step.parts:
            rows[step.kind] = rows.get(step.kind, 0.0) + step.pause_s
            continue
        part = _only_part(step)
        task = prompts.story() if step.new_tokens else _NEXT
        room = int(step.new_tokens * chars_per_token) - len(task)
        if messages:
            text = prompts.code(max(0, room - 1))
            messages.append({"role": "user", "content": f"{text}\n{task}" if text else task})
        else:
            messages = prompts.new(task, max(0, room))
        call, answer = await caller.made(messages, part)
        messages.append({"role": "assistant", "content": answer or "."})
        calls.append(_expected(call, calls, rates, part))
        rows[part.kind] = rows.get(part.kind, 0.0) + call.end_s + step.after_s
    return _summed(rows, calls, loop, rates)


class _Caller:
    """Makes the calls; an endpoint that refuses to be told to write on is asked without."""

    def __init__(self, backend: Backend, structured: bool) -> None:
        self._backend = backend
        self._structured = structured
        self._whole = True

    async def made(self, messages: Sequence[Message], part: Part) -> tuple[RunCall, str]:
        try:
            return await self._timed(messages, part)
        except BackendError as error:
            if not self._whole or len(messages) > _FIRST or error.status not in REJECTED:
                raise
        self._whole = False
        return await self._timed(messages, part)

    async def _timed(self, messages: Sequence[Message], part: Part) -> tuple[RunCall, str]:
        body = request(
            self._backend.model, messages, part, structured=self._structured, whole=self._whole
        )
        return await _timed(self._backend, body, part)


def request(
    model: str, messages: Sequence[Message], part: Part, *, structured: bool, whole: bool = False
) -> bytes:
    """Return a request whose answer is as long as a part: its token limit is what ends it.

    With `whole`, also where the model would end sooner, which llama.cpp, vLLM and SGLang can do.
    """
    body: dict[str, object] = {
        "model": model,
        "messages": messages,
        "max_tokens": part.output_tokens,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if whole:
        body["ignore_eos"] = True
    if structured and part.structured:
        length = part.output_tokens * _LEAST_SCHEMA_CHARS
        schema = {
            "type": "object",
            "properties": {"text": {"type": "string", "minLength": length}},
            "required": ["text"],
            "additionalProperties": False,
        }
        named = {"name": "answer", "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return msgspec.json.encode(body)


def _only_part(step: Step) -> Part:
    match step.parts:
        case (part,):
            return part
        case _:
            cause = "an answer of several parts cannot be asked for"
            raise UsageError(cause, "run a loop whose answers have one part")


async def _timed(backend: Backend, body: bytes, part: Part) -> tuple[RunCall, str]:
    stream = await backend.chat(body)
    usage: Usage | None = None
    said: list[str] = []
    chunks = 0
    try:
        async for delta in stream:
            match delta:
                case Report():
                    usage = delta.usage or usage
                case TextDelta():
                    chunks += 1
                    said.append(delta.text)
                case _:
                    pass
    finally:
        await stream.aclose()
    found = usage or Usage(input_tokens=len(body) // 4, output_tokens=chunks, reported=False)
    return _call(stream.marks, found, part), "".join(said)


def _call(marks: Marks, usage: Usage, part: Part) -> RunCall:
    end_s = marks.end_s or marks.last_token_s or marks.start_s
    first_s = end_s if marks.first_token_s is None else marks.first_token_s
    return RunCall(
        kind=part.kind,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        ttft_s=first_s - marks.start_s,
        end_s=end_s - marks.start_s,
    )


def _expected(call: RunCall, before: Sequence[RunCall], rates: Rates | None, part: Part) -> RunCall:
    if rates is None:
        return call
    known = before[-1].input_tokens + before[-1].output_tokens if before else 0
    wait_s = rates.ttft_s(call.input_tokens, rates.reusable(min(known, call.input_tokens)))
    decode_s = rates.decode_s(call.input_tokens, call.output_tokens, structured=part.structured)
    connect_s = 0.0 if before else rates.connect_s
    return msgspec.structs.replace(call, projected_s=connect_s + wait_s + decode_s)


def _summed(
    rows: dict[StepKind, float], calls: list[RunCall], loop: Loop, rates: Rates | None
) -> LoopRun:
    pauses_s = sum(step.pause_s + step.after_s for step in loop)
    took_s = sum(call.end_s for call in calls)
    expected = [call.projected_s for call in calls if call.projected_s is not None]
    expected_s = sum(expected) if expected else None
    planned_s = None if rates is None else model_s(rates, loop)
    return LoopRun(
        rows_s=rows,
        total_s=sum(rows.values()),
        projected_s=None if expected_s is None else expected_s + pauses_s,
        error=None if expected_s is None else _relative(expected_s, took_s),
        planned_s=None if planned_s is None else planned_s + pauses_s,
        planned_error=None if planned_s is None else _relative(planned_s, took_s),
        calls=calls,
    )


def _relative(projected_s: float, took_s: float) -> float:
    return (projected_s - took_s) / took_s if took_s else 0.0


def run_rates(result: Result) -> Rates | None:
    """Return the rates of the calls that a run makes: its structured ones are held by a schema."""
    rates = rates_of_result(result)
    if rates is None:
        return None
    ratio = result.structured.schema_ratio
    held = result.supports.dialect != "fenced" and ratio is not None
    return msgspec.structs.replace(rates, structured=ratio if held and ratio else 1.0)


def run_plan(result: Result, limit_s: float) -> tuple[Loop, float] | None:
    """Return the loop that a run of at most about `limit_s` makes, and its scale."""
    rates = run_rates(result)
    if rates is None:
        return None
    whole = fitted(article(), rates.context_tokens)
    scale = scale_within(rates, whole, limit_s)
    return scaled(whole, scale), scale


async def with_loop_run(result: Result, target: Target, limit_s: float = DEFAULT_LIMIT_S) -> Result:
    """Return a result with the article's loop really run on its endpoint, once, as `loop_run`.

    The loop is made smaller where it would take longer than `limit_s`. Where it breaks off,
    `missing` says why. Raises UsageError for a URL that is none.
    """
    rates, planned = run_rates(result), run_plan(result, limit_s)
    if rates is None or planned is None:
        return result
    loop, scale = planned
    client = Client(result.endpoint, result.model, target.api_key, api_key_env=target.api_key_env)
    try:
        run = await run_loop(
            client,
            loop,
            rates=rates,
            chars_per_token=result.tokens.chars_per_token,
            structured=result.supports.dialect != "fenced",
        )
    except BackendError as error:
        missing = result.missing | {"loop_run": error.cause}
        return msgspec.structs.replace(result, missing=missing)
    finally:
        await client.aclose()
    run = msgspec.structs.replace(run, scale=scale, limit_s=limit_s)
    return msgspec.structs.replace(result, loop_run=run)
