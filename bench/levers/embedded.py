"""`python -m bench.levers --embedded`: the embedded model on the task suite, ways side by side.

Each task is worked on by each variant in turn, in a fresh copy, judged by the pristine tests:
`on` hotloop as it is, `off` without any lever, `stock` a plain agent at the engine's defaults,
`sequence` attempts without `race` and `slips`, all else on, one after the other.
"""

from __future__ import annotations

import argparse
import datetime
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from bench.levers.embedded_report import Setting, Stored, figures, json_line, table
from bench.levers.variants import Failed, Row, Runner, Setup, Variant, order
from bench.loops.__main__ import RESULTS, pin
from bench.loops.report import HEADER, row, this_machine
from bench.loops.suite import SuiteError, Task, load_tasks, missing_tools
from hotloop.engine.catalog import default_id, resolve
from hotloop.engine.download import ensure
from hotloop.engine.native import find_native
from hotloop.errors import HotloopError

DEFAULT_VARIANTS = (Variant.ON, Variant.OFF, Variant.STOCK)


def main(arguments: Sequence[str]) -> int:
    """Run and print. Returns 0, 2 for a wrong request, 3 where it cannot be run, 130 if broken off.

    However it ends, its engines end with it.
    """
    args = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)  # so that `kill` and `timeout` leave no engine behind
    try:
        tasks = [task for task in load_tasks(args.split, args.task) if not missing_tools(task)]
        if args.cores:
            pin(args.cores)
        return _run(args, tasks)
    except SuiteError as fault:
        print(f"bench.levers: {fault}", file=sys.stderr)
        return 2
    except (Failed, HotloopError) as fault:
        print(f"bench.levers: {fault}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.levers --embedded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--split", choices=("dev", "held", "all"), default="dev", help="held: only at the end")
    add("--task", action="append", default=[], metavar="NAME", help="may be given several times")
    add("--budget", type=float, default=40.0, metavar="S", help="seconds per task")
    add("--cores", type=int, default=0, help="CPUs for everything (default: all)")
    add("--variants", type=_variants, default=DEFAULT_VARIANTS, metavar="LIST", help=_LIST_HELP)
    add("--times", type=int, default=4, metavar="N", help="budgets that `sequence` may spend")
    add("--bare", action="store_true", help="no lever but the race's in `on` and `sequence`")
    add("--model", default="", metavar="NAME")
    add("--out", default="", metavar="FILE", help="default: bench/results/*.local.json")
    add("--resume", action="store_true", help="go on with what is in --out")
    add("--keep", default="", metavar="DIR", help="keep what each run left")
    add("--json", action="store_true", help="print one JSON line instead of the table")
    add(
        "--hotloop",
        default=shlex.join([sys.executable, "-m", "hotloop.ui.entry"]),
        metavar="CMD",
        help="command to run instead of this environment's hotloop",
    )
    return parser


_LIST_HELP = f"of {','.join(Variant)}; default: {','.join(DEFAULT_VARIANTS)}"


def _variants(text: str) -> tuple[Variant, ...]:
    try:
        wanted = msgspec.convert(text.split(","), list[Variant])
    except msgspec.ValidationError as fault:
        raise argparse.ArgumentTypeError(f"{text}: {_LIST_HELP}") from fault
    return tuple(name for name in Variant if name in wanted)


def _run(args: argparse.Namespace, tasks: Sequence[Task]) -> int:
    command = shlex.split(args.hotloop)
    if shutil.which(command[0]) is None:
        raise Failed(f"no {command[0]}; run make install")
    model = args.model or default_id()
    setup = Setup(
        command=command,
        budget_s=args.budget,
        model=model,
        model_file=ensure(resolve(model)).resolve(),
        times=args.times,
        keep=args.keep,
        bare=args.bare,
    )
    stored = Stored(setting=_setting(setup), rows=[])
    stamp = datetime.datetime.fromisoformat(stored.setting.date)
    target = Path(args.out or RESULTS / f"levers-{stamp:%Y%m%d-%H%M%S}.local.json")
    if args.resume:
        stored.rows = _rows_before(target, stored.setting)
    _work(setup, tasks, args.variants, stored, target)
    found = figures(stored, args.variants)
    print(json_line(found) if args.json else table(found))
    return 0


def _work(
    setup: Setup, tasks: Sequence[Task], variants: Sequence[Variant], stored: Stored, target: Path
) -> None:
    done = {(one.variant, one.result.task) for one in stored.rows}
    todo: list[tuple[Variant, Task]] = [
        (variant, task)
        for number, task in enumerate(tasks)
        for variant in order(variants, number)
        if (variant, task.name) not in done
    ]
    with Runner(setup) as runner:
        for variant in dict.fromkeys(variant for variant, _ in todo):
            _say(f"{variant}: engine started and warm, {runner.warm_up(variant):.1f} s")
        _say(f"{'variant':<9} {HEADER}")
        for variant, task in todo:
            one = runner.run(variant, task)
            _say(f"{variant:<9} {row(one.result)}")
            stored.rows.append(one)
            _store(stored, target)
    _say(f"stored in {target}")


def _setting(setup: Setup) -> Setting:
    return Setting(
        budget_s=setup.budget_s,
        model=setup.model,
        times=setup.times,
        engine="native llama-server" if find_native() else "xllamacpp",
        machine=this_machine(),
        date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        bare=setup.bare,
    )


def _rows_before(target: Path, setting: Setting) -> list[Row]:
    if not target.is_file():
        return []
    before = msgspec.json.decode(target.read_bytes(), type=Stored)
    if not before.setting.same(setting):
        raise SuiteError(f"{target} was begun with other settings; name another --out")
    return before.rows


def _store(stored: Stored, target: Path) -> None:
    """Replace the file in one step, so that an interrupted run keeps its rows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
    beside.replace(target)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
