"""The figures of a whole run: rows on screen, the summary, the JSON file."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from statistics import fmean, median

import msgspec

from bench.loops.session import Result, Tokens

HEADER = (
    f"{'task':<20} {'kind':<12} {'solved':<6} {'claimed':<11} {'wall s':>7} {'calls':>5} "
    f"{'wait/call s':>11} {'in':>7} {'cached':>7} {'out':>6} {'cached 2+':>9}"
)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where the figures come from. `cores` are the numbers of the CPUs used."""

    cpu: str
    cores: list[int]
    cores_present: int
    load_1min: float
    system: str
    versions: dict[str, str]
    commit: str


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How the suite was run. `skipped` holds a reason for each task that could not run here."""

    budget_s: float
    without: list[str] = []
    repeat: int
    jobs: int
    pinned: bool
    skipped: dict[str, str]
    date: str
    machine: Machine


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The suite in a few numbers.

    `mean_wait_s` is total wait over total calls; `mean_of_task_means_s` weighs tasks alike.
    The cached shares leave out each session's first call: of calls with purpose `step`, and
    of calls with any purpose.
    """

    solved: int
    runs: int
    solved_share: float
    median_wall_s: float
    median_wall_solved_s: float | None
    model_calls: int
    mean_wait_s: float | None
    mean_of_task_means_s: float | None
    cached_share_steps: float | None
    cached_share_all: float | None
    claimed_falsely: int
    model: str
    setting: Setting


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored."""

    summary: Summary
    results: list[Result]


def row(result: Result) -> str:
    """Return the line of a result."""
    return (
        f"{result.task:<20} {result.kind:<12} {'yes' if result.solved else 'no':<6} "
        f"{result.claimed or '-':<11} {result.wall_s:>7.1f} {result.model_calls:>5} "
        f"{_number(result.mean_wait_s, '.2f'):>11} {result.input_tokens:>7} "
        f"{result.cached_tokens:>7} {result.output_tokens:>6} "
        f"{_number(result.later_steps.share, '.0%'):>9}{_remark(result)}"
    )


def _remark(result: Result) -> str:
    remarks = [f"changed {path}" for path in result.tests_changed]
    if result.claimed == "solved" and not result.green:
        remarks.append("tests are red")
    if result.error:
        remarks.append(result.error.splitlines()[0])
    return f"  {'; '.join(remarks)}" if remarks else ""


def summarise(results: Sequence[Result], setting: Setting) -> Summary:
    """Return the summary of results, of which there must be at least one."""
    solved = [result for result in results if result.solved]
    calls = sum(result.model_calls for result in results)
    waits = [result.mean_wait_s for result in results if result.mean_wait_s is not None]
    return Summary(
        solved=len(solved),
        runs=len(results),
        solved_share=len(solved) / len(results),
        median_wall_s=median(result.wall_s for result in results),
        median_wall_solved_s=median(r.wall_s for r in solved) if solved else None,
        model_calls=calls,
        mean_wait_s=sum(result.model_wait_s for result in results) / calls if calls else None,
        mean_of_task_means_s=fmean(waits) if waits else None,
        cached_share_steps=sum((result.later_steps for result in results), Tokens()).share,
        cached_share_all=sum((result.later_all for result in results), Tokens()).share,
        claimed_falsely=sum(r.claimed == "solved" and not r.solved for r in results),
        model=next((result.model for result in results if result.model), ""),
        setting=setting,
    )


def summary_lines(summary: Summary) -> list[str]:
    """Return the summary as text."""
    setting = summary.setting
    lines = [
        f"solved {summary.solved}/{summary.runs} ({summary.solved_share:.0%}), "
        f"median wall {summary.median_wall_s:.1f} s, of the solved "
        f"{_number(summary.median_wall_solved_s, '.1f')} s, budget {setting.budget_s:g} s",
        f"mean wait per model call {_number(summary.mean_wait_s, '.2f')} s over "
        f"{summary.model_calls} calls, mean of the tasks' means "
        f"{_number(summary.mean_of_task_means_s, '.2f')} s",
        f"cached share of input tokens from the second call on: steps "
        f"{_number(summary.cached_share_steps, '.1%')}, "
        f"all calls {_number(summary.cached_share_all, '.1%')}",
        f"model {summary.model or '-'}, {_machine_line(setting.machine)}, {setting.date}",
    ]
    lines += [f"skipped {name}: {reason}" for name, reason in setting.skipped.items()]
    if summary.claimed_falsely:
        lines.append(f"claimed solved but were not: {summary.claimed_falsely}")
    return lines


def _machine_line(machine: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.cpu}, {len(machine.cores)} of {machine.cores_present} cores, load "
        f"{machine.load_1min:.1f}, {machine.system}, {versions}, commit {machine.commit or '-'}"
    )


def store(report: Report, target: Path) -> None:
    """Write a report as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def this_machine() -> Machine:
    """Describe this machine and the CPUs this process may use."""
    return Machine(
        cpu=_cpu_model(),
        cores=sorted(_usable_cores()),
        cores_present=os.cpu_count() or 1,
        load_1min=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()}",
        versions={"python": platform.python_version()}
        | {name: _version(name) for name in ("hotloop", "xllamacpp")},
        commit=_commit(),
    )


def _usable_cores() -> set[int]:
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
