"""Open the backend of a session: the endpoint that is configured, or the embedded engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.retry import Retry
from hotloop.config import Config
from hotloop.engine.manager import EngineHandle
from hotloop.errors import UsageError

Status = Callable[[str], None]
Progress = Callable[[str, int, int], None]


class Opened(msgspec.Struct, kw_only=True):
    """A backend to talk to; `engine` is the embedded one's handle. `start_s` is monotonic."""

    client: Client
    start_s: float
    engine: EngineHandle | None = None

    @property
    def is_small(self) -> bool:
        """Say whether the model is the embedded one."""
        return self.engine is not None

    async def close(self) -> None:
        """Close connections; the engine stays for the next session."""
        await self.client.aclose()
        if self.engine is not None:
            self.engine.touch()
            self.engine.close()


async def open_backend(
    config: Config, say: Status, progress: Progress, on_retry: Callable[[Retry], None]
) -> Opened:
    """Return the backend, ready. The session's time starts when it is.

    Downloads the model and starts the engine where need be. Raises EnvironmentFault.
    """
    if config.backend:
        return await _endpoint(config, on_retry)
    engine = await _engine(config, say, progress)
    start_s = time.monotonic()
    client = Client(
        engine.base_url,
        engine.model_id,
        engine.api_key,
        timeouts=config.timeouts,
        session_start_s=start_s,
        on_retry=on_retry,
    )
    return Opened(client=client, start_s=start_s, engine=engine)


async def _endpoint(config: Config, on_retry: Callable[[Retry], None]) -> Opened:
    start_s = time.monotonic()
    client = Client(
        config.backend or "",
        config.model or "",
        config.api_key,
        timeouts=config.timeouts,
        session_start_s=start_s,
        on_retry=on_retry,
        api_key_env=config.api_key_env,
    )
    if not config.model:
        names = await client.list_models()
        if not names:
            raise UsageError(f"{client.base_url} lists no models", "name one with --model")
        client.model = names[0]
    return Opened(client=client, start_s=start_s)


async def _engine(config: Config, say: Status, progress: Progress) -> EngineHandle:
    from hotloop.engine.catalog import default_id, resolve
    from hotloop.engine.download import ensure
    from hotloop.engine.manager import ensure_engine
    from hotloop.engine.state import EngineSettings

    ref = resolve(config.model or default_id())
    path = await asyncio.to_thread(ensure, ref, progress)
    settings = EngineSettings(
        context_tokens=config.engine.context or EngineSettings().context_tokens,
        threads=config.engine.threads or 0,
        speculate=config.engine.speculation and EngineSettings().speculate,
        idle_s=config.engine.idle_s,
    )
    return await ensure_engine(path, ref.id, settings, say)
