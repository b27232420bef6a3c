"""Have the fixed prefix in the engine's KV cache before it is needed: levers `slot_restore` and
`prefetch`.

While the first tests run, the engine restores the kept state of the fixed prefix (or prefills it
once, and keeps it) and prefills the goal behind it.
"""

from __future__ import annotations

import asyncio

from hotloop.engine.manager import EngineHandle
from hotloop.engine.slots import PrefixStore
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.loop.parts import Parts
from hotloop.loop.repair import small_transcript

_PARAMS = {"max_tokens": 1, "stream": True, "temperature": 0}


class Warming:
    """Warms one session's beginning in the background."""

    def __init__(self, parts: Parts, engine: EngineHandle | None) -> None:
        self._parts = parts
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._waited_from: float | None = None

    def start(self) -> None:
        """Begin, if the lever is on and the engine is ours."""
        if self._engine is not None and self._parts.has("slot_restore"):
            self._task = asyncio.create_task(self._warm(self._engine))

    async def finish(self) -> None:
        """Wait for the end, in a step of its own: the next request would queue behind it."""
        if self._task is None:
            return
        if not self._task.done():
            self._waited_from = self._parts.clock.now_s()
            with self._parts.clock.step(StepKind.PREFETCH):
                await asyncio.wait({self._task})
        await self._task

    async def cancel(self) -> None:
        """End it. Safe to call at any time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _warm(self, engine: EngineHandle) -> None:
        engine.touch()
        transcript = small_transcript(self._parts)
        store = PrefixStore(self._parts.caller.backend, engine.state, transcript.prefix)
        try:
            restored = await store.restore()
            if not restored and store.worth_saving():
                body = transcript.request({**_PARAMS, "id_slot": 0})
                await self._parts.caller.call(
                    body, step=-1, purpose="slot_restore", waited_from=lambda: self._waited_from
                )
                await store.save()
            goal = {"role": "user", "content": f"Goal: {self._parts.goal}\n\nFailing test:\n"}
            result = await self._parts.caller.call(
                transcript.request(_PARAMS, [goal]),
                step=-1,
                purpose="warm_start",
                waited_from=lambda: self._waited_from,
            )
        except (BackendError, OSError) as error:
            self._parts.clock.note(f"could not warm up: {error}", "warning")
            return
        if restored:
            held = store.confirm(result.timings)
            self._account(restored, held)

    def _account(self, tokens: int, held: bool) -> None:
        self._parts.clock.emit(
            LeverAccount(
                t_s=self._parts.clock.now_s(),
                lever="slot_restore",
                detail=f"{tokens} tokens restored, {'used' if held else 'not used'}",
            )
        )
