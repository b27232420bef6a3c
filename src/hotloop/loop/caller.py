"""One model call: send, stream, measure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hotloop.actions.dialects import Answer
from hotloop.backend.types import (
    Backend,
    Finish,
    Report,
    Stream,
    TextDelta,
    TokenScore,
    ToolDelta,
    Watch,
)
from hotloop.errors import BackendError
from hotloop.ledger.events import (
    CallDelta,
    CallEnd,
    CallStart,
    LeverAccount,
    Marks,
    ServerTimings,
    Usage,
)
from hotloop.loop.clock import SessionClock

if TYPE_CHECKING:
    from hotloop.levers.hedge import Hedge

_BYTES_PER_TOKEN = 4
_LEAST_RATED_TOKENS = 16

OnDelta = Callable[[TextDelta | ToolDelta], None]


class Unwanted(Exception):
    """Raised by `on_delta` to end a call whose answer is not wanted; its text says why."""


class CallResult(msgspec.Struct, kw_only=True):
    """What a call brought. `choices` holds the texts of further choices, `scores` its tokens.

    `tokens_per_s` is the rate from its first token to its last, None where that says nothing.
    """

    number: int
    answer: Answer
    usage: Usage
    finish_reason: str = ""
    timings: ServerTimings | None = None
    scores: tuple[TokenScore, ...] = ()
    choices: tuple[str, ...] = ()
    marks: Marks = msgspec.field(default_factory=Marks)
    tokens_per_s: float | None = None

    @property
    def was_cut(self) -> bool:
        """Say whether the length limit ended the answer."""
        return self.finish_reason == "length"

    @property
    def took_s(self) -> float:
        """Return the seconds from the request to the end of its answer."""
        return 0.0 if self.marks.end_s is None else self.marks.end_s - self.marks.start_s


def _rate(marks: Marks, usage: Usage) -> float | None:
    if marks.first_token_s is None or marks.last_token_s is None:
        return None
    decoding_s = marks.last_token_s - marks.first_token_s
    if usage.output_tokens < _LEAST_RATED_TOKENS or decoding_s <= 0:
        return None
    return (usage.output_tokens - 1) / decoding_s


class _Gathering:
    """A call while it streams."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answer = Answer()
        self.others: dict[int, str] = {}
        self.scores: list[TokenScore] = []
        self.finish_reason = ""
        self.usage: Usage | None = None
        self.timings: ServerTimings | None = None
        self.output_chars = 0

    def take(self, delta: TextDelta | ToolDelta) -> None:
        self.output_chars += len(delta.text if isinstance(delta, TextDelta) else delta.arguments)
        if delta.choice and isinstance(delta, TextDelta):
            self.others[delta.choice] = self.others.get(delta.choice, "") + delta.text
            return
        self.answer.feed(delta)
        if isinstance(delta, TextDelta):
            self.scores += delta.scores

    def report(self, report: Report) -> None:
        self.usage = report.usage or self.usage
        self.timings = report.timings or self.timings

    def final_usage(self, request_bytes: int) -> Usage:
        if self.usage is not None:
            return self.usage
        return Usage(
            input_tokens=request_bytes // _BYTES_PER_TOKEN,
            output_tokens=-(-self.output_chars // _BYTES_PER_TOKEN),
            reported=False,
        )

    def result(self, request_bytes: int, marks: Marks) -> CallResult:
        return CallResult(
            number=self.number,
            answer=self.answer,
            usage=self.final_usage(request_bytes),
            finish_reason=self.finish_reason,
            timings=self.timings,
            scores=tuple(self.scores),
            choices=tuple(self.others[key] for key in sorted(self.others)),
            marks=marks,
            tokens_per_s=_rate(marks, self.final_usage(request_bytes)),
        )


class Caller:
    """Sends requests to a backend and tells what happens, call by call.

    With `hedge`, requests of steps whose first token is late go to a replica as well.
    """

    def __init__(self, backend: Backend, clock: SessionClock, hedge: Hedge | None = None) -> None:
        self.backend = backend
        self._clock = clock
        self._hedge = hedge

    async def call(
        self,
        body: bytes,
        *,
        step: int,
        number: int | None = None,
        purpose: str = "step",
        on_delta: OnDelta | None = None,
        waited_from: Callable[[], float | None] = lambda: None,
        to: Backend | None = None,
        role: str = "",
    ) -> CallResult:
        """Send a request and read its answer to the end; `number` is the call's, if it has one.

        `to` is another backend than the session's own, `role` what the call is asked for.
        Calls with another purpose than `step` are a lever's own and count no waiting, unless
        `waited_from` says since when, in `t_s`, the loop stands still for them. Raises
        BackendError, and Unwanted where `on_delta` does. Cancelling closes the request.
        """
        call = _Gathering(self._clock.next_call() if number is None else number)
        start_s = self._clock.now_s()
        self._clock.emit(
            CallStart(
                t_s=start_s, call=call.number, step=step, request_bytes=len(body), purpose=purpose
            )
        )
        error, marks = "", Marks(start_s=start_s)
        hedge = self._hedge if to is None else None
        by, hedged = to or (hedge.first if hedge else self.backend), None

        def watch(latest: Marks) -> None:
            nonlocal marks
            marks = latest

        try:
            stream = await self._chat(body, to, purpose, watch)
            marks = stream.marks
            try:
                async for delta in stream:
                    self._take(call, delta, on_delta)
            finally:
                await stream.aclose()
        except BackendError as failure:
            error = failure.cause
            raise
        except Unwanted as reason:
            error = str(reason)
            raise
        except asyncio.CancelledError:
            error = "cancelled"
            raise
        finally:
            end_s = self._clock.now_s()
            since_s = start_s if purpose == "step" else waited_from()
            if hedge is not None and purpose == "step":
                by, hedged = hedge.first, hedge.latest
            is_own = by is self.backend
            self._clock.emit(
                CallEnd(
                    t_s=end_s,
                    call=call.number,
                    step=step,
                    marks=marks,
                    usage=call.final_usage(len(body)),
                    wait_s=0.0 if since_s is None else end_s - max(start_s, since_s),
                    purpose=purpose,
                    finish_reason=call.finish_reason,
                    timings=call.timings,
                    error=error,
                    role=role,
                    backend="" if is_own else by.base_url,
                    model="" if is_own else by.model,
                    hedged_s=hedged.sent_s if hedged else None,
                )
            )
        return call.result(len(body), marks)

    def close(self) -> None:
        """Tell what the lever `hedge` did, if it is on and did something."""
        hedge = self._hedge
        if hedge is None or not hedge.detail:
            return
        # What a request that was closed would have taken nobody knows: nothing is claimed.
        t_s = self._clock.now_s()
        self._clock.emit(
            LeverAccount(t_s=t_s, lever="hedge", wasted_s=hedge.wasted_s, detail=hedge.detail)
        )

    async def _chat(self, body: bytes, to: Backend | None, purpose: str, watch: Watch) -> Stream:
        if to is not None or self._hedge is None:
            return await (to or self.backend).chat(body, watch)
        if purpose == "step":
            return await self._hedge.chat(body, watch)
        first = self._hedge.first
        stream = await first.chat(body, watch)
        self._hedge.read(first, body)
        return stream

    def _take(
        self,
        call: _Gathering,
        delta: TextDelta | ToolDelta | Finish | Report,
        on_delta: OnDelta | None,
    ) -> None:
        match delta:
            case TextDelta() | ToolDelta():
                call.take(delta)
                self._show(call.number, delta)
                if on_delta is not None:
                    on_delta(delta)
            case Finish():
                call.finish_reason = call.finish_reason or delta.reason
            case Report():
                call.report(delta)

    def _show(self, number: int, delta: TextDelta | ToolDelta) -> None:
        if delta.choice:
            return
        if isinstance(delta, TextDelta):
            event = CallDelta(
                t_s=self._clock.now_s(), call=number, channel=delta.channel, text=delta.text
            )
        else:
            shown = f"{delta.name} " if delta.name else ""
            event = CallDelta(
                t_s=self._clock.now_s(),
                call=number,
                channel="tool",
                text=shown + delta.arguments,
            )
        self._clock.emit(event)
