"""Run a workspace's tests and say what failed, in as few tokens as possible."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from hotloop.workspace.excerpt import LINE_CHARS, excerpt
from hotloop.workspace.failures import (
    Failure,
    Frame,
    Parser,
    Report,
    failure,
    hanging_frames,
    is_test_path,
    parse_pytest,
    parse_unittest,
)
from hotloop.workspace.failures_compiled import parse_cargo, parse_go, parse_other
from hotloop.workspace.failures_node import parse_tap
from hotloop.workspace.process import ProcessResult, run_process
from hotloop.workspace.sandbox import scratch_dir
from hotloop.workspace.testcommand import Framework, TestPlan
from hotloop.workspace.tracer import Trace, judged, load, node_hook

DIGEST_CHARS = 1_200
_SHOWN_FAILURES = 3
_NO_TESTS_STATUS = 5
_MOST_FIRST = 200

_PARSERS: dict[Framework, Parser] = {
    Framework.PYTEST: parse_pytest,
    Framework.UNITTEST: parse_unittest,
    Framework.NODE: parse_tap,
    Framework.CARGO: parse_cargo,
    Framework.GO: parse_go,
    Framework.OTHER: parse_other,
}


class Runner(Protocol):
    """Runs a command in the workspace: `run_process`, or the same inside a sandbox."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        deadline_s: float,
        env: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        output_path: Path | None = None,
    ) -> Awaitable[ProcessResult]:
        """Run `command` and return how it ended; kills all of it at `deadline_s`."""
        ...


class TestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a test run showed. `output` is the run's output as captured; `status` its exit status.

    `targeted` says that only some tests were asked for. `trace` holds executed lines, if asked.
    """

    __test__: ClassVar[bool] = False

    green: bool
    command: str
    status: int
    passed: int = 0
    failed: int = 0
    errors: int = 0
    failures: tuple[Failure, ...] = ()
    no_tests: bool = False
    timed_out: bool = False
    targeted: bool = False
    duration_s: float = 0.0
    output: str = ""
    output_path: str = ""
    trace: Trace | None = None

    @property
    def summary(self) -> str:
        """One line for people: `3 passed, 1 failed in 0.4 s`."""
        counts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "error" if self.errors == 1 else "errors"),
        ]
        parts = [f"{count} {name}" for count, name in counts if count]
        if self.no_tests:
            parts = ["no tests found"]
        if self.timed_out:
            parts.append("timed out")
        words = ", ".join(parts) or ("passed" if self.green else "failed")
        return f"{words} in {self.duration_s:.1f} s"

    def digest(self, max_chars: int = DIGEST_CHARS) -> str:
        """Return the failing part for a model, at most `max_chars` characters."""
        if self.green:
            return f"tests pass: {self.summary.partition(' in ')[0]}"
        if self.no_tests:
            return f"no tests were run by `{self.command}`"
        head = self.summary.partition(" in ")[0]
        text = "\n".join([head, *_sections(self.failures, max_chars - len(head) - 1)])
        return text if self.failures else _tail(f"{head}\n", self.output, max_chars)


def _sections(failures: Sequence[Failure], room: int) -> list[str]:
    """Return whole excerpts while they fit, one per distinct cause, then names of the rest."""
    sections: list[str] = []
    more: list[str] = []
    causes: set[tuple[str, Frame | None]] = set()
    for one in failures:
        cause = (one.message, one.frames[-1] if one.frames else None)
        text = one.excerpt or f"FAIL {one.test_id}: {one.message}"
        text = text if sections else text[:room]
        if cause in causes or len(sections) == _SHOWN_FAILURES or len(text) + 1 > room:
            more.append(one.test_id)
            continue
        causes.add(cause)
        sections.append(text)
        room -= len(text) + 1
    rest = "also failing:"
    for name in filter(None, more):
        if len(rest) + len(name) + 2 > room:
            break
        rest += f" {name}"
    return [*sections, rest] if not rest.endswith(":") else sections


def _tail(head: str, output: str, max_chars: int) -> str:
    lines = output.strip().splitlines()[-20:]
    return head + "\n".join(line[:LINE_CHARS] for line in lines)[-(max_chars - len(head)) :]


async def run_tests(
    plan: TestPlan,
    root: Path,
    runner: Runner = run_process,
    *,
    deadline_s: float,
    targets: Sequence[str] = (),
    trace: bool = False,
    fail_fast: bool = False,
    first: Sequence[str] = (),
    failed_to: Path | None = None,
    on_output: Callable[[str], None] | None = None,
    output_path: Path | None = None,
    scratch: Path | None = None,
) -> TestOutcome:
    """Run all tests, or `targets`, and read the output; `output_path` keeps all of it.

    At `deadline_s` seconds the run and all its processes are ended. `trace` records the lines
    that each test executes, where `plan.traceable`; a run in which node cannot load the recorder
    is repeated without. `scratch` is a folder outside the workspace that the tests may write to.
    With pytest, `first` names tests and test files that run before all others: the run ends
    behind them if one failed, and at the next failure after that; and `failed_to` gets a line
    with each failing test's id as it fails. Raises ToolError when the command cannot be started,
    and what `runner` raises.
    """
    trace_path = (scratch or scratch_dir(root)) / f"trace-{uuid.uuid4().hex}.json"
    tracing = trace and plan.traceable
    if tracing:
        trace_path.parent.mkdir(parents=True, exist_ok=True)
    command = plan.command(
        targets,
        fail_fast=fail_fast,
        trace_to=str(trace_path) if tracing else "",
        deadline_s=deadline_s,
    )
    try:
        result = await runner(
            command.argv,
            cwd=root,
            deadline_s=deadline_s,
            env={**command.env, **_order(plan, first, failed_to)},
            on_output=on_output,
            output_path=output_path,
        )
        recorded = load(trace_path) if tracing else None
    finally:
        trace_path.unlink(missing_ok=True)
    shown = plan.shell or str(command)
    targeted = bool(targets) and plan.targetable
    outcome = read_outcome(plan.framework, root, result, command=shown, targeted=targeted)
    if plan.framework is Framework.NODE and tracing and not recorded and _lacks_hook(outcome):
        return await run_tests(
            plan,
            root,
            runner,
            deadline_s=deadline_s,
            targets=targets,
            on_output=on_output,
            output_path=output_path,
        )
    if plan.framework is Framework.NODE and recorded:
        recorded = judged(recorded, [one.test_id for one in outcome.failures])
    return msgspec.structs.replace(outcome, trace=recorded)


def _lacks_hook(outcome: TestOutcome) -> bool:
    """Say whether node could not even load the recorder, where the user's options forbid it."""
    return not outcome.green and node_hook().name in outcome.output


def _order(plan: TestPlan, first: Sequence[str], failed_to: Path | None) -> dict[str, str]:
    if not plan.takes_plugin:
        return {}
    env = {"HOTLOOP_FIRST": msgspec.json.encode(first[:_MOST_FIRST]).decode()} if first else {}
    if failed_to is not None:
        failed_to.parent.mkdir(parents=True, exist_ok=True)
        env["HOTLOOP_FAILED_OUT"] = str(failed_to)
    return env


def read_outcome(
    framework: Framework,
    root: Path,
    result: ProcessResult,
    *,
    command: str,
    targeted: bool = False,
) -> TestOutcome:
    """Turn a finished process into an outcome: parsed, with an excerpt for each failure."""
    text = _ANSI.sub("", result.output).replace("\r\n", "\n")
    report = _PARSERS[framework](text, root)
    no_tests = report.no_tests or (
        framework is Framework.PYTEST and result.status == _NO_TESTS_STATUS
    )
    failures = report.failures
    if result.timed_out:
        failures = (*failures, _hanging(text, root, result.duration_s))
    green = result.status == 0 and not result.timed_out and not no_tests
    return TestOutcome(
        green=green,
        command=command,
        status=result.status,
        passed=report.passed,
        failed=report.failed or _uncounted(report),
        errors=report.errors,
        failures=() if green else tuple(_with_excerpt(one, root) for one in failures),
        no_tests=no_tests,
        timed_out=result.timed_out,
        targeted=targeted,
        duration_s=result.duration_s,
        output=result.output,
        output_path=result.output_path,
    )


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def _uncounted(report: Report) -> int:
    return 0 if report.errors else len(report.failures)


def _hanging(output: str, root: Path, duration_s: float) -> Failure:
    message = f"still running after {duration_s:.0f} s: an endless loop, or it waits for something"
    frames = hanging_frames(output, root)
    tests = [frame.function for frame in frames if is_test_path(frame.path)]
    return failure(tests[-1] if tests else "", message, "Timeout", frames)


def _with_excerpt(one: Failure, root: Path) -> Failure:
    return msgspec.structs.replace(one, excerpt=excerpt(one, root))
