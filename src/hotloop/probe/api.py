"""Probe an endpoint: `result = await probe(Target(base_url=..., model=...))`."""

from __future__ import annotations

import msgspec

from hotloop.probe.result import Result
from hotloop.probe.settings import OnProgress, Settings


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint to measure. Without a model, the first one that it lists."""

    base_url: str
    model: str = ""
    api_key: str = ""
    api_key_env: str = "OPENAI_API_KEY"


async def probe(
    target: Target | str, settings: Settings | None = None, on_progress: OnProgress | None = None
) -> Result:
    """Measure an endpoint and return what was found; `plan(settings)` says the cost before.

    Cancelling the task ends the measurement and returns what was measured so far, with
    `cost.stopped` "interrupted". An endpoint that fails gives a result with reasons in
    `missing`, not an error. Raises UsageError for a base URL or key that cannot be used.
    """
    raise NotImplementedError
