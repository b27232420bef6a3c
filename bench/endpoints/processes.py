"""`hotloop sim` and `hotloop run` as processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

HOTLOOP = [sys.executable, "-m", "hotloop.ui.entry"]
PATIENCE_S = 120.0


class Failed(Exception):
    """A session did not do what it is measured for."""


@asynccontextmanager
async def served(profile: str, script: Path, env: dict[str, str]) -> AsyncGenerator[str]:
    """Serve a scripted model on a profile; yield its address. Raises Failed."""
    command = [*HOTLOOP, "sim", "--profile", profile, "--script", str(script)]
    server = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        if server.stdout is None:
            raise Failed("hotloop sim has no output")
        async with asyncio.timeout(PATIENCE_S):
            address = (await server.stdout.readline()).decode().strip()
        yield address
    finally:
        if server.returncode is None:
            os.killpg(server.pid, signal.SIGTERM)
        await server.wait()


async def ran(arguments: list[str], env: dict[str, str]) -> bytes:
    """Run a command of hotloop and return its output. Raises Failed where it fails."""
    process = await asyncio.create_subprocess_exec(
        *HOTLOOP,
        *arguments,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Failed(f"hotloop {' '.join(arguments[:2])}: {err.decode()[-500:]}")
    return out


def home(folder: Path, settings: str) -> dict[str, str]:
    """Write the user's settings below a folder; return the environment that has them hold."""
    file = folder / "home" / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(settings)
    return environment(folder)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of processes whose files all lie below a folder."""
    return {**os.environ, "HOTLOOP_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
