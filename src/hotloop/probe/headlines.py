"""Sentences of a probe's report that stand outside its parts, for terminal and page alike."""

from __future__ import annotations

from collections.abc import Iterator

from hotloop.probe.present import PARTS
from hotloop.probe.result import LoopTable, Result, Stopped


def supported(result: Result) -> list[tuple[str, bool | None]]:
    """Return what the endpoint was asked for, and whether it did it."""
    found = result.supports
    return [
        ("tools", found.tools),
        ("parallel tool calls", found.parallel_tool_calls),
        ("JSON schema", found.response_format),
        ("JSON object", found.json_object),
        ("n", found.n),
        ("logprobs", found.logprobs),
        ("usage in streams", found.stream_usage),
        ("cached tokens", found.cached_tokens),
        ("server timings", found.server_timings),
        ("reasoning content", found.reasoning),
    ]


_STOPPED: dict[Stopped, str] = {
    "": "",
    "time": "its time was over",
    "requests": "the limit on requests was reached",
    "tokens": "the limit on tokens was reached",
    "interrupted": "interrupted",
    "unreachable": "no call was answered whole",
}


def headline(result: Result) -> str:
    """Return what the probe took, and why it ended early if it did."""
    cost = result.cost
    text = (
        f"{cost.time_s:.1f} s, {cost.requests} requests, {cost.input_tokens:,} tokens in "
        f"({cost.cached_tokens:,} cached), {cost.output_tokens:,} out"
    )
    if cost.money is not None:
        text += f", money {cost.money:.4f}"
    text = f"{text}; ended early: {_STOPPED[cost.stopped]}" if cost.stopped else text
    if not cost.economised:
        return text
    parts = ", ".join(PARTS.get(part, part).lower() for part in cost.economised)
    return f"{text}. Slow for so little time, so with fewer calls and tokens than usual: {parts}"


def table_title(table: LoopTable) -> str:
    """Return a loop table's heading."""
    if table.name == "tracelab":
        return "A session as in TraceLab: 9 calls behind a long context"
    times = {1: "once", 2: "with a second iteration"}
    return f"The article's loop, {times.get(table.iterations, f'{table.iterations} times')}"


def no_verdict(result: Result) -> str:
    """Return why there is no verdict; empty where there is one."""
    why = result.missing.get("verdict", "")
    if any(defect.text == why for defect in result.defects):
        return "No verdict: nothing could be measured."
    return f"No verdict: {why}" if why else ""


def really_run(result: Result) -> str:
    """Return how long the article's loop took when it was really run; empty where it was not."""
    run = result.loop_run
    if run is None:
        return ""
    what = "the article's loop"
    if run.scale != 1.0:
        within = f", to take {run.limit_s:g} s at most," if run.limit_s else ""
        what += f" with {run.scale:.2g} times its tokens{within}"
    text = f"Really run once, {what} took {run.total_s:.1f} s"
    if run.projected_s is None or run.error is None:
        return text
    text += f", {run.projected_s:.1f} s projected ({run.error:+.1%} of the model's time)"
    if run.planned_s is None or run.planned_error is None:
        return text
    return f"{text}; before it ran {run.planned_s:.1f} s ({run.planned_error:+.1%})"


def unmeasured(result: Result) -> Iterator[tuple[str, str]]:
    """Yield the dotted names of what could not be measured for one reason, with that reason."""
    names: dict[str, list[str]] = {}
    for name, why in sorted(result.missing.items()):
        names.setdefault(why, []).append(name)
    yield from ((", ".join(some), why) for why, some in names.items())
