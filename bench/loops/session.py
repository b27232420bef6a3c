"""One run of hotloop on one task: start it, read its JSON lines, judge what it left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

from bench.loops.suite import Task, Verdict, plain_environment, prepare, verify
from hotloop.ledger.events import CallEnd, Outcome, SessionStart, StepRecord


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How hotloop is started. `keep` is a folder for results and JSON lines, none if empty.

    `environment` holds variables that are set beside those of this process.
    """

    command: list[str]
    budget_s: float = 20.0
    model: str = ""
    backend: str = ""
    keep: str = ""
    without: tuple[str, ...] = ()
    environment: dict[str, str] = {}


class FinalLine(msgspec.Struct, frozen=True, kw_only=True):
    """`session.end` with exactly the fields of the machine interface."""

    outcome: Outcome
    session: str
    wall_s: float
    model_calls: int
    model_wait_s: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    steps: list[StepRecord]


class Tokens(msgspec.Struct, frozen=True):
    """Input tokens of some calls, and how many of them came from a cache."""

    input: int = 0
    cached: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        """Add both figures."""
        return Tokens(self.input + other.input, self.cached + other.cached)

    @property
    def share(self) -> float | None:
        """Return the cached share, None where there was no input."""
        return self.cached / self.input if self.input else None


class StepSum(msgspec.Struct):
    """The steps of one kind."""

    count: int = 0
    duration_s: float = 0.0


class Lines(msgspec.Struct):
    """What the JSON lines of a run say. `stray` counts lines that are not JSON objects."""

    start: SessionStart | None = None
    calls: list[CallEnd] = msgspec.field(default_factory=list[CallEnd])
    end: FinalLine | None = None
    stray: int = 0


class Result(msgspec.Struct, kw_only=True):
    """One task run once. `later` tokens are those of all calls but the first."""

    task: str
    split: str
    language: str
    kind: str
    solved: bool
    green: bool
    exit_status: int | None
    tests_changed: list[str]
    wall_s: float
    claimed: str = ""
    model_calls: int = 0
    model_wait_s: float = 0.0
    mean_wait_s: float | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    later_steps: Tokens = Tokens()
    later_all: Tokens = Tokens()
    steps: dict[str, StepSum] = msgspec.field(default_factory=dict[str, StepSum])
    session: str = ""
    model: str = ""
    error: str = ""


class Raw(msgspec.Struct, frozen=True):
    """What is left of a run of hotloop; `status` is None where it had to be killed."""

    status: int | None
    stdout: bytes
    stderr: bytes
    wall_s: float


class _Tag(msgspec.Struct):
    type: str


def read_lines(stdout: bytes) -> Lines:
    """Read the JSON lines of `hotloop run --json`; types the bench has no use for are passed over.

    Raises msgspec.ValidationError where one of the used types breaks the machine interface.
    """
    lines = Lines()
    for line in stdout.splitlines():
        try:
            tag = msgspec.json.decode(line, type=_Tag).type
        except msgspec.DecodeError:
            lines.stray += 1
            continue
        lines.end = None
        match tag:
            case "session.start":
                lines.start = msgspec.json.decode(line, type=SessionStart)
            case "call.end":
                lines.calls.append(msgspec.json.decode(line, type=CallEnd))
            case "session.end":
                lines.end = msgspec.json.decode(line, type=FinalLine)
            case _:
                pass
    return lines


def run_task(task: Task, options: Options) -> Result:
    """Let hotloop work on a fresh copy of the task and judge the outcome."""
    with tempfile.TemporaryDirectory(prefix="hotloop-bench-") as folder:
        repo = Path(folder) / task.name
        prepare(task, repo)
        raw = start(task.manifest.goal, repo, options, task.manifest.test)
        verdict = verify(task, repo, Path(folder) / "verify")
        if options.keep:
            _keep(Path(options.keep) / task.name, repo, raw, verdict)
    return judge(task, raw, verdict)


def start(goal: str, repo: Path, options: Options, test: str = "", limit_s: float = 0) -> Raw:
    """Run hotloop once; it is killed after `limit_s`, or three times its budget and a minute.

    Its output goes through files, so that a process it leaves behind cannot hold up the bench.
    """
    command = [*options.command, "run", goal, "--repo", str(repo), "--json", "--yes"]
    command += ["--budget", f"{options.budget_s:g}"]
    command += [part for name in options.without for part in ("--without", name)]
    wanted = {"--test": test, "--model": options.model, "--backend": options.backend}
    for flag, value in wanted.items():
        command += [flag, value] if value else []
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            env=plain_environment() | options.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        status = _wait(process, limit_s or options.budget_s * 3 + 60)
        wall_s = time.monotonic() - started
        return Raw(status, _content(stdout), _content(stderr), wall_s)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def judge(task: Task, raw: Raw, verdict: Verdict) -> Result:
    """Make a result of a finished run: solved means green, exit status 0 and tests untouched."""
    result = Result(
        task=task.name,
        split=task.split,
        language=task.manifest.language,
        kind=task.manifest.kind,
        solved=verdict.green and raw.status == 0 and not verdict.tests_changed,
        green=verdict.green,
        exit_status=raw.status,
        tests_changed=verdict.tests_changed,
        wall_s=raw.wall_s,
    )
    try:
        lines = read_lines(raw.stdout)
    except msgspec.ValidationError as fault:
        result.error = f"malformed event: {fault}"
        return result
    _add_figures(result, lines)
    result.error = _error(raw, lines)
    return result


def _add_figures(result: Result, lines: Lines) -> None:
    steps = [call for call in lines.calls if call.purpose == "step"]
    result.later_steps = _tokens(steps[1:])
    result.later_all = _tokens(lines.calls[1:])
    result.model = lines.start.model if lines.start else ""
    if lines.end is None:
        return
    end = lines.end
    result.claimed = end.outcome.value
    result.session = end.session
    result.model_calls = end.model_calls
    result.model_wait_s = end.model_wait_s
    result.mean_wait_s = end.model_wait_s / end.model_calls if end.model_calls else None
    result.input_tokens = end.input_tokens
    result.cached_tokens = end.cached_tokens
    result.output_tokens = end.output_tokens
    for step in end.steps:
        total = result.steps.setdefault(step.kind.value, StepSum())
        total.count += 1
        total.duration_s += step.duration_s


def _tokens(calls: Sequence[CallEnd]) -> Tokens:
    """Sum what endpoints reported; a call that was cancelled has only an estimate."""
    reported = [call.usage for call in calls if call.usage.reported]
    return Tokens(
        sum(usage.input_tokens for usage in reported),
        sum(usage.cached_tokens for usage in reported),
    )


def _error(raw: Raw, lines: Lines) -> str:
    if raw.status is None:
        return "killed at the time limit"
    if lines.end is None:
        tail = raw.stderr.decode(errors="replace").strip()[-800:]
        return f"the last line is not session.end; stderr: {tail or 'empty'}"
    if lines.stray:
        return f"{lines.stray} lines on stdout are not JSON objects"
    return ""


def _keep(target: Path, repo: Path, raw: Raw, verdict: Verdict) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(repo, target / "repo", symlinks=True)
    (target / "events.jsonl").write_bytes(raw.stdout)
    (target / "stderr.txt").write_bytes(raw.stderr)
    (target / "verify.txt").write_text(verdict.output)
