"""What the harness takes per step, beside model and tools, against an endpoint without delay."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from bench.startup.starts import Failed
from hotloop.ledger.events import AnyEvent, CallEnd, CallStart, ToolEnd
from hotloop.sim.connection import RequestRecord
from hotloop.sim.script import Reply, Script, ToolCall
from hotloop.sim.server import serving

STEPS = 24
LIMIT_S = 60.0


def harness_per_step(hotloop: str, folder: Path, env: Mapping[str, str]) -> list[float]:
    """Return the harness's seconds between one call and the next, for each step of a session.

    From the last byte of an answer to the first of the next request, as the endpoint sees it,
    less the time in which a tool ran. Raises Failed.
    """
    repo = _repository(folder)
    with serving(
        "instant", Script(replies=(*_replies(), _reply("done", message="finished")))
    ) as sim:
        command = [hotloop, "run", "Look around.", "--repo", str(repo), "--json", "--yes"]
        command += ["--backend", sim.base_url, "--model", "sim", "--dialect", "native"]
        done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=LIMIT_S)
        requests = [one for one in sim.requests if one.path.endswith("/chat/completions")]
    events = [msgspec.json.decode(line, type=AnyEvent) for line in _events(done.stdout)]
    if len(requests) <= STEPS:
        raise Failed(f"only {len(requests)} requests: {done.stderr.decode()[-500:]}")
    gaps = [_gap(one, other) for one, other in pairwise(requests)]
    return [max(0.0, gap - tools) for gap, tools in zip(gaps, _tool_times(events), strict=True)]


def _events(stdout: bytes) -> list[bytes]:
    return [line for line in stdout.splitlines() if b'"type":"session.end"' not in line]


def _gap(one: RequestRecord, other: RequestRecord) -> float:
    if one.end_s is None:
        raise Failed("an answer was not taken to its end")
    return other.arrival_s - one.end_s


def _tool_times(events: Sequence[AnyEvent]) -> list[float]:
    """Return how long tools ran between the end of each call and the start of the next."""
    starts = [event.t_s for event in events if isinstance(event, CallStart)]
    ends = [event.t_s for event in events if isinstance(event, CallEnd)]
    tools = [event for event in events if isinstance(event, ToolEnd)]
    return [
        sum(max(0.0, min(tool.t_s, start) - max(tool.start_s, end)) for tool in tools)
        for end, start in zip(ends[:-1], starts[1:], strict=True)
    ]


def _repository(folder: Path) -> Path:
    """Make a repository without tests, so that nothing runs beside the loop."""
    repo = folder / "steps"
    repo.mkdir()
    for number in range(8):
        lines = [f"def step_{number}_{line}():\n    return {line}\n" for line in range(60)]
        (repo / f"part{number}.py").write_text("\n".join(lines))
    return repo


def _replies() -> list[Reply]:
    """Return reads, searches, a listing and edits, no two the same."""
    replies: list[Reply] = []
    for number in range(STEPS):
        path = f"part{number % 8}.py"
        match number % 4:
            case 0:
                old, new = f"return {number}\n\ndef", f"return {number + 1000}\n\ndef"
                replies.append(_reply("edit", path=path, old=old, new=new))
            case 1:
                replies.append(_reply("search", pattern=f"step_{number}_1\\b"))
            case _:
                replies.append(_reply("read", path=path, start=number + 1, end=number + 30))
    return replies


def _reply(tool: str, **arguments: object) -> Reply:
    return Reply(tool_calls=(ToolCall(name=tool, arguments=arguments),))
