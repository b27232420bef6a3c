"""Find out how a workspace runs its tests, without importing anything of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hotloop.errors import UsageError
from hotloop.workspace.testcommand import Command, Framework, TestPlan

__all__ = ["Command", "Framework", "TestPlan", "detect", "find_python"]

_MAX_SCANNED = 2_000
_SKIPPED_DIRS = frozenset(
    {"node_modules", "venv", "env", "site-packages", "target", "build", "dist"}
)
_PYTHON_TEST = re.compile(r"(test_.*|.*_test)\.py")
_NODE_TEST = re.compile(r"(.*[.\-_]test|test[.\-].*|test)\.[cm]?js")
_SHELL_SYNTAX = re.compile(r"[|&;<>()$`\\\n*?~]|^\w+=")


def detect(root: Path, override: str | None = None) -> TestPlan | None:
    """Find the workspace's test command: pytest or unittest, cargo, go, node, make, in this order.

    `override` is the user's own command; it is only classified, so that its output is read by
    the right parser. Returns None where no tests were found. Raises UsageError for an override
    with open quotes.
    """
    if override:
        return _classify(root, override)
    return _python(root) or _compiled(root) or _node(root) or _make(root)


def _classify(root: Path, command: str) -> TestPlan:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"the test command `{command}` cannot be read: {error}", "close the quotes"
        ) from error
    names = {Path(word).name for word in words}
    needs_shell = bool(_SHELL_SYNTAX.search(command))
    match words:
        case _ if names & {"pytest", "py.test"}:
            framework = Framework.PYTEST
        case _ if "unittest" in words:
            framework = Framework.UNITTEST
        case ["node", *rest] if "--test" in rest:
            framework = Framework.NODE
        case ["cargo", *rest] if rest and rest[0] in {"test", "t"}:
            framework = Framework.CARGO
        case ["go", "test", *_]:
            framework = Framework.GO
        case _:
            framework = Framework.OTHER
    return TestPlan(
        framework=framework,
        root=str(root),
        argv=() if needs_shell else tuple(_owned(framework, words)),
        shell=command if needs_shell else "",
        reason="given",
    )


def _owned(framework: Framework, words: list[str]) -> list[str]:
    if framework is Framework.NODE and not any("reporter" in word for word in words):
        at = words.index("--test") + 1
        return [*words[:at], "--test-reporter=tap", *words[at:]]
    return words


def _walk(root: Path) -> Iterator[os.DirEntry[str]]:
    """Yield files breadth first, so that what is near the root is seen first; bounded."""
    folders, scanned = [str(root)], 0
    while folders and scanned < _MAX_SCANNED:
        with os.scandir(folders.pop(0)) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                scanned += 1
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif entry.name not in _SKIPPED_DIRS and not entry.name.startswith("."):
                    folders.append(entry.path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _python(root: Path) -> TestPlan | None:
    configured = (
        (root / "pytest.ini").is_file()
        or (root / "conftest.py").is_file()
        or "[tool.pytest" in _text(root / "pyproject.toml")
        or "[tool:pytest]" in _text(root / "setup.cfg")
    )
    tests = next((file for file in _walk(root) if _PYTHON_TEST.fullmatch(file.name)), None)
    if tests is None and not configured:
        return None
    python, has_pytest = find_python(root)
    reason = "pytest is configured" if configured else f"found {tests.name if tests else ''}"
    if has_pytest:
        argv = (python, "-m", "pytest")
        return TestPlan(framework=Framework.PYTEST, root=str(root), argv=argv, reason=reason)
    argv = (python, "-m", "unittest", *_discovery(root, tests))
    return TestPlan(framework=Framework.UNITTEST, root=str(root), argv=argv, reason=reason)


def _discovery(root: Path, found: os.DirEntry[str] | None) -> tuple[str, ...]:
    if found is None:
        return ()
    folder = os.path.relpath(str(Path(found.path).parent), root)
    pattern = ("-p", "*_test.py") if found.name.endswith("_test.py") else ()
    return ("discover", "-s", folder, *pattern) if folder != "." or pattern else ("discover",)


def find_python(root: Path) -> tuple[str, bool]:
    """Return the interpreter for the workspace's tests, and whether it has pytest.

    The workspace's virtual environment, the active one, `python3` on PATH if it has pytest,
    else hotloop's own.
    """
    active = os.environ.get("VIRTUAL_ENV")
    environments = [root / ".venv", root / "venv", *([Path(active)] if active else [])]
    for environment in environments:
        python = environment / "bin" / "python"
        if python.exists():
            return str(python), _has_pytest(python)
    on_path = shutil.which("python3")
    python = _unshimmed(Path(on_path)) if on_path else None
    if python and _has_pytest(python):
        return str(python), True
    if python and not _has_pytest(Path(sys.executable)):
        return str(python), False
    return sys.executable, _has_pytest(Path(sys.executable))


def _unshimmed(python: Path) -> Path:
    """Look behind a pyenv shim, which costs a tenth of a second at every start."""
    if python.parent.name != "shims":
        return python
    home = python.parent.parent
    version = os.environ.get("PYENV_VERSION") or _text(home / "version")
    real = home / "versions" / (version.split() or [""])[0] / "bin" / "python3"
    return real if real.exists() else python


def _has_pytest(python: Path) -> bool:
    prefixes = {python.parent.parent, python.resolve().parent.parent}
    if (python.parent.parent / "pyvenv.cfg").is_file():
        prefixes = {python.parent.parent}
    return any(
        next(prefix.glob(f"{lib}/python3*/{packages}/pytest"), None)
        for prefix in prefixes
        for lib in ("lib", "local/lib")
        for packages in ("site-packages", "dist-packages")
    )


def _compiled(root: Path) -> TestPlan | None:
    if (root / "Cargo.toml").is_file():
        argv = ("cargo", "test", "--offline", "-q")
        return TestPlan(framework=Framework.CARGO, root=str(root), argv=argv, reason="Cargo.toml")
    if (root / "go.mod").is_file():
        argv = ("go", "test", "./...")
        return TestPlan(framework=Framework.GO, root=str(root), argv=argv, reason="go.mod")
    return None


def _node(root: Path) -> TestPlan | None:
    try:
        script: str = json.loads(_text(root / "package.json"))["scripts"]["test"]
    except (ValueError, LookupError, TypeError):
        script = ""
    if "no test specified" in script:
        script = ""
    words = script.split()
    if words[:1] == ["node"] and "--test" in words and not _SHELL_SYNTAX.search(script):
        return msgspec.structs.replace(_classify(root, script), reason="package.json")
    if script:
        argv = ("npm", "test", "--silent")
        return TestPlan(framework=Framework.OTHER, root=str(root), argv=argv, reason="package.json")
    if any(_NODE_TEST.fullmatch(file.name) for file in _walk(root)):
        plan = _classify(root, "node --test")
        return msgspec.structs.replace(plan, reason="found node tests")
    return None


def _make(root: Path) -> TestPlan | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        found = re.search(r"^(test|check)\s*:(?!=)", _text(root / name), re.MULTILINE)
        if found:
            argv = ("make", "-s", found[1])
            return TestPlan(framework=Framework.OTHER, root=str(root), argv=argv, reason=name)
    return None
