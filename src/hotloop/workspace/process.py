"""Run a command with a deadline, and leave no process of it behind."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from hotloop.errors import ToolError

DEFAULT_CAPTURE_BYTES = 1 << 20
FULL_OUTPUT_LIMIT_BYTES = 64 << 20
_TERM_GRACE_S = 1.5
_DRAIN_S = 1.0
_READ_BYTES = 1 << 16
_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|^OPENAI_|^SSH_AUTH_SOCK$|^SSH_AGENT_PID$", re.I
)
_URL_WITH_LOGIN = re.compile(r"://[^/\s@]+@")
_MAY_HOLD_LOGIN = re.compile(r"INDEX|REGISTRY|PROXY", re.I)


class ProcessResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended.

    `status` is the exit status, 128 + n where signal n ended it. `output` is stdout and stderr
    as they came, the middle left out beyond the capture limit; `output_bytes` is the size of
    all of it, and `output_path` the file that holds it ("" where none was asked for).
    """

    status: int
    output: str
    duration_s: float
    timed_out: bool
    output_path: str = ""
    output_bytes: int = 0


def clean_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment for a child: no secrets, no bytecode files, plus `extra`.

    Left out are variables whose name speaks of a key, token, secret, password or credential,
    `OPENAI_*`, the ssh agent, and index, registry and proxy URLs that carry a login.
    """
    env = {name: value for name, value in os.environ.items() if not _is_secret(name, value)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env.update(extra or {})
    return env


def _is_secret(name: str, value: str) -> bool:
    if _SECRET_NAME.search(name):
        return True
    return bool(_MAY_HOLD_LOGIN.search(name) and _URL_WITH_LOGIN.search(value))


class _Capture:
    """Keeps the beginning and the end of a byte stream, and all of it in a file."""

    def __init__(
        self, limit_bytes: int, path: Path | None, on_output: Callable[[str], None] | None
    ) -> None:
        self.total = 0
        self._half = max(limit_bytes // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._path = path
        self._file = _open_output(path)
        self._on_output = on_output
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._store(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[max(room, 0) :]
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]
        if self._on_output:
            self._on_output(self._decoder.decode(chunk))

    def _store(self, chunk: bytes) -> None:
        if self._file is None or self.total > FULL_OUTPUT_LIMIT_BYTES:
            return
        try:
            self._file.write(chunk)
        except OSError:
            # The command matters more than its log: with a full disk the log just ends here.
            self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
        if self._on_output and (rest := self._decoder.decode(b"", True)):
            self._on_output(rest)

    def text(self) -> str:
        left_out = self.total - len(self._head) - min(len(self._tail), self._half)
        if left_out <= 0:
            return (self._head + self._tail).decode("utf-8", "replace")
        where = f"; all of it is in {self._path}" if self._path else ""
        head = self._head.decode("utf-8", "replace")
        tail = self._tail[-self._half :].decode("utf-8", "replace")
        return f"{head}\n[{left_out} bytes left out{where}]\n{tail}"


def _open_output(path: Path | None) -> BinaryIO | None:
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb", buffering=0)
    except OSError as error:
        raise ToolError(
            f"cannot keep the output in {path}: {error.strerror}", "free disk space and try again"
        ) from error


class _Child:
    """A running command with everything that ends it."""

    def __init__(self, process: asyncio.subprocess.Process, argv: Sequence[str]) -> None:
        self.process = process
        self._contained = _contained(argv)
        self._supervised = _is_supervised(argv)

    def signal(self, number: signal.Signals) -> None:
        if self.process.returncode is not None:
            return
        # Not process.send_signal(): it polls, and so may take the exit status from asyncio.
        # The supervisor ends its children itself; a signal to its group would not reach them.
        send = os.kill if self._supervised else os.killpg
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(self.process.pid, number)

    async def drain(self, sink: Callable[[bytes], None]) -> None:
        """Pass output to `sink` until the pipe closes, then wait for the end of the process."""
        stdout = self.process.stdout
        while stdout is not None and (chunk := await stdout.read(_READ_BYTES)):
            sink(chunk)
        await self.process.wait()

    async def stop(self, sink: Callable[[bytes], None]) -> None:
        """End the process: SIGTERM, a short grace, SIGKILL. SIGKILL even when cancelled.

        A sandbox gets SIGKILL at once. Ended by SIGTERM while it sets itself up, bubblewrap leaves
        its child waiting for ever; later, what is inside dies with it and has no grace anyway.
        """
        try:
            self.signal(signal.SIGKILL if self._contained else signal.SIGTERM)
            async with asyncio.timeout(_TERM_GRACE_S):
                await self.drain(sink)
        except TimeoutError:
            pass
        finally:
            self.signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self.drain(sink)


def _contained(argv: Sequence[str]) -> bool:
    return Path(argv[0]).name == "bwrap"


def _is_supervised(argv: Sequence[str]) -> bool:
    return sys.platform == "linux" and not _contained(argv)


def _supervised(argv: Sequence[str]) -> list[str]:
    script = str(Path(__file__).with_name("supervise.py"))
    return [sys.executable, "-I", "-S", script, str(os.getpid()), *argv]


async def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None) -> _Child:
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *(_supervised(argv) if _is_supervised(argv) else argv),
            cwd=cwd,
            env=clean_env(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    )
    try:
        # Cancelled in the middle, asyncio would kill this one process only, and then wait for ever
        # for the pipe that a child of it still holds.
        return _Child(await asyncio.shield(starting), argv)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):  # it never started: nothing to end
            await _Child(await starting, argv).stop(_drop)
        raise
    except (OSError, ValueError) as error:
        raise ToolError(f"cannot start {argv[0]!r} in {cwd}: {error}") from error


def _drop(chunk: bytes) -> None:
    """Take output that nobody wants."""


async def run_process(
    command: Sequence[str] | str,
    *,
    cwd: Path,
    deadline_s: float,
    env: Mapping[str, str] | None = None,
    on_output: Callable[[str], None] | None = None,
    max_capture_bytes: int = DEFAULT_CAPTURE_BYTES,
    output_path: Path | None = None,
) -> ProcessResult:
    """Run `command` (arguments, or text for `/bin/sh`) and return how it ended.

    It gets no stdin and the environment of `clean_env(env)`. At `deadline_s` seconds, and when
    the caller is cancelled, every process it started is ended, daemons too: by the PID
    namespace where `command` is a bubblewrap call, by `supervise.py` elsewhere on Linux, by the
    process group on other systems. `on_output` gets text as it arrives. Up to
    `max_capture_bytes` of output are returned, all of it (64 MiB at most) goes to `output_path`.

    Raises ToolError when the command cannot be started.
    """
    argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    capture = _Capture(max_capture_bytes, output_path, on_output)
    start = time.monotonic()
    timed_out = False
    try:
        child = await _start(argv, cwd, env)
        try:
            async with asyncio.timeout(deadline_s):
                await child.drain(capture.feed)
        except TimeoutError:
            timed_out = True
        finally:
            if child.process.returncode is None:
                await child.stop(capture.feed)
    finally:
        capture.close()
    code = child.process.returncode
    return ProcessResult(
        status=_exit_status(code),
        output=capture.text(),
        duration_s=time.monotonic() - start,
        timed_out=timed_out,
        output_path=str(output_path or ""),
        output_bytes=capture.total,
    )


def _exit_status(code: int | None) -> int:
    if code is None:
        return 128 + signal.SIGKILL
    return code if code >= 0 else 128 - code
