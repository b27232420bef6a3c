"""The client's side of the engine: find it, start it, use it, stop it.

One engine per model serves every session on this machine. `find_engine` only reads files;
`ensure_engine` starts a supervisor where none lives and waits until the server is ready.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hotloop import __version__
from hotloop.engine.native import find_native
from hotloop.engine.state import (
    HOST,
    EngineFiles,
    EngineKind,
    EngineSettings,
    EngineState,
    ModelFile,
    SupervisorLaunch,
    engine_dir,
    log_tail,
    pid_alive,
    read_state,
    try_lock,
)
from hotloop.errors import EnvironmentFault

OnStatus = Callable[[str], None]
_POLL_S = 0.02
_STOP_PATIENCE_S = 10.0
_MAX_SPAWNS = 3


class EngineHandle:
    """A live engine, marked as in use until `close` or the end of this process.

    `build` names server and version; KV states of another build must not be read.
    """

    def __init__(self, state: EngineState, files: EngineFiles, use_fd: int) -> None:
        self._state = state
        self._files = files
        self._use_fd = use_fd

    @property
    def base_url(self) -> str:
        """Return the address of the OpenAI-compatible API."""
        return f"http://{HOST}:{self._state.port}/v1"

    @property
    def api_key(self) -> str:
        """Return the token that every request must carry."""
        return self._state.token

    @property
    def model_id(self) -> str:
        """Return the name of the model."""
        return self._state.model_id

    @property
    def kind(self) -> EngineKind:
        """Return which server runs."""
        return self._state.kind

    @property
    def state(self) -> EngineState:
        """Return the state as it was when the handle was made."""
        return self._state

    def alive(self) -> bool:
        """Say whether this very engine still serves at this address."""
        now = self._files.live()
        if now is None or now.status != "ready" or not pid_alive(now.server_pid):
            return False
        return (now.token, now.port) == (self._state.token, self._state.port)

    def touch(self) -> None:
        """Start the idle time anew. Call it with every request: it costs microseconds."""
        self._files.touch()

    def close(self) -> None:
        """Give up the use of the engine, which stays alive. Safe to call twice."""
        if self._use_fd >= 0:
            os.close(self._use_fd)
        self._use_fd = -1


class _Wanted:
    """An engine that a caller asks for."""

    def __init__(self, model_path: Path, model_id: str, settings: EngineSettings) -> None:
        self.settings = settings.with_environment()
        program = "" if settings.kind == "xllamacpp" else find_native()
        if settings.kind == "native" and not program:
            raise EnvironmentFault(
                "no native llama-server on PATH or in HOTLOOP_LLAMA_SERVER",
                "install one, or set the engine's kind to auto",
            )
        self.launch = SupervisorLaunch(
            model=ModelFile.of(model_path, model_id),
            model_id=model_id,
            settings=self.settings,
            program=program,
        )
        self.files = EngineFiles(model_id)

    def fits(self, state: EngineState) -> bool:
        """Say whether the engine of this state is the one asked for."""
        mine = (__version__, self.launch.model, self.settings, self.launch.program)
        return mine == (state.version, state.model, state.settings, state.program)


def find_engine(
    model_id: str, model_path: Path | None = None, settings: EngineSettings | None = None
) -> EngineHandle | None:
    """Return the live, ready engine for a model, or None; reads files only, below 5 ms.

    With `model_path` and `settings`, None as well for an engine of another file or settings:
    then `ensure_engine` decides. Raises EnvironmentFault for a missing model file.
    """
    files = EngineFiles(model_id)
    state = files.live()
    if state is None or state.status != "ready":
        return None
    if model_path and not _Wanted(model_path, model_id, settings or EngineSettings()).fits(state):
        return None
    return _attach(files, state)


def _attach(files: EngineFiles, state: EngineState) -> EngineHandle | None:
    """Mark the engine as in use, then look again: it may just have ended for being idle."""
    files.touch()
    use_fd = try_lock(files.use, exclusive=False)
    if use_fd is None:
        return None
    handle = EngineHandle(state, files, use_fd)
    if handle.alive():
        return handle
    handle.close()
    return None


async def ensure_engine(
    model_path: Path,
    model_id: str,
    settings: EngineSettings | None = None,
    on_status: OnStatus = lambda _: None,
) -> EngineHandle:
    """Return the ready engine for a model, started if need be and shared with other processes.

    An engine with other settings or another model file is replaced unless a process uses it;
    if one does, other settings are borne with a word to `on_status`, another file is an error.
    Raises EnvironmentFault with the cause and the next step.
    """
    wanted = _Wanted(model_path, model_id, settings or EngineSettings())
    state = wanted.files.live()
    if state and state.status == "ready" and wanted.fits(state):
        handle = _attach(wanted.files, state)
        if handle:
            return handle
    return await _Starter(wanted, on_status).run()


class _Starter:
    """Brings an engine up. `_claim` is the use file, held alone while an old one is replaced."""

    def __init__(self, wanted: _Wanted, on_status: OnStatus) -> None:
        self._wanted = wanted
        self._files = wanted.files
        self._on_status = on_status
        self._began_at = time.time()
        self._spawns = 0
        self._said = ""
        self._claim: int | None = None

    async def run(self) -> EngineHandle:
        import asyncio

        patience_s = self._wanted.settings.start_timeout_s + _STOP_PATIENCE_S
        deadline_s = time.monotonic() + patience_s
        try:
            while time.monotonic() < deadline_s:
                handle = await self._advance()
                if handle:
                    return handle
                await asyncio.sleep(_POLL_S)
        finally:
            self._drop_claim()
        raise EnvironmentFault(
            f"the engine for {self._wanted.launch.model_id} was not ready after {patience_s:.0f} s",
            f"read `hotloop engine logs {self._wanted.launch.model_id}`",
        )

    async def _advance(self) -> EngineHandle | None:
        state = self._files.live()
        if state is None:
            await self._start_unless_starting()
            return None
        if state.status != "ready":
            self._say(f"starting the engine for {state.model_id}")
            return None
        if not self._wanted.fits(state) and await self._replaced(state):
            return None
        self._drop_claim()
        return _attach(self._files, state)

    async def _start_unless_starting(self) -> None:
        import asyncio

        if self._files.supervised():
            return
        self._raise_failure()
        if self._spawns == _MAX_SPAWNS:
            raise EnvironmentFault(
                f"the engine for {self._wanted.launch.model_id} does not start\n"
                f"{log_tail(self._files.log)}",
                "run `hotloop doctor`",
            )
        self._spawns += 1
        self._say(f"starting the engine for {self._wanted.launch.model_id}")
        await asyncio.to_thread(_spawn, self._wanted.launch, self._files)

    def _raise_failure(self) -> None:
        state = self._files.read()
        if state and state.status == "failed" and state.written_at >= self._began_at:
            raise EnvironmentFault(state.error, state.next_step)

    async def _replaced(self, old: EngineState) -> bool:
        """Stop an engine that does not fit, if nobody uses it; say whether it was stopped."""
        import asyncio

        if self._claim is None:
            self._claim = try_lock(self._files.use, exclusive=True)
        if self._claim is not None:
            self._say(f"replacing the engine for {old.model_id}: its settings or model changed")
            await asyncio.to_thread(stop_engine, old.model_id)
            return True
        if old.model != self._wanted.launch.model:
            raise EnvironmentFault(
                f"another session uses {old.model_id} from another model file, {old.model.path}",
                f"wait for it to end, or run `hotloop engine stop {old.model_id}`",
            )
        self._say(f"another session uses {old.model_id} with other settings; sharing its engine")
        return False

    def _drop_claim(self) -> None:
        if self._claim is not None:
            fcntl.flock(self._claim, fcntl.LOCK_UN)
            os.close(self._claim)
        self._claim = None

    def _say(self, text: str) -> None:
        if text != self._said:
            self._on_status(text)
        self._said = text


def _spawn(launch: SupervisorLaunch, files: EngineFiles) -> None:
    """Run the supervisor's first process, which ends when the second holds the lock."""
    spec = msgspec.json.encode(launch).decode()
    with os.fdopen(os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
        subprocess.run(
            [sys.executable, "-P", "-m", "hotloop.engine.supervisor", spec],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            check=False,
        )


def list_engines() -> list[EngineState]:
    """Return the states of all live engines, by model id."""
    known = [read_state(path) for path in engine_dir().glob("*.json")]
    live = [EngineFiles(state.model_id).live() for state in known if state]
    return sorted((state for state in live if state), key=lambda state: state.model_id)


def stop_engine(model_id: str) -> bool:
    """Stop the engine for a model and wait until it is gone; False if there was none.

    Raises EnvironmentFault if it cannot be stopped.
    """
    files = EngineFiles(model_id)
    if not files.supervised():
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _ended(files, number):
            return True
    raise EnvironmentFault(
        f"the engine for {model_id} does not end", f"end the process that holds {files.lock}"
    )


def _ended(files: EngineFiles, number: signal.Signals) -> bool:
    deadline_s = time.monotonic() + _STOP_PATIENCE_S
    asked_pid = 0
    while files.supervised():
        if time.monotonic() > deadline_s:
            return False
        state = files.live()
        if state and state.pid != asked_pid:
            asked_pid = state.pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(asked_pid, number)
        time.sleep(_POLL_S)
    return True
