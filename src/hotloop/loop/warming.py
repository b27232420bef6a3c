"""Have what a small model is asked in the engine's KV cache before it is needed: levers
`slot_restore` and `prefill_ahead`.

While the first tests run, the engine restores the kept state of the fixed prefix (or prefills it
once, and keeps it) and prefills the goal behind it; while slips are tested, the first question.
"""

from __future__ import annotations

import asyncio

from hotloop.engine.manager import EngineHandle
from hotloop.engine.slots import PrefixStore
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount, Marks, StepKind
from hotloop.levers.prefill_ahead import MAX_TOKENS, PrefillAccount
from hotloop.loop.asking import small_transcript
from hotloop.loop.caller import CallResult
from hotloop.loop.parts import Parts

_PARAMS = {"max_tokens": MAX_TOKENS, "stream": True, "temperature": 0}


class Warming:
    """Warms one session's beginning in the background."""

    def __init__(self, parts: Parts, engine: EngineHandle | None) -> None:
        self._parts = parts
        self._engine = engine
        self._tasks: list[asyncio.Task[None]] = []
        self._prefills = PrefillAccount()
        self._waited_from: float | None = None
        self._waited_s = 0.0

    def start(self) -> None:
        """Begin, if the lever is on and the engine is ours."""
        if self._engine is not None and self._parts.has("slot_restore"):
            self._tasks.append(asyncio.create_task(self._warm(self._engine)))

    def read(self, body: bytes) -> None:
        """Have a request's prompt read, behind what is being read, if that lever is on."""
        if self._parts.has("prefill_ahead"):
            self._waited_from = None
            self._tasks.append(asyncio.create_task(self._read(body, [*self._tasks])))

    async def finish(self) -> None:
        """Wait for the end, in a step of its own: the next request would queue behind it."""
        if any(not task.done() for task in self._tasks):
            self._waited_from = self._parts.clock.now_s()
            with self._parts.clock.step(StepKind.PREFETCH):
                await asyncio.wait(self._tasks)
            self._waited_s = self._parts.clock.now_s() - self._waited_from
        await asyncio.gather(*self._tasks)
        self._tasks.clear()

    def followed(self, marks: Marks) -> None:
        """Take the marks of the request that came next."""
        self._prefills.followed(marks, self._waited_s)
        self._waited_s = 0.0

    async def cancel(self) -> None:
        """End what is being read."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def close(self) -> None:
        """End it, and tell what was read ahead. Safe to call at any time."""
        await self.cancel()
        if (sent := self._prefills).requests:
            self._account("prefill_ahead", f"{sent.requests} requests", sent.saved_s, sent.wasted_s)

    async def _read(self, body: bytes, before: list[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        start_s = self._parts.clock.now_s()
        try:
            result = await self._call(body, "prefill_ahead")
        except asyncio.CancelledError:
            self._prefills.given_up(self._parts.clock.now_s() - start_s)
            raise
        except BackendError as error:
            self._parts.clock.note(f"nothing was read ahead: {error.cause}")
        else:
            self._prefills.sent(result.marks)

    async def _call(self, body: bytes, purpose: str) -> CallResult:
        return await self._parts.caller.call(
            body, step=-1, purpose=purpose, waited_from=lambda: self._waited_from
        )

    async def _warm(self, engine: EngineHandle) -> None:
        engine.touch()
        transcript = small_transcript(self._parts)
        store = PrefixStore(self._parts.caller.backend, engine.state, transcript.prefix)
        try:
            restored = await store.restore()
            if not restored and store.worth_saving():
                body = transcript.request({**_PARAMS, "id_slot": 0})
                await self._call(body, "slot_restore")
                await store.save()
            goal = {"role": "user", "content": f"Goal: {self._parts.goal}\n\nFailing test:\n"}
            result = await self._call(transcript.request(_PARAMS, [goal]), "warm_start")
        except (BackendError, OSError) as error:
            self._parts.clock.note(f"could not warm up: {error}", "warning")
            return
        if restored:
            held = store.confirm(result.timings)
            used = "used" if held else "not used"
            self._account("slot_restore", f"{restored} tokens restored, {used}")

    def _account(
        self, lever: str, detail: str, saved_s: float = 0.0, wasted_s: float = 0.0
    ) -> None:
        t_s = self._parts.clock.now_s()
        self._parts.clock.emit(
            LeverAccount(t_s=t_s, lever=lever, saved_s=saved_s, wasted_s=wasted_s, detail=detail)
        )
