"""From a host name to a connected TCP socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from typing import TypeAlias, cast

_SocketName: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
Address: TypeAlias = tuple[socket.AddressFamily, _SocketName]

EYEBALLS_DELAY_S = 0.25
"""Head start of one address before the next is tried beside it (RFC 8305, section 5)."""


class LookupFailed(Exception):
    """A host name has no address; the text says what the resolver said."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host. Raises LookupFailed.

    Numbers, and `localhost` (RFC 6761), need no lookup.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    with contextlib.suppress(
        OSError, UnicodeError
    ):  # raised for a name, which the resolver is asked for
        return _addresses(host, port, socket.AI_NUMERICHOST)
    return await _look_up(host, port)


def _addresses(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    inet = (socket.AF_INET, socket.AF_INET6)
    return [(family, cast(_SocketName, name)) for family, _, _, _, name in found if family in inet]


async def _look_up(host: str, port: int) -> list[Address]:
    """Ask the system's resolver, which only blocks, in a daemon thread.

    Not in the loop's executor: leaving `asyncio.run` would wait for a resolver that hangs.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def settle(found: list[Address], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(error)

    def work() -> None:
        found: list[Address] = []
        error: Exception | None = None
        try:
            found = _addresses(host, port)
        except (OSError, UnicodeError) as exc:
            error = LookupFailed(exc.strerror if isinstance(exc, OSError) else str(exc))
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, found, error)

    threading.Thread(target=work, name="hotloop-dns", daemon=True).start()
    return await answer


async def first_to_connect(addresses: list[Address]) -> socket.socket:
    """Connect to whichever address answers first, the others beginning a little later each.

    Raises the OSError of the first address that failed when all do. Source: RFC 8305.
    """
    if len(addresses) == 1:
        return await _dial(addresses[0])
    waiting = deque(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_dial(waiting.popleft())))
            delay = EYEBALLS_DELAY_S if waiting else None
            done, running = await asyncio.wait(
                running, timeout=delay, return_when=asyncio.FIRST_COMPLETED
            )
            errors += [error for task in done if (error := task.exception())]
            connected = [task.result() for task in done if task.exception() is None]
            for spare in connected[1:]:
                spare.close()
            if connected:
                return connected[0]
    finally:
        for task in running:
            task.add_done_callback(_close_late)
            task.cancel()
    raise errors[0]


async def _dial(address: Address) -> socket.socket:
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
