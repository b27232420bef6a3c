"""Read the output of cargo, go, and of anything else that names a file and a line."""

from __future__ import annotations

import re
from pathlib import Path

from hotloop.workspace.failures import (
    Failure,
    Frame,
    Report,
    failure,
    python_frames,
    python_kind,
    workspace_path,
)
from hotloop.workspace.failures_labelled import labelled_failures
from hotloop.workspace.failures_node import js_frames

_CARGO_BLOCK = re.compile(
    r"^---- (\S+) stdout ----\n(.*?)(?=^---- \S+ stdout ----$|^failures:$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PANIC = re.compile(
    r"panicked at (\S+?):(\d+):\d+:\n(.*?)(?=^stack backtrace:|^note: |\Z)", re.M | re.S
)
_OLD_PANIC = re.compile(r"panicked at '(.*?)', (\S+?):(\d+):\d+", re.DOTALL)
_RUST_FRAME = re.compile(r"^ +\d+: (\S+)\n +at (\S+?):(\d+)(?::\d+)?$", re.MULTILINE)
_RUST_ERROR = re.compile(r"^(error(?:\[E\d+\])?): (.+)\n +--> (\S+?):(\d+):\d+$", re.MULTILINE)
_CARGO_COUNT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.MULTILINE)


def parse_cargo(output: str, root: Path) -> Report:
    """Read the output of `cargo test`: panics of tests, or compile errors."""
    failures = [_cargo_failure(block[1], block[2], root) for block in _CARGO_BLOCK.finditer(output)]
    results = [(int(found[1]), int(found[2])) for found in _CARGO_COUNT.finditer(output)]
    if results:
        passed, failed = sum(one[0] for one in results), sum(one[1] for one in results)
        return Report(
            passed=passed,
            failed=failed,
            failures=tuple(failures),
            no_tests=passed + failed == 0,
        )
    build = [
        failure("build", f"{found[1]}: {found[2]}", found[1], [Frame(path, int(found[4]))])
        for found in _RUST_ERROR.finditer(output)
        if (path := workspace_path(found[3], root))
    ]
    return Report(errors=len(build), failures=tuple(build))


def _cargo_failure(name: str, block: str, root: Path) -> Failure:
    frames = [
        Frame(path, int(found[3]), found[1].rpartition("::")[2])
        for found in _RUST_FRAME.finditer(block)
        if (path := workspace_path(found[2], root)) and not found[1].endswith("{{closure}}")
    ][::-1]
    message, place = block.strip().partition("\n")[0], Frame("", 0)
    if found := _PANIC.search(block):
        message, place = found[3].strip(), Frame(workspace_path(found[1], root), int(found[2]))
    elif found := _OLD_PANIC.search(block):
        message, place = found[1], Frame(workspace_path(found[2], root), int(found[3]))
    if place.path and (
        not frames or (frames[-1].path, frames[-1].line) != (place.path, place.line)
    ):
        frames.append(place)
    return failure(name, " ".join(message.split()), "panic", frames, message)


_GO_FAIL = re.compile(r"^ *--- FAIL: (\S+) .*\n((?:(?! *--- |FAIL|ok |PASS).*\n?)*)", re.MULTILINE)
_GO_LINE = re.compile(r"^\s+(\S+?\.go):(\d+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_GO_BUILD = re.compile(r"^(\S+?\.go):(\d+):\d+: (.+)$", re.MULTILINE)
_GO_FRAME = re.compile(r"^(\S+)\(.*\)\n\t(/\S+?\.go):(\d+)", re.MULTILINE)


def parse_go(output: str, root: Path) -> Report:
    """Read the output of `go test ./...`: failed tests, panics, or compile errors."""
    failures = [
        _go_failure(found[1], found[2], root)
        for found in _GO_FAIL.finditer(output)
        if found[2].strip()
    ]
    build = [
        failure("build", found[3], "build", [Frame(path, int(found[2]))])
        for found in _GO_BUILD.finditer(output)
        if (path := _go_path(found[1], root))
    ]
    passed = len(re.findall(r"^ *--- PASS:", output, re.M)) or len(
        re.findall(r"^ok\s", output, re.M)
    )
    return Report(
        passed=passed,
        failed=len(failures),
        errors=len(build),
        failures=tuple(failures or build),
        no_tests=not passed and not failures and not build and "no test files" in output,
    )


def _go_failure(name: str, block: str, root: Path) -> Failure:
    frames = [
        Frame(path, int(found[3]), found[1].rpartition(".")[2])
        for found in _GO_FRAME.finditer(block)
        if (path := workspace_path(found[2], root))
    ][::-1]
    lines = [*_GO_LINE.finditer(block)]
    frames = frames or [
        Frame(path, int(found[2])) for found in lines[:1] if (path := _go_path(found[1], root))
    ]
    panic = re.search(r"panic: (.+)", block)
    detail = "\n".join(found[3] for found in lines) or (panic[1] if panic else block.strip())
    return failure(name, detail.partition("\n")[0], "panic" if panic else "", frames, detail)


def _go_path(name: str, root: Path) -> str:
    """Go names a test's file without its package: find it."""
    if path := workspace_path(name, root):
        return path
    found = next(root.rglob(Path(name).name), None)
    return found.relative_to(root).as_posix() if found else ""


_PLACE = re.compile(
    r"(?:^|[\s(\"'])((?:[\w.\-]+/|/)*[\w.\-]+\.\w+):(\d+)(?::\d+)?(?::\s*(.*))?", re.M
)
_COUNTS = re.compile(r"(\d+) (?:tests? )?(passed|passing|failed|failing)\b", re.IGNORECASE)
_TROUBLE = re.compile(r"error|assert|fail|panic|expected|✕|✗|not ok", re.IGNORECASE)


def parse_other(output: str, root: Path) -> Report:
    """Read unknown output: counts in words, and lines that name a workspace file and a line."""
    counts: dict[str, int] = {}
    for found in _COUNTS.finditer(output):
        counts[found[2].lower()[:4]] = int(found[1])
    failures = [built for line in output.splitlines() if (built := _other_failure(line, root))]
    failures = failures or labelled_failures(output, root)
    traced = [*python_frames(output, root), *js_frames(output, root)]
    if traced and not failures:
        last = next((x for x in reversed(output.splitlines()) if python_kind(x.strip())), "failed")
        failures = [failure("", last.strip(), python_kind(last.strip()), traced)]
    return Report(
        passed=counts.get("pass", 0), failed=counts.get("fail", 0), failures=tuple(failures)
    )


def _other_failure(line: str, root: Path) -> Failure | None:
    found = _PLACE.search(line)
    if not found or not _TROUBLE.search(line) or "warning:" in line:
        return None
    path = workspace_path(found[1], root)
    if not path:
        return None
    message = (found[3] or line).strip()
    kind = "AssertionError" if "assert" in line.lower() else "error" if "error" in line else ""
    return failure("", message, kind, [Frame(path, int(found[2]))])
