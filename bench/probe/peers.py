"""`python -m bench.probe.peers`: hotloop's figures of a load beside those of other tools.

Each round sends the same load, with new prompts, by hotloop and by each tool in turn; ratios are
taken round by round, since a machine is not equally fast in all of them. The server is a simulated
backend, or what listens at `--url`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.probe.load import Load, Seen, first_model, new_prompts, run_load
from bench.probe.served import served
from bench.probe.tools import COMMANDS, Job, Name, command_line, read_result
from hotloop.sim.profile import load_profile

WITHIN = 0.05
TOOL_LIMIT_S = 900
TITLES = {
    "ttft_s": "time to first token, ms",
    "gap_s": "gap between pieces, ms",
    "token_s": "time per further token, ms",
    "tok_s": "output tokens/s",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one tool beside hotloop's, round by round."""

    concurrency: int
    tool: str
    figure: str
    hotloop: list[float]
    other: list[float]

    @property
    def ratio(self) -> float:
        """Return the median of the rounds' ratios: what the server was slower in, both were."""
        pairs = zip(self.hotloop, self.other, strict=True)
        return statistics.median(own / other for own, other in pairs)


def main(words: Sequence[str] | None = None) -> int:
    """Run all loads and print the table; return 0 where all agree within 5 %."""
    options = _parser().parse_args(words)
    tools: dict[Name, str] = {
        name: command for name in COMMANDS if (command := getattr(options, name)) is not None
    }
    rows: list[Row] = []
    with _server(options) as base_url:
        model = options.model or asyncio.run(first_model(base_url))
        for concurrency in map(int, options.concurrency.split(",")):
            load = Load(
                prompt_tokens=options.tokens,
                output_tokens=options.output,
                requests=options.requests * concurrency,
                concurrency=concurrency,
            )
            rounds = [
                _round(base_url, model, load, tools, options.tokenizer)
                for _ in range(options.rounds)
            ]
            rows += compare(concurrency, rounds)
    print(table(rows))
    return 0 if rows and all(abs(row.ratio - 1) <= WITHIN for row in rows) else 1


def compare(concurrency: int, rounds: Sequence[Mapping[str, Seen]]) -> Iterator[Row]:
    """Yield each figure that a tool and hotloop both have, as medians of the rounds."""
    tools = [name for name in rounds[0] if name != "hotloop"]
    for tool in tools:
        for figure in TITLES:
            pairs = [
                (getattr(one["hotloop"], figure), getattr(one[tool], figure)) for one in rounds
            ]
            known = [(own, other) for own, other in pairs if own and other]
            if known:
                yield Row(
                    concurrency=concurrency,
                    tool=tool,
                    figure=figure,
                    hotloop=[own for own, _ in known],
                    other=[other for _, other in known],
                )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown: medians of the rounds, least and greatest."""
    lines = ["| calls at once | figure | hotloop | other tool | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        factor = 1 if row.figure == "tok_s" else 1e3
        own, other = _spread(row.hotloop, factor), f"{row.tool} {_spread(row.other, factor)}"
        cells = (str(row.concurrency), TITLES[row.figure], own, other, f"{row.ratio:.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float], factor: float) -> str:
    least, middle, most = min(values), statistics.median(values), max(values)
    return f"{middle * factor:.1f} ({least * factor:.1f} to {most * factor:.1f})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.probe.peers", description=__doc__)
    parser.add_argument("--url", help="an endpoint; without it a simulated backend is served")
    parser.add_argument("--profile", default="fast", help="the simulated backend's profile")
    parser.add_argument("--model", default="", help="without it the first one listed")
    for name, command in COMMANDS.items():
        text = f"compare with {name}; its command, {command!r} if none is named"
        parser.add_argument(f"--{name}", nargs="?", const=command, metavar="COMMAND", help=text)
    parser.add_argument("--tokenizer", default="", help="folder of a tokenizer, for vllm")
    parser.add_argument("--tokens", type=int, default=256, help="prompt tokens, about")
    parser.add_argument("--output", type=int, default=32, help="output tokens")
    parser.add_argument("--requests", type=int, default=10, help="for each call at once")
    parser.add_argument("--concurrency", default="1,4")
    parser.add_argument("--rounds", type=int, default=3)
    return parser


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> Generator[str]:
    if options.url:
        yield options.url
        return
    with served(load_profile(options.profile)) as server:
        yield server.base_url


def _round(
    base_url: str, model: str, load: Load, tools: Mapping[Name, str], tokenizer: str
) -> dict[str, Seen]:
    seed = time.time_ns()
    found = {"hotloop": asyncio.run(run_load(base_url, model, load, new_prompts(load, seed)))}
    for number, (name, command) in enumerate(tools.items(), 1):
        with tempfile.TemporaryDirectory(prefix="hotloop-peers-") as folder:
            job = Job(
                base_url=base_url, model=model, tokenizer=tokenizer, load=load, folder=Path(folder)
            )
            job.write_prompts(new_prompts(load, seed + number))
            _run_tool(command_line(name, command, job))
            found[name] = read_result(name, job.folder)
    for tool, seen in found.items():
        print(load.concurrency, tool, msgspec.json.encode(seen).decode(), file=sys.stderr)
    return found


def _run_tool(words: Sequence[str]) -> None:
    """Run a tool to its end, offline. Raises RuntimeError with the end of what it said."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=TOOL_LIMIT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr[-2_000:]}")


if __name__ == "__main__":
    sys.exit(main())
