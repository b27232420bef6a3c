"""What client, supervisor and server of an engine agree on: settings, files and locks.

Every model has one set of files under `state_dir()/engine`. The supervisor holds the lock file
for all of its life and clients hold the use file shared, so the kernel forgets the dead.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from hotloop import paths
from hotloop.errors import EnvironmentFault, UsageError

EngineKind = Literal["xllamacpp", "native"]
HOST = "127.0.0.1"
LOG_LIMIT_BYTES = 1 << 20


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine runs. A change of any field makes a new engine replace the old one.

    `threads` 0 means the physical cores this process may use. The n-gram fields are those of
    llama.cpp's `ngram-mod` speculation, which is off: tokens it accepts come without
    probabilities (llama.cpp issue 27972), which the repair search lives on, and it gains 10 to
    15 % of decoding here. Defaults are measured; see docs/benchmarks.md.
    """

    kind: Literal["auto", "xllamacpp", "native"] = "auto"
    context_tokens: int = 16384
    slots: int = 4
    threads: int = 0
    batch_tokens: int = 256
    micro_batch_tokens: int = 256
    flash_attention: Literal["auto", "on", "off"] = "auto"
    kv_type: Literal["f16", "q8_0"] = "f16"
    prompt_cache_mib: int = 512
    speculate: bool = False
    ngram_match: int = 8
    ngram_min: int = 4
    ngram_max: int = 24
    idle_s: float = 1800.0
    start_timeout_s: float = 120.0
    stable_s: float = 60.0
    backoff_s: float = 0.5

    def with_environment(self) -> EngineSettings:
        """Return these settings with `HOTLOOP_ENGINE_IDLE_S` applied. Raises UsageError."""
        text = os.environ.get("HOTLOOP_ENGINE_IDLE_S", "")
        if not text:
            return self
        try:
            idle_s = float(text)
        except ValueError:
            idle_s = 0.0
        if not 0 < idle_s < float("inf"):
            raise UsageError(
                f"HOTLOOP_ENGINE_IDLE_S is {text!r}, not a number of seconds above 0",
                "set it to 1800, or unset it",
            )
        return msgspec.structs.replace(self, idle_s=idle_s)


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """Identity of a model file: a new download at the same path is another model."""

    path: str
    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, model_id: str) -> ModelFile:
        """Read the identity of the file at `path`. Raises EnvironmentFault if it is missing."""
        real = path.resolve()
        try:
            stat = real.stat()
        except OSError as error:
            raise EnvironmentFault(
                f"cannot read the model file {path}: {error.strerror}",
                f"run `hotloop models pull {model_id}`",
            ) from error
        return cls(path=str(real), size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """The state file: written by the supervisor only, readable by the user only.

    `pid` is the supervisor's, `build` names server and version (KV states are bound to it),
    `server_pid` is 0 between servers. Wall-clock times are Unix seconds.
    """

    status: Literal["starting", "ready", "failed"]
    pid: int
    server_pid: int
    port: int
    token: str
    model_id: str
    model: ModelFile
    settings: EngineSettings
    program: str
    kind: EngineKind
    build: str
    version: str
    started_at: float
    written_at: float
    restarts: int = 0
    error: str = ""
    next_step: str = ""


class ServerLaunch(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is started with. `slot_folder` is where it may keep KV states."""

    model_path: str
    model_id: str
    port: int
    token: str
    threads: int
    slot_folder: str
    settings: EngineSettings


class SupervisorLaunch(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor is started with. `program` is a native llama-server, or empty."""

    model: ModelFile
    model_id: str
    settings: EngineSettings
    program: str


def engine_dir() -> Path:
    """Return the folder of engine files, made for the user only."""
    folder = paths.state_dir() / "engine"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class EngineFiles:
    """The files of one model's engine."""

    def __init__(self, model_id: str) -> None:
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", model_id)[-80:]
        if stem != model_id or stem.startswith("."):
            stem = f"m{stem}-{zlib.crc32(model_id.encode()):08x}"
        folder = engine_dir()
        self.state = folder / f"{stem}.json"
        self.lock = folder / f"{stem}.lock"
        self.use = folder / f"{stem}.use"
        self.heartbeat = folder / f"{stem}.beat"
        self.log = folder / f"{stem}.log"

    def touch(self) -> None:
        """Tell the supervisor that the engine is wanted: idle time starts again."""
        try:
            os.utime(self.heartbeat)
        except FileNotFoundError:
            self.heartbeat.touch(mode=0o600)

    def supervised(self) -> bool:
        """Say whether a supervisor lives, by its lock."""
        try:
            fd = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def read(self) -> EngineState | None:
        """Return what the state file says, None where there is none."""
        return read_state(self.state)

    def live(self) -> EngineState | None:
        """Return the state of a living supervisor, None where none lives or none has written."""
        state = self.read()
        if state is None or not self.supervised() or not pid_alive(state.pid):
            return None
        return state

    def write(self, state: EngineState) -> None:
        """Replace the state file in one step; it holds the token, so only the user reads it."""
        fd, name = tempfile.mkstemp(dir=self.state.parent, prefix=".state-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(state))
            Path(name).replace(self.state)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def read_state(path: Path) -> EngineState | None:
    """Return what a state file says, None where there is none or it is of another form."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=EngineState)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def try_lock(path: Path, *, exclusive: bool) -> int | None:
    """Lock the file, made where missing, without waiting; return its descriptor or None."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(fd, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def pid_alive(pid: int) -> bool:
    """Say whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def log_tail(path: Path, lines: int = 12, start_bytes: int = 0) -> str:
    """Return the last lines of a log file from `start_bytes` on; empty if it does not exist."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start_bytes, end - 200 * lines - 4096, 0))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
