"""Probe an endpoint: `result = await probe(Target(base_url=..., model=...))`."""

from __future__ import annotations

import asyncio

from hotloop.probe.contact import Unusable
from hotloop.probe.ends import Spent
from hotloop.probe.result import Result
from hotloop.probe.run import Run
from hotloop.probe.settings import OnProgress, Settings, Target
from hotloop.probe.verdict import conclude

__all__ = ["Target", "probe"]


async def probe(
    target: Target | str, settings: Settings | None = None, on_progress: OnProgress | None = None
) -> Result:
    """Measure an endpoint and return what was found; `plan(settings)` says the cost before.

    Cancelling the task ends the measurement and returns what was measured so far, with
    `cost.stopped` "interrupted". An endpoint that fails gives a result with reasons in
    `missing`, not an error. Raises UsageError for a base URL or key that cannot be used.
    """
    where = Target(base_url=target) if isinstance(target, str) else target
    run = Run(where, settings or Settings(), on_progress)
    try:
        await run.measure()
    except asyncio.CancelledError:
        run.stopped("interrupted")
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
    except Unusable as error:
        run.unusable(error)
    except Spent as spent:
        run.spent(spent)
    finally:
        await run.session.client.aclose()
    return conclude(run.conclude(), run.session.settings.budget_s)
