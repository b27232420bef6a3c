"""The ways in which `bench.levers --embedded` has a task worked on, and a run of each.

Each variant of hotloop has an engine and files of its own (`HOTLOOP_HOME`), so that none finds in a
KV cache what another has asked before; stock has its own server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

import msgspec

from bench.levers.stock import Endpoint, Stock
from bench.levers.stock_engine import StockEngine
from bench.loops.__main__ import WARM_UP, WARM_UP_LIMIT_S
from bench.loops.session import Options, Raw, Result, Tokens, judge, run_task, start
from bench.loops.suite import Task, prepare, verify
from hotloop.levers import NAMES

ATTEMPT = Path(__file__).with_name("attempt.py")
CANDIDATES = ("race", "slips")
"""What makes the race's candidates: what the model nearly wrote, and common slips."""
PAUSE_S = 1.0
"""Between runs: an engine whose request was cut off at the deadline finishes its batch."""
_LEAST_S = 3.0


class Variant(StrEnum):
    """A way of having a task worked on."""

    ON = "on"
    OFF = "off"
    STOCK = "stock"
    SEQUENCE = "sequence"


class Failed(Exception):
    """The bench cannot go on; the message says why."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs share. Sequence gets `times` the budget; `bare`: see `without`."""

    command: list[str]
    budget_s: float
    model: str
    model_file: Path
    times: int
    keep: str = ""
    bare: bool = False


class Row(msgspec.Struct, kw_only=True):
    """One variant's run of a task; in sequence, the figures of all its attempts together."""

    variant: Variant
    result: Result
    attempts: int = 1


def without(variant: Variant, *, bare: bool = False) -> tuple[str, ...]:
    """Return the levers that are off in a variant of hotloop.

    `bare`: in `on` and `sequence` all are off that are not the race's own.
    """
    match variant:
        case Variant.ON:
            return tuple(name for name in NAMES if bare and name not in CANDIDATES)
        case Variant.SEQUENCE:
            return NAMES if bare else CANDIDATES
        case _:
            return NAMES


class Runner:
    """Runs tasks. As a context: leaving it ends every engine and removes their files."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._ends = ExitStack()
        self._homes: dict[Variant, Path] = {}
        self._stock: Endpoint | None = None

    def __enter__(self) -> Runner:
        """Make the folder of all homes."""
        folder = self._ends.enter_context(
            tempfile.TemporaryDirectory(prefix="hotloop-levers-", ignore_cleanup_errors=True)
        )
        self._folder = Path(folder)
        return self

    def __exit__(self, *_: object) -> None:
        """End the engines."""
        self._ends.close()

    def warm_up(self, variant: Variant) -> float:
        """Start a variant's engine and let it do a small task, unmeasured; return the seconds.

        Raises Failed, and EnvironmentFault of an engine that does not start.
        """
        start_s = time.monotonic()
        if variant is Variant.STOCK:
            log = self._folder / "stock.log"
            engine = self._ends.enter_context(StockEngine(self._setup.model_file, log))
            self._stock = Endpoint(engine.port, engine.token)
            self._stock.ask([{"role": "user", "content": "Say hello."}], WARM_UP_LIMIT_S)
            return time.monotonic() - start_s
        self._homes[variant] = self._folder / variant
        self._ends.callback(self._stop, variant)
        repo = self._folder / f"{variant}-warm-up"
        repo.mkdir()
        for name, text in WARM_UP.items():
            (repo / name).write_text(text)
        options = self._options(variant, self._setup.budget_s)
        raw = start("The greeting should say Hello.", repo, options, limit_s=WARM_UP_LIMIT_S)
        if raw.status not in (0, 1):
            said = raw.stderr.decode(errors="replace").strip()[-800:]
            raise Failed(f"{variant}: the warm-up ended with status {raw.status}: {said}")
        return time.monotonic() - start_s

    def run(self, variant: Variant, task: Task) -> Row:
        """Have a variant work on a fresh copy of a task, and judge what it left."""
        time.sleep(PAUSE_S)
        match variant:
            case Variant.STOCK:
                return Row(variant=variant, result=self._run_stock(task))
            case Variant.SEQUENCE:
                return self._run_sequence(task)
            case _:
                options = self._options(variant, self._setup.budget_s)
                return Row(variant=variant, result=run_task(task, options))

    def _run_sequence(self, task: Task) -> Row:
        limit_s = self._setup.budget_s * self._setup.times
        results: list[Result] = []
        left_s = limit_s
        while left_s >= _LEAST_S:
            budget_s = min(self._setup.budget_s, left_s)
            results.append(run_task(task, self._options(Variant.SEQUENCE, budget_s, len(results))))
            if results[-1].solved or results[-1].exit_status not in (0, 1):
                break
            left_s = limit_s - sum(one.wall_s for one in results)
        return Row(variant=Variant.SEQUENCE, result=together(results), attempts=len(results))

    def _run_stock(self, task: Task) -> Result:
        if self._stock is None:
            raise Failed("the stock engine was not started")
        with tempfile.TemporaryDirectory(prefix="hotloop-bench-") as folder:
            repo = Path(folder) / task.name
            prepare(task, repo)
            start_s = time.monotonic()
            agent = Stock(task, repo, self._stock, self._setup.budget_s)
            green = agent.run()
            wall_s = time.monotonic() - start_s
            verdict = verify(task, repo, Path(folder) / "verify")
        result = judge(task, Raw(0 if green else 1, b"", b"", wall_s), verdict)
        result.claimed = "solved" if green else "over_budget"
        result.model = self._setup.model
        agent.add_figures(result)
        self._keep_talk(task, agent)
        return result

    def _keep_talk(self, task: Task, agent: Stock) -> None:
        if not self._setup.keep:
            return
        folder = Path(self._setup.keep) / "stock" / task.name
        folder.mkdir(parents=True, exist_ok=True)
        talk = msgspec.json.encode(agent.messages)
        (folder / "messages.json").write_bytes(msgspec.json.format(talk))

    def _options(self, variant: Variant, budget_s: float, seed: int = 0) -> Options:
        setup = self._setup
        attempt = [sys.executable, "-P", str(ATTEMPT), str(seed)]
        return Options(
            command=attempt if seed else setup.command,
            budget_s=budget_s,
            model=setup.model,
            backend="embedded",
            keep=str(Path(setup.keep) / variant) if setup.keep else "",
            without=without(variant, bare=setup.bare),
            environment=self._environment(variant),
        )

    def _environment(self, variant: Variant) -> dict[str, str]:
        models = str(self._setup.model_file.parent)
        return {"HOTLOOP_HOME": str(self._homes[variant]), "HOTLOOP_MODELS": models}

    def _stop(self, variant: Variant) -> None:
        done = subprocess.run(
            [*self._setup.command, "engine", "stop"],
            env=os.environ | self._environment(variant),
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            print(f"{variant}: engine stop: {done.stderr.strip()[-300:]}", file=sys.stderr)


def together(results: Sequence[Result]) -> Result:
    """Return attempts at one task as one result: the last one's outcome, the figures of all."""
    last = msgspec.structs.replace(results[-1])
    last.wall_s = sum(one.wall_s for one in results)
    last.model_calls = sum(one.model_calls for one in results)
    last.model_wait_s = sum(one.model_wait_s for one in results)
    last.mean_wait_s = last.model_wait_s / last.model_calls if last.model_calls else None
    last.input_tokens = sum(one.input_tokens for one in results)
    last.cached_tokens = sum(one.cached_tokens for one in results)
    last.output_tokens = sum(one.output_tokens for one in results)
    last.later_steps = sum((one.later_steps for one in results), Tokens())
    last.later_all = sum((one.later_all for one in results), Tokens())
    last.steps = {}
    return last


def order(variants: Sequence[Variant], number: int) -> list[Variant]:
    """Return the variants as task `number` has them: each time another one begins."""
    first = number % len(variants)
    return [*variants[first:], *variants[:first]]


def by_task(rows: Sequence[Row], variants: Sequence[Variant]) -> Mapping[str, dict[Variant, Row]]:
    """Return the rows of those tasks that all the variants were run on, by task and variant."""
    found: dict[str, dict[Variant, Row]] = {}
    for row in rows:
        if row.variant in variants:
            found.setdefault(row.result.task, {})[row.variant] = row
    return {task: ran for task, ran in found.items() if len(ran) == len(variants)}
