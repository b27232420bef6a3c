"""A simulated backend in a process of its own, which tells afterwards what it was asked and when.

`python -m bench.probe.served PROFILE.json` prints its address, serves until its standard input
ends, and then prints one line of JSON with its requests.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hotloop.sim.clock import punctual_loop
from hotloop.sim.connection import RequestRecord
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.server import SimServer

STOP_S = 20.0


class Served(msgspec.Struct, kw_only=True):
    """A running simulated backend; `requests` is filled when it has stopped."""

    base_url: str
    requests: list[RequestRecord] = []

    @property
    def chats(self) -> list[RequestRecord]:
        """The chat requests, in the order of their arrival."""
        return [one for one in self.requests if one.path.endswith("/chat/completions")]


@contextmanager
def served(profile: Profile) -> Generator[Served]:
    """Serve a profile from another process, so that client and server share no interpreter."""
    with tempfile.TemporaryDirectory(prefix="hotloop-probe-") as folder:
        path = Path(folder) / "profile.json"
        path.write_bytes(msgspec.json.encode(profile))
        command = [sys.executable, "-m", "bench.probe.served", str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            running = Served(base_url=process.stdout.readline().decode().strip())
            yield running
            log, _ = process.communicate(timeout=STOP_S)
            running.requests = msgspec.json.decode(log, type=list[RequestRecord])
        finally:
            process.kill()
            process.wait()


async def _serve(profile: Profile) -> list[RequestRecord]:
    async with SimServer(profile) as server:
        print(server.base_url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for request in server.requests:
            request.body = b""
        return server.requests


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        print(msgspec.json.encode(runner.run(_serve(load_profile(sys.argv[1])))).decode())
