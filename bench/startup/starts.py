"""From the start of the process to its end, or to the first byte of its first request."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hotloop.engine.catalog import CATALOG, DEFAULT_ID, SMALL_ID
from hotloop.engine.models_store import present_path
from hotloop.engine.state import EngineFiles

GOAL = "The tea timer shows 2:5 instead of 2:05. Make the failing test pass."
FIRST_BYTE_LIMIT_S = 30.0
WARM_UP_LIMIT_S = 300.0


class Failed(Exception):
    """A measured process did not do what it is measured for."""


def whole_process(command: Sequence[str], env: Mapping[str, str], runs: int) -> list[float]:
    """Return the seconds from start to end of a command, run by run. Raises Failed."""
    seconds: list[float] = []
    for _ in range(runs + 1):
        start_s = time.monotonic()
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        seconds.append(time.monotonic() - start_s)
        if done.returncode != 0:
            raise Failed(f"{command} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return seconds[1:]  # the first one fills the caches of the disk and of bytecode


class Door:
    """A socket on loopback that only notes when the first byte of a connection comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(FIRST_BYTE_LIMIT_S)
        self.port: int = self._socket.getsockname()[1]

    def first_byte_s(self) -> float:
        """Wait for a connection with a byte in it; return the monotonic time. Raises Failed."""
        try:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(FIRST_BYTE_LIMIT_S)
                connection.recv(1)
                return time.monotonic()
        except TimeoutError as error:
            raise Failed(f"no request within {FIRST_BYTE_LIMIT_S:.0f} s") from error

    def turn_away(self) -> None:
        """Drop connections that wait: retries of a process that has ended."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.accept()[0].close()
        self._socket.settimeout(FIRST_BYTE_LIMIT_S)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def first_request(
    command: Sequence[str], env: Mapping[str, str], door: Door, runs: int
) -> list[float]:
    """Return the seconds from process start to the first request byte at the door."""
    return [_to_first_byte(command, env, door) for _ in range(runs + 1)][1:]


def _to_first_byte(command: Sequence[str], env: Mapping[str, str], door: Door) -> float:
    start_s = time.monotonic()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return door.first_byte_s() - start_s
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(FIRST_BYTE_LIMIT_S)
        process.kill()
        process.wait()
        door.turn_away()


def endpoint_start(hotloop: str, repo: Path, env: Mapping[str, str], runs: int) -> list[float]:
    """Measure with a named model at an endpoint."""
    door = Door()
    backend = f"http://127.0.0.1:{door.port}/v1"
    named = ["--backend", backend, "--model", "any"]
    try:
        return first_request(run_command(hotloop, repo, *named), env, door, runs)
    finally:
        door.close()


def embedded_start(
    hotloop: str, repo: Path, env: Mapping[str, str], runs: int, model: str
) -> list[float]:
    """Measure with the embedded engine warm. The engine's port is the door's meanwhile.

    `env` must name a home of the bench's own: the state file of its engine is changed.
    """
    command = run_command(hotloop, repo, "--model", model)
    subprocess.run(command, env=env, capture_output=True, check=False, timeout=WARM_UP_LIMIT_S)
    door = Door()
    try:
        with _moved(model, door.port):
            return first_request(command, env, door, runs)
    finally:
        door.close()
        subprocess.run([hotloop, "engine", "stop"], env=env, capture_output=True, check=False)


def run_command(hotloop: str, repo: Path, *more: str) -> list[str]:
    """Return a run on the demo's repository."""
    return [hotloop, "run", GOAL, "--repo", str(repo), "--json", "--yes", "--budget", "5", *more]


@contextmanager
def _moved(model: str, port: int) -> Generator[None]:
    files = EngineFiles(model)
    state = files.live()
    if state is None or state.status != "ready":
        raise Failed(f"no engine runs for {model}")
    files.write(msgspec.structs.replace(state, port=port))
    try:
        yield
    finally:
        files.write(state)


def model_here() -> tuple[str, Path] | None:
    """Return a model of the catalog that is on this machine, and its file; None without one."""
    for name in (SMALL_ID, DEFAULT_ID):
        path = present_path(CATALOG[name])
        if path is not None:
            return name, path
    return None


def own_environment(home: Path, models: Path | None) -> dict[str, str]:
    """Return the environment of the measured processes: a home of their own, bytecode kept."""
    env = {**os.environ, "HOTLOOP_HOME": str(home)}
    if models is not None:
        env["HOTLOOP_MODELS"] = str(models)
    for name in ("PYTHONDONTWRITEBYTECODE", "OPENAI_BASE_URL", "HOTLOOP_MODEL"):
        env.pop(name, None)
    return env
