"""Search file contents: ripgrep where there is one, else Python."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hotloop.errors import ToolError
from hotloop.workspace.process import clean_env
from hotloop.workspace.root import SKIPPED_FOLDERS, Workspace

DEFAULT_DEADLINE_S = 5.0
_OUTPUT_LIMIT_BYTES = 1 << 20
_LINE_LIMIT = 240
_PER_FILE = 50
_RG_FAILED = 2


class Match(msgspec.Struct, frozen=True):
    """One line that matches; `line` counts from 1, `text` is cut at 240 characters."""

    path: str
    line: int
    text: str


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """Matches by path and line. `complete` is False where more were left out (limit, deadline).

    `literal` says that the pattern was no regular expression and was searched for as it stands.
    """

    matches: list[Match]
    complete: bool
    literal: bool = False
    timed_out: bool = False


class _Output(msgspec.Struct, frozen=True, kw_only=True):
    data: bytes
    status: int
    complete: bool
    timed_out: bool


async def search(
    workspace: Workspace,
    pattern: str,
    path: str = ".",
    *,
    deadline_s: float = DEFAULT_DEADLINE_S,
    max_matches: int = 200,
) -> SearchResult:
    """Search what .gitignore does not name, under `path`, for a regular expression.

    A pattern that is no regular expression is searched for literally. At most 50 matches per
    file and `max_matches` in all are returned, after at most about `deadline_s` seconds.
    Raises ToolError for a path outside the workspace or that is not there.
    """
    full = workspace.resolve(path)
    if not full.exists():
        raise ToolError(f"there is no {path}", "list the folder to see names")
    if not pattern:
        raise ToolError("the pattern is empty", "say what to search for")
    under = full.relative_to(workspace.root).as_posix()
    output, literal = await _find(workspace, pattern, under, deadline_s)
    matches = sorted(_parse(output.data), key=lambda match: (match.path, match.line))
    return SearchResult(
        matches=matches[:max_matches],
        complete=output.complete and len(matches) <= max_matches,
        literal=literal,
        timed_out=output.timed_out,
    )


async def _find(
    workspace: Workspace, pattern: str, under: str, deadline_s: float
) -> tuple[_Output, bool]:
    """Return what was found and whether the pattern was taken literally."""
    ripgrep = _ripgrep()
    if ripgrep:
        argv = [*_rg_options(ripgrep, workspace), "-e", pattern, "--", under]
        output = await _collect(argv, workspace.root, deadline_s)
        if output.status != _RG_FAILED or output.data:
            return output, False
    # What the Rust regex crate refuses (look-around, backreferences) Python's `re` may know.
    literal = not _is_regex(pattern)
    script = str(Path(__file__).with_name("grep.py"))
    wanted = re.escape(pattern) if literal else pattern
    argv = [sys.executable, "-I", "-S", script, wanted]
    files = await asyncio.to_thread(workspace.files, under)
    names = b"\0".join(os.fsencode(name) for name in files)
    return await _collect(argv, workspace.root, deadline_s, names), literal


def _ripgrep() -> str | None:
    """Return ripgrep from this environment, or from PATH."""
    beside = Path(sys.executable).with_name("rg")
    return str(beside) if beside.is_file() else shutil.which("rg")


def _rg_options(ripgrep: str, workspace: Workspace) -> list[str]:
    options = [
        *(ripgrep, "--no-config", "--color=never", "--no-heading", "--with-filename"),
        *("--line-number", "--null", "--no-messages", "--hidden", "--no-require-git"),
        *(f"--max-columns={_LINE_LIMIT}", "--max-columns-preview", f"--max-count={_PER_FILE}"),
        *("--glob", "!.git"),
    ]
    if not (workspace.root / ".git").exists():
        for name in sorted(SKIPPED_FOLDERS):
            options += ["--glob", f"!{name}/"]
    return options


def _is_regex(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


async def _collect(
    argv: Sequence[str], cwd: Path, deadline_s: float, stdin: bytes = b""
) -> _Output:
    """Run a search program until it ends, has written enough, or its time is up."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=clean_env(),
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        raise ToolError(f"cannot search: {error}", "use a shorter pattern of plain text") from error
    data = bytearray()
    timed_out = False
    try:
        async with asyncio.timeout(deadline_s):
            await _exchange(process, stdin, data)
    except TimeoutError:
        timed_out = True
    finally:
        if process.returncode is None:
            # Not process.kill(): it polls, and so may take the exit status from asyncio.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        status = await process.wait()
    complete = not timed_out and len(data) <= _OUTPUT_LIMIT_BYTES
    return _Output(data=bytes(data), status=status, complete=complete, timed_out=timed_out)


async def _exchange(process: asyncio.subprocess.Process, stdin: bytes, data: bytearray) -> None:
    if process.stdin is not None:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.close()
    if process.stdout is None:
        return
    while len(data) <= _OUTPUT_LIMIT_BYTES and (chunk := await process.stdout.read(1 << 16)):
        data += chunk


def _parse(data: bytes) -> list[Match]:
    matches: list[Match] = []
    for record in data.split(b"\n")[:-1]:
        name, nul, rest = record.partition(b"\0")
        number, colon, line = rest.partition(b":")
        if nul and colon and number.isdigit():
            shown = line.decode("utf-8", "replace").rstrip("\r")[:_LINE_LIMIT]
            matches.append(Match(os.fsdecode(name).removeprefix("./"), int(number), shown))
    return matches
