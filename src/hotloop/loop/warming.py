"""Have the fixed prefix of a small model's conversations in the engine's KV cache: `slot_restore`.

While the first tests run, the kept state of that prefix is put back, which takes milliseconds; if
none is kept, it is read once, and kept. More is not read ahead: on few processors, the engine and
the tests beside it take longer than one after the other.
"""

from __future__ import annotations

import asyncio

from hotloop.engine.manager import EngineHandle
from hotloop.engine.slots import PrefixStore
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.loop.asking import small_transcript
from hotloop.loop.caller import CallResult
from hotloop.loop.parts import Parts

_READ = {"max_tokens": 1, "stream": True, "temperature": 0, "id_slot": 0}


class Warming:
    """Warms one session's beginning in the background."""

    def __init__(self, parts: Parts, engine: EngineHandle | None) -> None:
        self._parts = parts
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._store: PrefixStore | None = None
        self._restored = 0
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
        self._task.result()

    def followed(self, result: CallResult) -> None:
        """Take the first call after it, which says whether a restored state was used."""
        store, self._store = self._store, None
        if store is not None and self._restored:
            used = "used" if store.confirm(result.timings) else "not used"
            self._account(f"{self._restored} tokens restored, {used}")

    async def close(self) -> None:
        """End it. Safe to call at any time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _warm(self, engine: EngineHandle) -> None:
        engine.touch()
        transcript = small_transcript(self._parts)
        self._store = PrefixStore(self._parts.caller.backend, engine.state, transcript.prefix)
        try:
            self._restored = await self._store.restore()
            if not self._restored and self._store.worth_saving():
                await self._parts.caller.call(
                    transcript.request(_READ),
                    step=-1,
                    purpose="slot_restore",
                    waited_from=lambda: self._waited_from,
                )
                await self._store.save()
        except (BackendError, OSError) as error:
            self._parts.clock.note(f"could not warm up: {error}", "warning")

    def _account(self, detail: str) -> None:
        t_s = self._parts.clock.now_s()
        self._parts.clock.emit(LeverAccount(t_s=t_s, lever="slot_restore", detail=detail))
