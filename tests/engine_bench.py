"""A model and a server program for the engine that cost nothing to start."""

import asyncio
import http.client
import time
from collections.abc import Callable
from pathlib import Path

from hotloop.engine.manager import (
    EngineHandle,
    ensure_engine,
)
from hotloop.engine.state import (
    EngineSettings,
)
from hotloop.errors import BackendError

MODEL = "tiny"


FAST = EngineSettings(threads=1, backoff_s=0.01, start_timeout_s=20, stable_s=60)


class Bench:
    """A machine of its own: home, model file, fake server and the processes it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.model = folder / "tiny.gguf"
        self.model.write_bytes(b"GGUF")
        self.supervisors: set[int] = set()

    def ensure(self, settings: EngineSettings = FAST) -> EngineHandle:
        handle = asyncio.run(ensure_engine(self.model, MODEL, settings))
        self.supervisors.add(handle.state.pid)
        return handle

    def servers(self) -> list[int]:
        return [int(path.name.split("-")[1]) for path in self.marks.glob("start-*")]


def until(condition: Callable[[], object], patience_s: float = 15) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not come about in time"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Http:
    """The least of a Backend: posts JSON to the engine."""

    def __init__(self, handle: EngineHandle) -> None:
        self._handle = handle

    async def post(self, path: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._handle.state.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {self._handle.api_key}",
            "Content-Type": "application/json",
        }
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise BackendError(data.decode(), status=answer.status)
        return data
