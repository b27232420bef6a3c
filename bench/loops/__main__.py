"""`python -m bench.loops`: let hotloop fix the tasks of the suite, one after the other."""

from __future__ import annotations

import argparse
import datetime
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import msgspec

from bench.loops.report import (
    HEADER,
    Report,
    Setting,
    row,
    store,
    summarise,
    summary_lines,
    this_machine,
)
from bench.loops.session import Options, Result, run_task, start
from bench.loops.suite import SuiteError, Task, load_tasks, missing_tools

RESULTS = Path(__file__).parent.parent / "results"

WARM_UP_LIMIT_S = 900
"""The first run of all may have to download the model."""

WARM_UP = {
    "greet.py": 'def greet(name):\n    return "Hallo, " + name\n',
    "test_greet.py": "from greet import greet\n\n\n"
    'def test_greet():\n    assert greet("Ida") == "Hello, Ida"\n',
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite. Returns 0 when it ran, 2 for a wrong request, 3 without hotloop."""
    args = _parser().parse_args(arguments)
    try:
        tasks = load_tasks(args.split, args.task)
        if args.cores:
            pin(args.cores)
    except SuiteError as fault:
        print(f"bench.loops: {fault}", file=sys.stderr)
        return 2
    options = Options(
        command=shlex.split(args.hotloop),
        budget_s=args.budget,
        model=args.model,
        backend=args.backend,
        keep=args.keep,
        without=tuple(args.without),
    )
    if shutil.which(options.command[0]) is None:
        print(f"bench.loops: no {options.command[0]}; run make install", file=sys.stderr)
        return 3
    if not args.cores or args.backend:
        return _run(args, tasks, options)
    _stop_engine(options, f"so that it starts on {args.cores} cores")
    try:
        return _run(args, tasks, options)
    finally:
        _stop_engine(options, "so that the next command gets one on all cores")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.loops", description=__doc__)
    add = parser.add_argument
    add("--split", choices=("dev", "held", "all"), default="dev", help="held: only at the end")
    add("--task", action="append", default=[], metavar="NAME", help="may be given several times")
    add("--jobs", type=int, default=1, help="tasks at the same time; more than one spoils times")
    add("--budget", type=float, default=40.0, metavar="S", help="seconds per task")
    add("--model", default="", metavar="NAME")
    add("--backend", default="", metavar="URL")
    add("--without", action="append", default=[], metavar="LEVER", help="switch a lever off")
    add("--cores", type=int, default=0, help="CPUs for hotloop and the engine (default: all)")
    add("--repeat", type=int, default=1, metavar="N", help="runs of each task")
    add("--out", default="", metavar="FILE", help="default: bench/results/*.local.json")
    add("--keep", default="", metavar="DIR", help="keep results and JSON lines of each task")
    add("--json", action="store_true", help="print the summary as JSON in the last line")
    add("--no-warm-up", action="store_true", help="measure the start of the engine, too")
    add(
        "--hotloop",
        default=shlex.quote(str(Path(sys.executable).parent / "hotloop")),
        metavar="CMD",
        help="command to run instead of the installed one",
    )
    return parser


def _run(args: argparse.Namespace, tasks: Sequence[Task], options: Options) -> int:
    setting = _setting(args, tasks)
    runs = [task for task in tasks if task.name not in setting.skipped for _ in range(args.repeat)]
    if not runs:
        print(f"bench.loops: nothing to run, skipped: {setting.skipped}", file=sys.stderr)
        return 2
    if not args.no_warm_up:
        _warm_up(options)
    stamp = datetime.datetime.fromisoformat(setting.date)
    target = Path(args.out or RESULTS / f"loops-{stamp:%Y%m%d-%H%M%S}.local.json")
    results: list[Result] = []
    print(HEADER, flush=True)
    for result in _results(runs, options, args.jobs):
        print(row(result), flush=True)
        results.append(result)
        store(Report(summary=summarise(results, setting), results=results), target)
    summary = summarise(results, setting)
    print("\n".join(["", *summary_lines(summary), f"stored in {target}"]), flush=True)
    if args.json:
        print(msgspec.json.encode(summary).decode())
    return 0


def _setting(args: argparse.Namespace, tasks: Sequence[Task]) -> Setting:
    missing = {task.name: missing_tools(task) for task in tasks}
    return Setting(
        budget_s=args.budget,
        without=args.without,
        repeat=args.repeat,
        jobs=args.jobs,
        pinned=bool(args.cores),
        skipped={name: f"needs {', '.join(tools)}" for name, tools in missing.items() if tools},
        date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        machine=this_machine(),
    )


def _results(runs: Sequence[Task], options: Options, jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from (run_task(task, options) for task in runs)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(run_task, runs, repeat(options))
    finally:
        pool.shutdown(cancel_futures=True)


def pin(cores: int) -> None:
    """Keep this process and all that it starts to its first CPUs. Raises SuiteError."""
    if sys.platform != "linux":
        raise SuiteError("--cores needs Linux; leave it out")
    usable = sorted(os.sched_getaffinity(0))
    if not 0 < cores <= len(usable):
        raise SuiteError(f"--cores {cores}: this process may use {len(usable)}")
    os.sched_setaffinity(0, usable[:cores])


def _stop_engine(options: Options, reason: str) -> None:
    print(f"stopping the engine, {reason}", flush=True)
    done = subprocess.run(
        [*options.command, "engine", "stop"], capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        print(f"  engine stop: status {done.returncode}: {done.stderr.strip()[-300:]}")


def _warm_up(options: Options) -> None:
    print("warm-up (starts the engine, not measured)", flush=True)
    with tempfile.TemporaryDirectory(prefix="hotloop-bench-") as folder:
        for name, text in WARM_UP.items():
            (Path(folder) / name).write_text(text)
        raw = start(
            "The greeting should say Hello.", Path(folder), options, limit_s=WARM_UP_LIMIT_S
        )
    print(f"  {raw.wall_s:.1f} s, exit status {raw.status}", flush=True)
    if raw.status not in (0, 1):
        print("  " + raw.stderr.decode(errors="replace").strip()[-800:], flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
