"""Sessions whose backend is not alone: replicas of its model, other models for other roles."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from agent_session import GOAL, INSTANT, Run, repository
from hotloop.config import Config
from hotloop.ledger.events import Event
from hotloop.loop.opening import open_backend
from hotloop.loop.session import Session
from hotloop.probe.cached import store
from hotloop.probe.figure import figure
from hotloop.sim.connection import RequestRecord
from hotloop.sim.profile import Profile
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import SimServer
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent
from probe_results import result_of

PATIENT = msgspec.structs.replace(INSTANT, ttft_base_s=0.02)


def probed(profile: Profile, base_url: str, late: float = 2.0) -> None:
    """Keep what a probe of a backend would have found; its p95 is `late` times its median."""
    base_s = profile.ttft_base_s
    tails = figure([base_s] * 94 + [base_s * late] * 6)
    result = result_of(profile, base_url)
    assert store(
        msgspec.structs.replace(result, tails=msgspec.structs.replace(result.tails, ttft_s=tails))
    )


class Served(msgspec.Struct, kw_only=True):
    """A session that has ended, and what each server was asked, in the order of the servers."""

    run: Run
    asked: list[list[RequestRecord]]

    @property
    def conversation(self) -> bytes:
        """Return the messages of the last request, as they were sent."""
        latest = max((one for asked in self.asked for one in asked), key=lambda one: len(one.body))
        return latest.body.partition(b'"messages":[')[2].rpartition(b'],"max_tokens"')[0]


def session(
    root: Path,
    servers: Sequence[tuple[Profile, Sequence[Reply]]],
    configure: Any,
    *,
    late: float | None = 2.0,
    **settings: Any,
) -> Served:
    """Run a session at the first server. `configure` gets all addresses and returns settings.

    `late` is as in `probed`, None for servers that no probe has seen.
    """

    async def main() -> Served:
        async with AsyncExitStack() as stack:
            up = [
                await stack.enter_async_context(SimServer(profile, Script(replies=tuple(replies))))
                for profile, replies in servers
            ]
            for server in up if late is not None else []:
                probed(server.profile, server.base_url, late or 1.0)
            urls = [server.base_url for server in up]
            given = {"backend": urls[0], "model": up[0].profile.model, "dialect": "native"}
            config = msgspec.convert({**given, **settings, **configure(urls)}, Config)
            run = await meet(repository(root), config)
            return Served(run=run, asked=[_chats(server) for server in up])

    return asyncio.run(main())


def _chats(server: SimServer) -> list[RequestRecord]:
    return [one for one in server.requests if one.path.endswith("/chat/completions")]


async def meet(repo: Path, config: Config, on_retry: Callable[[], None] = lambda: None) -> Run:
    """Run a session with the clients that a configuration asks for."""
    events: list[Event] = []
    start_s = time.monotonic()
    opened = await open_backend(config, None, lambda text: None, lambda retry: on_retry())
    ended = Session(GOAL, Workspace(repo), config, opened, events.append, Consent("yes"), "s-test")
    try:
        outcome = await ended.run()
    finally:
        await opened.close()
    wall_s = time.monotonic() - start_s
    return Run(
        outcome=outcome, events=events, bodies=[], repo=repo, wall_s=wall_s, fault=ended.fault
    )
