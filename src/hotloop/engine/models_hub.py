"""Fetch a model from the Hugging Face hub, or from a mirror with the same paths.

`HF_ENDPOINT` names the mirror, `HF_TOKEN` is sent to it and to nobody it redirects to. Proxy
settings of the environment apply.
"""

from __future__ import annotations

import errno
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO

import msgspec

from hotloop import __version__
from hotloop.engine.catalog import GGUF_MAGIC, HubFile, ModelRef
from hotloop.engine.models_parts import (
    WORKERS,
    Fetched,
    Part,
    SourceFailed,
    Staging,
    assemble,
    require_free,
    spawn,
)
from hotloop.engine.models_store import Progress

_CONNECT_S = 4.0
_PATIENCE_S = 6.0
_READ_S = 20.0
_TRIES = 4
_CHUNK_BYTES = 1 << 18
_SEGMENT_BYTES = 64 * 2**20
_SHA256_DIGITS = 64


class HubSource:
    """The hub: pieces of the file are fetched by byte range, `segment_bytes` long each.

    A hub whose first bytes take longer than `patience_s` seconds counts as unreachable.
    """

    name = "Hugging Face hub"

    def __init__(
        self, segment_bytes: int = _SEGMENT_BYTES, patience_s: float = _PATIENCE_S
    ) -> None:
        self._segment_bytes = segment_bytes
        self._patience_s = patience_s

    def fetch(self, ref: ModelRef, staging: Staging, on_progress: Progress) -> Fetched:
        """Fill the partial file, several ranges at a time."""
        if ref.hub is None:
            raise SourceFailed("does not carry this model")
        url = file_url(ref.hub)
        self._require_free(ref.size_bytes, staging)
        remote = _probe(url, self._patience_s)
        if ref.size_bytes not in (0, remote.size_bytes):
            raise SourceFailed(f"{url} has {remote.size_bytes} bytes instead of {ref.size_bytes}")
        total = remote.size_bytes
        self._require_free(total, staging)
        assemble(
            _Ranges(url),
            self._segments(total),
            staging,
            lambda done: on_progress("download (hub)", done, total),
        )
        return Fetched(staging.partial, total, ref.sha256 or remote.sha256)

    def _require_free(self, total_bytes: int, staging: Staging) -> None:
        missing = max(0, total_bytes - staging.held_bytes())
        require_free(staging.partial.parent, missing + min(missing, WORKERS * self._segment_bytes))

    def _segments(self, total_bytes: int) -> list[Part]:
        step = self._segment_bytes
        starts = range(0, total_bytes, step)
        return [Part(f"hub-{at}", at, min(step, total_bytes - at)) for at in starts]


class _Remote(msgspec.Struct, frozen=True):
    size_bytes: int
    sha256: str


class _Ranges:
    """The pieces of the file at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def download(self, part: Part, folder: Path, stop: threading.Event) -> Path:
        """Fetch what the piece's file lacks, going on where a connection broke off."""
        file = folder / "data"
        file.touch()
        reason = "the connection broke off"
        for attempt in range(_TRIES):
            try:
                self._go_on(part, file, stop)
            except urllib.error.HTTPError as error:
                raise SourceFailed(_describe(self._url, error)) from error
            except (OSError, HTTPException) as error:
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise
                reason = _describe(self._url, error)
            if file.stat().st_size == part.size_bytes:
                return file
            if stop.wait(attempt):
                break
        raise SourceFailed(f"{reason} (what arrived is kept)")

    def open(self, file: Path) -> AbstractContextManager[IO[bytes]]:
        """Open the piece."""
        return file.open("rb")

    def _go_on(self, part: Part, file: Path, stop: threading.Event) -> None:
        here = file.stat().st_size
        first, last = part.start + here, part.start + part.size_bytes - 1
        response, _ = _get(self._url, first, last, _READ_S)
        with response, file.open("ab") as out:
            while not stop.is_set() and (chunk := response.read(_CHUNK_BYTES)):
                out.write(chunk)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Keeps the token on the way through one host only, and notes the hub's checksum."""

    def __init__(self) -> None:
        self.sha256 = ""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that follows a redirect."""
        self.sha256 = _sha256_in(headers) or self.sha256
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request and _origin(newurl) == _origin(req.full_url):
            _add_token(request)
        return request


def file_url(hub: HubFile) -> str:
    """Return the address of a hub file. Raises SourceFailed when `HF_ENDPOINT` is no URL."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    if not endpoint.startswith(("https://", "http://")):
        raise SourceFailed(f"HF_ENDPOINT is not an http(s) address: {endpoint}")
    revision = urllib.parse.quote(hub.revision, safe="")
    return f"{endpoint}/{hub.repo}/resolve/{revision}/{urllib.parse.quote(hub.file)}"


def _probe(url: str, patience_s: float) -> _Remote:
    """Ask for the first bytes. A thread bounds what a socket timeout does not: name look-up."""
    try:
        return spawn(lambda: _first_bytes(url)).result(patience_s)
    except FutureTimeout as error:
        raise SourceFailed(f"{url} did not answer within {patience_s:g} s") from error
    except (OSError, HTTPException) as error:
        raise SourceFailed(_describe(url, error)) from error


def _first_bytes(url: str) -> _Remote:
    response, sha256 = _get(url, 0, len(GGUF_MAGIC) - 1, _CONNECT_S)
    with response:
        magic = response.read(len(GGUF_MAGIC))
        total = response.headers["Content-Range"].rpartition("/")[2]
    if magic != GGUF_MAGIC:
        raise SourceFailed(f"{url} is not a GGUF file: it starts with {magic!r}")
    if not total.isdigit():
        raise SourceFailed(f"{url} does not say how long the file is")
    return _Remote(int(total), sha256)


def _get(url: str, first: int, last: int, timeout_s: float) -> tuple[HTTPResponse, str]:
    request = urllib.request.Request(url)
    request.add_header("User-Agent", f"hotloop/{__version__}")
    request.add_header("Range", f"bytes={first}-{last}")
    _add_token(request)
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    response: HTTPResponse = opener.open(request, timeout=timeout_s)
    got = response.headers.get("Content-Range", "")
    if response.status != 206 or not got.startswith(f"bytes {first}-{last}/"):
        response.close()
        raise SourceFailed(f"{url} does not serve byte ranges")
    return response, redirects.sha256 or _sha256_in(response.headers)


def _add_token(request: urllib.request.Request) -> None:
    if token := os.environ.get("HF_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")


def _origin(url: str) -> tuple[str, str]:
    split = urllib.parse.urlsplit(url)
    return split.scheme, split.netloc


def _sha256_in(headers: HTTPMessage) -> str:
    tag = headers.get("X-Linked-Etag", "").strip('"')
    return tag if len(tag) == _SHA256_DIGITS else ""


def _describe(url: str, error: Exception) -> str:
    match error:
        case urllib.error.HTTPError(code=(401 | 403) as code):
            return f"{url} answered HTTP {code}: set HF_TOKEN to a token that may read it"
        case urllib.error.HTTPError(code=code):
            return f"{url} answered HTTP {code}"
        case urllib.error.URLError(reason=reason):
            return f"{url}: {reason}"
        case _:
            return f"{url}: {error or type(error).__name__}"
