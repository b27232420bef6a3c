"""Sessions of the article's task, and the accounts of their levers."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent_session import INSTANT, Run
from bench.levers import article
from hotloop.ledger.events import (
    LeverAccount,
)
from hotloop.sim.server import SimServer

PYTEST = f"{sys.executable} -m pytest"


def account(ended: Run, lever: str) -> LeverAccount:
    (found,) = (one for one in ended.of(LeverAccount) if one.lever == lever)
    return found


def shop(tmp_path: Path) -> Path:
    repo = tmp_path / "shop"
    shutil.copytree(article.REPO, repo, ignore=shutil.ignore_patterns("__pycache__"))
    conftest = repo / "tests" / "conftest.py"
    conftest.write_text(conftest.read_text().replace("TEST_S = 0.5", "TEST_S = 0.0"))
    return repo


def meet_article(
    tmp_path: Path, iterations: int, *, without: tuple[str, ...] = (), **settings: Any
) -> Run:
    import asyncio

    from agent_session import meet

    async def main() -> Run:
        async with SimServer(INSTANT, article.script(iterations)) as server:
            repo = shop(tmp_path)
            wanted = {"without": without, "test": PYTEST, "budget_s": 60.0, **settings}
            ended = await meet(repo, server.base_url, "sim-instant", article.GOAL, wanted)
            bodies = [r.body for r in server.requests if r.path.endswith("/chat/completions")]
            return msgspec.structs.replace(ended, bodies=bodies)

    return asyncio.run(main())
