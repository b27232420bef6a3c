"""Lever `warm_tests` for the free loop: the next cold test run is started before it is wanted.

Python, pytest and its plugins take 0.3 to 0.8 s to start. A process that has that behind it waits
while the model writes, and becomes the next test run. It is a run in a process of its own that has
imported nothing of the workspace, used once: a verdict from it is that of a cold run.
"""

from __future__ import annotations

import asyncio

from hotloop.ledger.events import LeverAccount
from hotloop.tools.base import ToolContext
from hotloop.tools.test import runner_of
from hotloop.workspace.standby import Standby
from hotloop.workspace.testcommand import TestPlan

_DELAY_S = 0.2


class WarmTests:
    """Keeps one pytest process ready. Where tests run otherwise there is none."""

    def __init__(self, context: ToolContext, plan: TestPlan | None, *, on: bool = True) -> None:
        self._context = context
        self._plan = plan
        self._fits = on and plan is not None and Standby.fits(plan, runner_of(plan, context))
        self._ready: Standby | None = None
        self._starting: asyncio.Task[None] | None = None
        self._saved_s = 0.0
        self._wasted_s = 0.0

    def prepare(self) -> None:
        """Have a process ready soon; it starts when the request of the moment is on its way."""
        if self._fits and self._ready is None and self._starting is None:
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        await asyncio.sleep(_DELAY_S)
        if self._plan is None:
            return
        ready = Standby(self._plan, runner_of(self._plan, self._context))
        try:
            await ready.start()
        except OSError:
            await ready.close()
            self._fits = False  # no named pipes here; runs start cold
            return
        self._ready = ready

    def take(self) -> Standby | None:
        """Return the process that is ready, if there is one; `used` has to be told afterwards."""
        taken, self._ready, self._starting = self._ready, None, None
        return taken

    async def used(self, taken: Standby | None) -> None:
        """Note what a run saved."""
        if taken is not None:
            self._saved_s += taken.saved_s
            await taken.close()

    async def close(self) -> None:
        """End the process that waits, and tell what the lever did."""
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        if self._ready is not None:
            self._wasted_s += self._ready.waited_s
            await self._ready.close()
            self._ready = None
        if self._saved_s or self._wasted_s:
            account = LeverAccount(
                t_s=self._context.now_s(),
                lever="warm_tests",
                saved_s=self._saved_s,
                wasted_s=self._wasted_s,
            )
            self._context.emit(account)
