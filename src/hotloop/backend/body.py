"""The body of an answer without its framing.

Source: RFC 9112, sections 6 and 7. h11 reads heads well; for a body that comes in a hundred small
chunks a second it takes several times what this does.
"""

from __future__ import annotations

import re
from typing import Literal

import h11

MOST_LINE_BYTES = 65_536
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?", re.DOTALL)


class Body:
    """Takes the framing off a body that may be cut anywhere. `complete` says that all of it came.

    `length` is its length where that is known; otherwise it is `chunked`, or ends with the
    connection.
    """

    def __init__(self, length: int | None, *, chunked: bool = False) -> None:
        self.complete = length == 0
        self._chunked = chunked
        self._left = length
        self._chunk_left = 0
        self._line = b""
        self._awaits: Literal["size", "end of chunk", "trailer"] = "size"

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what of them is content.

        Raises h11.RemoteProtocolError for bytes that do not follow the framing.
        """
        if self._chunked:
            whole = None if self._line or self._awaits != "size" else _one_chunk(data)
            return whole or self._feed_chunked(self._line + data)
        if self._left is None:
            return data
        content = data[: self._left]
        self._left -= len(content)
        self.complete = not self._left
        return content

    def close(self) -> None:
        """Take note that the connection ended. Raises h11.RemoteProtocolError where bytes lack."""
        if self._chunked or self._left:
            raise h11.RemoteProtocolError("the connection closed before the end of the body")
        self.complete = True

    def _feed_chunked(self, data: bytes) -> bytes:
        self._line = b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.complete:
            if self._chunk_left:
                piece = data[at : at + self._chunk_left]
                pieces.append(piece)
                at += len(piece)
                self._chunk_left -= len(piece)
                continue
            stop = data.find(b"\n", at)
            if stop < 0:
                self._keep(data[at:])
                break
            self._take_line(data[at:stop])
            at = stop + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep(self, line: bytes) -> None:
        if len(line) > MOST_LINE_BYTES:
            raise h11.RemoteProtocolError("a chunk's head is too long")
        self._line = line

    def _take_line(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        match self._awaits:
            case "end of chunk" if not line:
                self._awaits = "size"
            case "trailer":
                self.complete = not line
            case "size" if size := _SIZE.fullmatch(line):
                self._chunk_left = int(size[1], 16)
                self._awaits = "end of chunk" if self._chunk_left else "trailer"
            case _:
                raise h11.RemoteProtocolError(f"illegal chunk header: {line[:20]!r}")


def _one_chunk(data: bytes) -> bytes | None:
    """Return the content of bytes that are exactly one chunk, as nearly all tokens come."""
    start = data.find(b"\r\n") + 2
    if not 3 <= start <= 8 or not data.endswith(b"\r\n"):
        return None
    size = _SIZE.fullmatch(data[: start - 2])
    whole = size is not None and int(size[1], 16) == len(data) - start - 2
    return data[start:-2] if whole else None


def body_of(response: h11.Response) -> Body:
    """Return the body that the head of an answer announces. h11 has checked the head."""
    headers = dict(response.headers)
    if response.status_code in {204, 304}:
        return Body(0)
    if b"transfer-encoding" in headers:
        return Body(None, chunked=True)
    length = headers.get(b"content-length")
    return Body(None if length is None else int(length))


def keeps_connection(response: h11.Response) -> bool:
    """Whether the server will take another request on the connection (RFC 9112, section 9.3)."""
    said = [value.lower() for name, value in response.headers if name == b"connection"]
    options = {option.strip() for value in said for option in value.split(b",")}
    return response.http_version == b"1.1" and b"close" not in options
