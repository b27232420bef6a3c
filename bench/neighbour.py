"""`python -m bench.neighbour`: what a busy process beside the embedded engine costs it.

In turn: nothing beside it, one busy process per `--beside`, and as many that give way
(`hotloop.workspace.priority`). Told are the engine's own prefill and decode rates, and how much of
what it gets alone such a process still got meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

import msgspec

from hotloop.engine.catalog import default_id, resolve
from hotloop.engine.manager import EngineHandle, ensure_engine
from hotloop.engine.models_store import model_path
from hotloop.engine.state import EngineSettings
from hotloop.workspace.priority import give_way

BUSY = """import signal, sys
done = 0
def tell(*_):
    open(sys.argv[1], "w").write(str(done))
    sys.exit()
signal.signal(signal.SIGTERM, tell)
while True:
    for _ in range(20000): pass
    done += 1
"""
PROMPT_WORDS, ANSWER_TOKENS = 25, 25
ALONE_S = 2.0


class _Timings(msgspec.Struct):
    prompt_per_second: float
    predicted_per_second: float


class _Answer(msgspec.Struct):
    timings: _Timings


class Row(msgspec.Struct, kw_only=True):
    """Medians with one kind of company: tokens per second, and the company's share of its pace."""

    beside: str
    prefill_per_s: float
    decode_per_s: float
    decode_least: float
    decode_most: float
    company_share: float | None
    n: int


def ask(engine: EngineHandle, random: Random) -> _Timings:
    """Have a new prompt read and some tokens written; return the engine's timings."""
    words = " ".join(f"word{random.randint(0, 10**6)}" for _ in range(PROMPT_WORDS))
    body = {"prompt": words, "n_predict": ANSWER_TOKENS, "temperature": 0, "ignore_eos": True}
    request = urllib.request.Request(
        f"{engine.base_url.removesuffix('/v1')}/completion",
        msgspec.json.encode(body),
        {"Content-Type": "application/json", "Authorization": f"Bearer {engine.api_key}"},
    )
    with urllib.request.urlopen(request) as response:
        return msgspec.json.decode(response.read(), type=_Answer).timings


@contextmanager
def company(count: int, folder: Path, *, gives_way: bool) -> Generator[list[Path]]:
    """Run busy processes, each of a session of its own; yield where they tell what they did."""
    told = [folder / f"done{number}" for number in range(count)]
    argv = [sys.executable, "-c", BUSY]
    started = [subprocess.Popen([*argv, str(one)], start_new_session=True) for one in told]
    try:
        for process in started:
            if gives_way:
                give_way(process.pid)
        yield told
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait()


def pace(told: Sequence[Path], seconds: float) -> float:
    """Return what each of some processes did per second."""
    return sum(int(one.read_text() or 0) for one in told) / seconds / len(told)


def measure(engine: EngineHandle, count: int, rounds: int, folder: Path) -> list[Row]:
    """Measure each kind of company in turn, `rounds` times."""
    random = Random()  # a prompt that was read before would not be read again
    ask(engine, random)
    with company(1, folder, gives_way=False) as told:
        time.sleep(ALONE_S)
    alone = pace(told, ALONE_S)
    kinds = [("nothing", 0, False), ("busy", count, False), ("busy, gives way", count, True)]
    seen: dict[str, list[tuple[_Timings, float | None]]] = {name: [] for name, *_ in kinds}
    for _ in range(rounds):
        for name, beside, gives_way in kinds:
            start_s = time.monotonic()
            with company(beside, folder, gives_way=gives_way) as told:
                timings = ask(engine, random)
            took_s = time.monotonic() - start_s
            seen[name].append((timings, pace(told, took_s) / alone if told else None))
    return [_row(name, found) for name, found in seen.items()]


def _row(name: str, found: Sequence[tuple[_Timings, float | None]]) -> Row:
    decode = [timings.predicted_per_second for timings, _ in found]
    shares = [share for _, share in found if share is not None]
    return Row(
        beside=name,
        prefill_per_s=median(timings.prompt_per_second for timings, _ in found),
        decode_per_s=median(decode),
        decode_least=min(decode),
        decode_most=max(decode),
        company_share=median(shares) if shares else None,
        n=len(found),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure on the default embedded model and print one JSON line. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbour", description=__doc__)
    parser.add_argument("--beside", type=int, default=1, help="busy processes")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(arguments)
    model = resolve(default_id())
    say = partial(print, file=sys.stderr)
    engine = asyncio.run(ensure_engine(model_path(model), model.id, EngineSettings(), say))
    with tempfile.TemporaryDirectory(prefix="hotloop-neighbour-") as folder:
        rows = measure(engine, args.beside, args.rounds, Path(folder))
    engine.close()
    print(msgspec.json.encode(rows).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
