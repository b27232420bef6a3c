"""`python -m bench.startup`: how long hotloop takes to start, and per step."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.loops.report import Machine, this_machine
from bench.startup.spans import HEADER, Spans
from bench.startup.starts import (
    Failed,
    embedded_start,
    endpoint_start,
    model_here,
    own_environment,
    whole_process,
)
from bench.startup.steps import harness_per_step

REPO = Path(__file__).parents[2] / "examples" / "demo" / "repo"


class Report(msgspec.Struct, kw_only=True):
    """All figures of one call of the bench."""

    machine: Machine
    spans: list[Spans]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, 1 when something could not be measured, 3 without hotloop."""
    args = _parser().parse_args(arguments)
    hotloop = shutil.which(str(args.hotloop))
    if hotloop is None:
        print(f"bench.startup: no {args.hotloop}; run make install", file=sys.stderr)
        return 3
    report = Report(machine=this_machine(), spans=[])
    if not args.json:
        print(HEADER)
    try:
        with tempfile.TemporaryDirectory(prefix="hotloop-startup-") as folder:
            for spans in _measure(hotloop, Path(folder), args.runs):
                report.spans.append(spans)
                if not args.json:
                    print(spans, flush=True)
    except Failed as failure:
        print(f"bench.startup: {failure}", file=sys.stderr)
        return 1
    if args.json:
        print(msgspec.json.encode(report).decode())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each measurement")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    default = str(Path(sys.executable).with_name("hotloop"))
    parser.add_argument("--hotloop", default=default, help="the command to measure")
    return parser


def _measure(hotloop: str, folder: Path, runs: int) -> Iterator[Spans]:
    here = model_here()
    env = own_environment(folder / "home", here[1].parent if here else None)
    os.environ["HOTLOOP_HOME"] = env["HOTLOOP_HOME"]
    repo = folder / "tea"
    shutil.copytree(REPO, repo, ignore=shutil.ignore_patterns("__pycache__"))

    empty = [sys.executable, "-c", ""]
    yield Spans.of("python -c '' (for comparison)", whole_process(empty, env, runs))
    yield Spans.of("hotloop --version", whole_process([hotloop, "--version"], env, runs))
    yield Spans.of(
        "start to first request byte, endpoint", endpoint_start(hotloop, repo, env, runs)
    )
    if here is None:
        print("no model here for the embedded engine: hotloop models pull", file=sys.stderr)
    else:
        seconds = embedded_start(hotloop, repo, env, runs, here[0])
        yield Spans.of(f"the same, {here[0]} embedded and warm", seconds)
    yield Spans.of("harness per step", harness_per_step(hotloop, folder, env))


if __name__ == "__main__":
    sys.exit(main())
