"""The command of a test run: which words, options and environment, for all tests or some."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec

from hotloop.workspace.tracer import node_hook, plugin_dir

_PYTEST_OPTIONS = (
    "--verbosity=-1",
    "--tb=short",
    "--color=no",
    "-rfE",
    "-p",
    "no:cacheprovider",
    "--continue-on-collection-errors",
)


_NAME = re.compile(r"\w+")


class Framework(StrEnum):
    """Whose output a test command writes, hence how it is read and which options it takes."""

    PYTEST = "pytest"
    UNITTEST = "unittest"
    NODE = "node"
    CARGO = "cargo"
    GO = "go"
    OTHER = "other"


class Command(msgspec.Struct, frozen=True):
    """A command to run: words, and variables to add to the environment."""

    argv: tuple[str, ...]
    env: dict[str, str]

    def __str__(self) -> str:
        return shlex.join(self.argv)


class TestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How the tests of a workspace run. `shell` holds an override that needs a shell."""

    __test__: ClassVar[bool] = False

    framework: Framework
    root: str
    argv: tuple[str, ...] = ()
    shell: str = ""
    reason: str = ""

    @property
    def targetable(self) -> bool:
        """Whether `command(targets)` runs fewer tests than `command()`."""
        return not self.shell and self.framework is not Framework.OTHER

    @property
    def traceable(self) -> bool:
        """Whether executed lines can be recorded."""
        is_unittest = self.framework is Framework.UNITTEST and not self.shell
        return self.takes_plugin or is_unittest or self.framework is Framework.NODE

    @property
    def takes_plugin(self) -> bool:
        """Whether pytest will find our plugin: not where the user's command sets the path."""
        return self.framework is Framework.PYTEST and "PYTHONPATH" not in self.shell

    def command(
        self,
        targets: Sequence[str] = (),
        *,
        fail_fast: bool = False,
        trace_to: str = "",
        deadline_s: float = 0.0,
    ) -> Command:
        """Return the command for some tests or all.

        `targets` are test ids as in `Failure.test_id`; files do for pytest and node, bare names
        of tests for pytest.
        `trace_to` names the JSON file for the executed lines. Shortly before `deadline_s`
        (0: never) Python says where a hanging test is.
        """
        env = self._environment(trace_to, deadline_s)
        match self.framework:
            case Framework.PYTEST:
                return self._pytest(env, targets, fail_fast, deadline_s)
            case Framework.UNITTEST:
                return self._unittest(env, targets, fail_fast, bool(trace_to))
            case _ if self.shell:
                return Command(("/bin/sh", "-c", self.shell), env)
            case Framework.NODE:
                return Command(_node(self.argv, self.root, _files(targets)), env)
            case Framework.CARGO:
                extra = ("--", *targets) if targets else ()
                keep_going = () if fail_fast else ("--no-fail-fast",)
                return Command((*self.argv, *keep_going, *extra), env)
            case Framework.GO:
                pattern = "|".join(f"^{re.escape(name)}$" for name in targets)
                fast = ("-failfast",) if fail_fast else ()
                return Command((*self.argv, *fast, *(("-run", pattern) if targets else ())), env)
            case Framework.OTHER:
                return Command(self.argv, env)

    def _environment(self, trace_to: str, deadline_s: float) -> dict[str, str]:
        env = {"NO_COLOR": "1", "FORCE_COLOR": "0", "CARGO_TERM_COLOR": "never"}
        if self.framework is Framework.CARGO:
            return env | {"RUST_BACKTRACE": "1"}
        if self.framework is Framework.NODE:
            return env | (self._node_tracing(trace_to) if trace_to else {})
        # A .pyc is judged by whole seconds and size: after a quick edit an old one would be run.
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
        env["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{tempfile.gettempdir()}/hotloop-hypothesis"
        paths = [str(plugin_dir())] if trace_to or self.takes_plugin else []
        paths += [f"{self.root}/{name}" for name in self._source_dirs()]
        if inherited := os.environ.get("PYTHONPATH"):
            paths.append(inherited)
        if paths:
            env["PYTHONPATH"] = os.pathsep.join(paths)
        if trace_to:
            env |= {"HOTLOOP_TRACE_ROOT": self.root, "HOTLOOP_TRACE_OUT": trace_to}
        if trace_to and deadline_s:
            env["HOTLOOP_TRACE_DEADLINE_S"] = f"{0.8 * deadline_s:.2f}"
        return env

    def _node_tracing(self, trace_to: str) -> dict[str, str]:
        inherited = os.environ.get("NODE_OPTIONS", "")
        hook = re.sub(r'(["\\])', r"\\\1", str(node_hook()))
        return {
            "HOTLOOP_TRACE_ROOT": self.root,
            "HOTLOOP_TRACE_OUT": trace_to,
            "HOTLOOP_NODE_OPTIONS": inherited,
            "NODE_OPTIONS": f'{inherited} --require "{hook}"'.strip(),
        }

    def _source_dirs(self) -> list[str]:
        names = ["src"]
        if self.framework is Framework.UNITTEST:
            names += ["tests", "test"]
        return [name for name in names if Path(self.root, name).is_dir()]

    def _pytest(
        self,
        env: dict[str, str],
        targets: Sequence[str],
        fail_fast: bool,
        deadline_s: float,
    ) -> Command:
        options = [*_PYTEST_OPTIONS]
        options += ["-x"] if fail_fast else []
        options += ["-p", "hotloop_tracer"] if self.takes_plugin else []
        options += ["-o", f"faulthandler_timeout={0.8 * deadline_s:.2f}"] if deadline_s else []
        if self.shell:
            return Command(
                ("/bin/sh", "-c", self.shell), env | {"PYTEST_ADDOPTS": shlex.join(options)}
            )
        files = [one for one in targets if Path(self.root, one.split("::")[0]).exists()]
        names = [one for one in targets if one not in files and _NAME.fullmatch(one)]
        options += ["-k", " or ".join(names)] if names and not files else []
        return Command((*_with_targets(self.argv, self.root, files), *options), env)

    def _unittest(
        self, env: dict[str, str], targets: Sequence[str], fail_fast: bool, trace: bool
    ) -> Command:
        if self.shell:
            return Command(("/bin/sh", "-c", self.shell), env)
        module = self.argv.index("unittest")
        runner = "hotloop_tracer" if trace else "unittest"
        rest = tuple(targets) or self.argv[module + 1 :]
        fast = ("--failfast",) if fail_fast else ()
        return Command((*self.argv[:module], runner, *rest, *fast), env)


def _files(targets: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(target.split("::")[0] for target in targets))


def _node(argv: tuple[str, ...], root: str, files: Sequence[str]) -> tuple[str, ...]:
    """Put target files into a command of node; a single one needs no process beside it."""
    words = _with_targets(argv, root, files)
    return tuple(word for word in words if word != "--test") if len(files) == 1 else words


def _with_targets(argv: tuple[str, ...], root: str, targets: Sequence[str]) -> tuple[str, ...]:
    """Put targets where the command names files; files it named itself go."""
    if not targets:
        return argv
    kept = [word for word in argv[1:] if not Path(root, word.split("::")[0]).exists()]
    return (argv[0], *kept, *targets)
