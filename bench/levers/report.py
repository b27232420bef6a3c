"""The figures as one JSON line, and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.levers.plan import ABLATED, HEADLINES, Figures, Slower, wall_s
from hotloop.sim.article import TOTAL_S, TWO_ITERATIONS_S

GOALS_S = {"fast": 10.0, "slow": 18.0, "fast_two": 17.0, "slow_two": 30.0}
ARTICLE_S = {
    name: (TOTAL_S if iterations == 1 else TWO_ITERATIONS_S)[profile]
    for name, (profile, iterations) in HEADLINES.items()
}
SLOWER = 1.03


def json_line(figures: Figures) -> str:
    """Return the machine's form: seconds with two decimals."""
    pairs = {
        name: {"off_s": round(wall_s(pair.off), 2), "on_s": round(wall_s(pair.on), 2)}
        for name, pair in figures.pairs.items()
    }
    ablation = {
        lever: {"alone_s": round(wall_s(one.alone), 2), "without_s": round(wall_s(one.without), 2)}
        for lever, one in figures.ablation.items()
    }
    return msgspec.json.encode({**pairs, "ablation": ablation}).decode()


def table(figures: Figures) -> str:
    """Return the tables as text."""
    return "\n".join([*_headlines(figures), "", *_ablation(figures)])


def _headlines(figures: Figures) -> Iterator[str]:
    yield f"{'loop':<10} {'article s':>9} {'off s':>7} {'on s':>7} {'goal s':>7}  calls      tokens"
    for name, pair in figures.pairs.items():
        off, on = pair.off[0], pair.on[0]
        yield (
            f"{name:<10} {ARTICLE_S[name]:>9.1f} {wall_s(pair.off):>7.2f} {wall_s(pair.on):>7.2f} "
            f"{GOALS_S[name]:>7.1f}  {off.model_calls:>2} -> {on.model_calls:<2}   "
            f"{off.output_tokens:>4} -> {on.output_tokens}"
        )


def _ablation(figures: Figures) -> Iterator[str]:
    pair = figures.pairs[ABLATED]
    off_s, on_s = wall_s(pair.off), wall_s(pair.on)
    yield f"{ABLATED}: none {off_s:.2f} s, all {on_s:.2f} s"
    yield f"{'lever':<14} {'alone s':>8} {'saves':>6} {'without s':>10} {'costs':>6}"
    for lever, one in figures.ablation.items():
        alone_s, without_s = wall_s(one.alone), wall_s(one.without)
        yield (
            f"{lever:<14} {alone_s:>8.2f} {off_s - alone_s:>6.2f} {without_s:>10.2f} "
            f"{without_s - on_s:>6.2f}"
        )


def slower_table(slower: Slower) -> str:
    """Return each lever alone against none, profile by profile, as text."""
    lines: list[str] = []
    for profile, by_lever in slower.items():
        base_s = wall_s(by_lever[""])
        lines.append(f"{profile}, one iteration, each lever alone: none {base_s:.2f} s")
        for lever, sessions in by_lever.items():
            ratio = wall_s(sessions) / base_s
            if lever:
                lines.append(f"{lever:<14} {wall_s(sessions):>8.2f} {ratio:>6.3f}{_mark(ratio)}")
    return "\n".join(lines)


def _mark(ratio: float) -> str:
    return "  SLOWER" if ratio > SLOWER else ""
