"""The supervisor: one per model, keeps one server alive and ends it when nobody needs it.

Started by `manager.ensure_engine` as `python -m hotloop.engine.supervisor JSON`. It holds the
model's lock, restarts the server after a crash on the same port, and ends after `idle_s` without
a heartbeat and without a busy slot. The kernel kills the server if the supervisor dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from enum import Enum
from pathlib import Path

import msgspec

from hotloop import __version__, paths
from hotloop.engine import native, serve
from hotloop.engine.child import busy, die_with_parent, end, free_port, http_get
from hotloop.engine.failures import Failure, explain
from hotloop.engine.state import (
    LOG_LIMIT_BYTES,
    EngineFiles,
    EngineState,
    ServerLaunch,
    SupervisorLaunch,
    log_tail,
    try_lock,
)
from hotloop.errors import EnvironmentFault

ALREADY_SUPERVISED_STATUS = 75
MAX_QUICK_CRASHES = 3
_LOCK_PATIENCE_S = 0.3
_ANSWER_PATIENCE_S = 5.0
# Threads that spin long at barriers decode 6 times slower beside running tests, ones that never
# spin a third slower alone. A crash must not wait for a debugger's backtrace.
_SERVER_ENVIRONMENT = {
    "GOMP_SPINCOUNT": "10000",
    "GGML_NO_BACKTRACE": "1",
    # Decoding walks through all weights for each token: in pages of 2 MiB (glibc 2.35 and later).
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


class Verdict(Enum):
    """Why the supervisor stopped watching a server."""

    CRASHED = "crashed"
    STOPPED = "stopped"
    IDLE = "idle"


class Supervisor:
    """Watches the server of one model. `lock_fd` is the held lock."""

    def __init__(self, launch: SupervisorLaunch, files: EngineFiles, lock_fd: int) -> None:
        self.launch = launch
        self.files = files
        self.lock_fd = lock_fd
        self.stop = asyncio.Event()
        self.log_start_bytes = 0
        now = time.time()
        self.state = EngineState(
            status="starting",
            pid=os.getpid(),
            server_pid=0,
            port=0,
            token=secrets.token_urlsafe(32),
            model_id=launch.model_id,
            model=launch.model,
            settings=launch.settings,
            program=launch.program,
            kind="native" if launch.program else "xllamacpp",
            build="",
            version=__version__,
            started_at=now,
            written_at=now,
        )
        self._beat_ns = 0
        self._active_s = time.monotonic()

    async def run(self) -> int:
        """Serve until told to stop, idle or given up; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop.set)
        self._publish()
        try:
            self._publish(build=_build(self.launch.program))
            failure = await self._keep_serving()
        except EnvironmentFault as fault:
            failure = Failure(fault.cause, fault.next_step)
        if failure is None:
            self.files.state.unlink(missing_ok=True)
            return 0
        self._publish(
            status="failed", server_pid=0, error=failure.cause, next_step=failure.next_step
        )
        return 1

    async def _keep_serving(self) -> Failure | None:
        crashes = 0
        while True:
            born_s = time.monotonic()
            server = await self._start()
            try:
                verdict = await self._watch(server)
            finally:
                await end(server)
            if verdict is not Verdict.CRASHED:
                _log(f"ends: {verdict.value}")
                return None
            lived_s = time.monotonic() - born_s
            crashes = 1 if lived_s >= self.launch.settings.stable_s else crashes + 1
            failure = explain(self.launch, server.returncode or 0, self._log_tail())
            if failure.permanent or crashes >= MAX_QUICK_CRASHES:
                return failure
            _log(f"server ended with {server.returncode} after {lived_s:.1f} s; restarting")
            self._publish(status="starting", server_pid=0, restarts=self.state.restarts + 1)
            if await self._stopped_within(self.launch.settings.backoff_s * 2 ** (crashes - 1)):
                return None

    async def _start(self) -> asyncio.subprocess.Process:
        folder = paths.cache_dir() / "kv"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        port = free_port(self.state.port)
        launch = ServerLaunch(
            model_path=self.launch.model.path,
            model_id=self.launch.model_id,
            port=port,
            token=self.state.token,
            threads=self.launch.settings.threads or serve.usable_cores(),
            slot_folder=str(folder),
            settings=self.launch.settings,
        )
        self.log_start_bytes = self.files.log.stat().st_size
        server = await asyncio.create_subprocess_exec(
            *_command(self.launch.program, launch),
            stdin=asyncio.subprocess.PIPE,
            env=_SERVER_ENVIRONMENT | os.environ | {"LLAMA_API_KEY": self.state.token},
            preexec_fn=die_with_parent(),
        )
        self._publish(port=port, server_pid=server.pid)
        if server.stdin and not self.launch.program:
            server.stdin.write(msgspec.json.encode(launch) + b"\n")
        return server

    async def _watch(self, server: asyncio.subprocess.Process) -> Verdict:
        exited = asyncio.create_task(server.wait())
        stopping = asyncio.create_task(self.stop.wait())
        serving = asyncio.create_task(self._serve_until_idle())
        await asyncio.wait({exited, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        stopped, crashed = stopping.done(), exited.done()
        for task in (exited, stopping):
            task.cancel()
        if stopped or crashed:
            serving.cancel()
            return Verdict.STOPPED if stopped else Verdict.CRASHED
        return serving.result()

    async def _serve_until_idle(self) -> Verdict:
        await self._ready()
        self._active_s = time.monotonic()
        self._publish(status="ready")
        idle_s = self.launch.settings.idle_s
        while True:
            await asyncio.sleep(min(max(idle_s / 10, 0.02), 5.0))
            if not self._owns_lock():
                return Verdict.STOPPED
            if self._beaten():
                self._active_s = time.monotonic()
            elif time.monotonic() - self._active_s > idle_s and await self._retire():
                return Verdict.IDLE

    async def _ready(self) -> None:
        patience_s = self.launch.settings.start_timeout_s
        deadline_s = time.monotonic() + patience_s
        while not await self._healthy():
            if time.monotonic() > deadline_s:
                raise EnvironmentFault(
                    f"the engine for {self.launch.model_id} was not ready after {patience_s:.0f} s",
                    f"is the machine overloaded? See `hotloop engine logs {self.launch.model_id}`",
                )
            await asyncio.sleep(0.02)

    async def _retire(self) -> bool:
        """Withdraw the state file unless a slot is busy; put it back if a client came meanwhile.

        A client touches the heartbeat before it reads the state again, so one of us sees.
        """
        if await self._works():
            self._active_s = time.monotonic()
            return False
        self.files.state.unlink(missing_ok=True)
        if not self._beaten():
            return True
        self._active_s = time.monotonic()
        self._publish()
        return False

    def _beaten(self) -> bool:
        try:
            beat_ns = self.files.heartbeat.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        changed = beat_ns != self._beat_ns
        self._beat_ns = beat_ns
        return changed

    def _owns_lock(self) -> bool:
        try:
            return self.files.lock.stat().st_ino == os.fstat(self.lock_fd).st_ino
        except FileNotFoundError:
            return False

    async def _healthy(self) -> bool:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._get("/health"), _ANSWER_PATIENCE_S) is not None
        return False

    async def _works(self) -> bool:
        """Say whether a slot is busy. No answer in time is one: a prompt is being read."""
        try:
            slots = await asyncio.wait_for(self._get("/slots"), _ANSWER_PATIENCE_S)
        except TimeoutError:
            return True
        return busy(slots)

    async def _get(self, path: str) -> bytes | None:
        """Return the body of a 200 answer, None for anything else."""
        with contextlib.suppress(ConnectionError):
            return await http_get(self.state.port, path, self.state.token)
        return None

    def _publish(self, **changes: object) -> None:
        changes["written_at"] = time.time()
        self.state = msgspec.structs.replace(self.state, **changes)
        if self._owns_lock():
            self.files.write(self.state)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self.stop.wait(), seconds)
        return False

    def _log_tail(self) -> str:
        return log_tail(self.files.log, start_bytes=self.log_start_bytes)


def _build(program: str) -> str:
    if program:
        return native.build_name(program)
    from importlib.metadata import version

    return f"xllamacpp {version('xllamacpp')}"


def _command(program: str, launch: ServerLaunch) -> list[str]:
    if program:
        return native.command(program, launch, native.ask(program, "--help"))
    return [sys.executable, "-P", "-m", "hotloop.engine.serve"]


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} supervisor: {text}\n")
    sys.stderr.flush()


def _open_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _lock(files: EngineFiles) -> int | None:
    """Take the supervisor's lock; patient, since clients hold it for moments to look at it."""
    deadline_s = time.monotonic() + _LOCK_PATIENCE_S
    while (fd := try_lock(files.lock, exclusive=True)) is None:
        if time.monotonic() > deadline_s:
            return None
        time.sleep(0.01)
    return fd


def main() -> int:
    """Take the lock, detach, supervise. The first process ends once the lock is held."""
    launch = msgspec.json.decode(sys.argv[1], type=SupervisorLaunch)
    files = EngineFiles(launch.model_id)
    lock_fd = _lock(files)
    if lock_fd is None:
        return ALREADY_SUPERVISED_STATUS
    files.state.unlink(missing_ok=True)
    if os.fork():
        os._exit(0)
    os.setsid()
    _open_log(files.log)
    _log(f"{launch.model_id}: {launch.program or 'xllamacpp'}")
    return asyncio.run(Supervisor(launch, files, lock_fd).run())


if __name__ == "__main__":
    sys.exit(main())
