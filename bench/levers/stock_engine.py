"""The same model behind the engine's own defaults: the server that the stock comparison talks to.

A native llama-server where `HOTLOOP_LLAMA_SERVER` or PATH has one, else the server of xllamacpp, as
`hotloop` chooses it. Nothing is set but model, port and token, and what would measure the machine
instead of the engine: the number of threads, for left alone it counts the machine's cores and not
those that this process may use; and for how long threads spin at barriers, as in hotloop's own
engine, for with the default a neighbour on the same cores makes decoding many times slower.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from hotloop.engine.child import die_with_parent, free_port, http_get
from hotloop.engine.native import find_native
from hotloop.engine.serve import usable_cores
from hotloop.engine.state import HOST, log_tail
from hotloop.errors import EnvironmentFault

KEY_VARIABLE = "LLAMA_API_KEY"
START_TIMEOUT_S = 120.0
_ENVIRONMENT = {"GOMP_SPINCOUNT": "10000"}
_GRACE_S = 3.0


class StockEngine:
    """`with StockEngine(model, log) as engine:` serves at `engine.port` until the block ends.

    Entering raises EnvironmentFault when the server does not come up.
    """

    def __init__(self, model: Path, log: Path) -> None:
        self.port = free_port(0)
        self.token = secrets.token_urlsafe(32)
        self._log = log
        self._command = _command(model, self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> StockEngine:
        """Start the server and wait until it is ready."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=_ENVIRONMENT | os.environ | {KEY_VARIABLE: self.token},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._healthy():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise EnvironmentFault(
                    f"the stock engine does not start:\n{log_tail(self._log)}",
                    "run `hotloop doctor`",
                )
            time.sleep(0.05)

    def _healthy(self) -> bool:
        with contextlib.suppress(OSError):
            return asyncio.run(http_get(self.port, "/health", self.token)) is not None
        return False


def _command(model: Path, port: int) -> list[str]:
    program, threads = find_native(), str(usable_cores())
    if program:
        place = ["--host", HOST, "--port", str(port)]
        return [program, "--model", str(model), *place, "--threads", threads]
    return [sys.executable, "-P", __file__, str(model), str(port), threads]


def _end(signum: int, frame: FrameType | None) -> None:
    os._exit(0)


def main() -> None:
    """Host xllamacpp's server until standard input closes or SIGTERM comes."""
    model, port, threads = sys.argv[1:]
    llama: Any = importlib.import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = model
    params.port = int(port)
    params.api_keys = [os.environ[KEY_VARIABLE]]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    server: Any = llama.Server(params)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr.write(f"serving {model} at {server.listening_address}\n")
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
