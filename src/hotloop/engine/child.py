"""Dealings with the server child: its port, its life and its answers."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable

import msgspec

from hotloop.engine.state import HOST
from hotloop.errors import EnvironmentFault

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None]:
    """Return a `preexec_fn` by which the kernel kills the child when this thread ends.

    Linux only; elsewhere the server ends when its standard input closes.
    """
    parent = os.getpid()
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


async def end(server: asyncio.subprocess.Process, grace_s: float = 2.0) -> None:
    """End the server and wait for it: politely first, after `grace_s` by force."""
    if server.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        server.terminate()
    try:
        await asyncio.wait_for(server.wait(), grace_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        await server.wait()


def free_port(preferred: int) -> int:
    """Return a free loopback port, `preferred` if it still is. Raises EnvironmentFault."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return probe.getsockname()[1]
    raise EnvironmentFault("no free port on the loopback interface", "close some programs")


async def http_get(port: int, path: str, token: str) -> bytes | None:
    """Return the body of a 200 answer, None for another status. Raises OSError."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        head = f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.read()
    finally:
        writer.close()
    headers, _, body = answer.partition(b"\r\n\r\n")
    return body if headers.split(b" ", 2)[1:2] == [b"200"] else None


class _Slot(msgspec.Struct):
    is_processing: bool = False


def busy(slots: bytes | None) -> bool:
    """Say whether llama-server's answer to `/slots` shows a request at work."""
    if slots is None:
        return False
    try:
        return any(slot.is_processing for slot in msgspec.json.decode(slots, type=list[_Slot]))
    except msgspec.DecodeError:
        return False
