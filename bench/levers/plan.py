"""Which sessions are measured, and their figures. Sessions mostly sleep, so several run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from statistics import median

import msgspec

from bench.levers.session import Case, Ended, measure
from hotloop.levers import NAMES

EMBEDDED_ONLY = ("slot_restore",)
LEVERS = tuple(name for name in NAMES if name not in EMBEDDED_ONLY)
ALL = frozenset(NAMES)
NONE: frozenset[str] = frozenset()
HEADLINES = {
    "fast": ("fast", 1),
    "slow": ("slow", 1),
    "fast_two": ("fast", 2),
    "slow_two": ("slow", 2),
}
ABLATED = "fast_two"
START_APART_S = 1.5
TAILED = "tracelab"


class Pair(msgspec.Struct, kw_only=True):
    """The same work with all levers off and on."""

    off: list[Ended]
    on: list[Ended]


class Alone(msgspec.Struct, kw_only=True):
    """A lever as the only one, and as the only one that is missing."""

    alone: list[Ended]
    without: list[Ended]


class Figures(msgspec.Struct, kw_only=True):
    """All sessions of one call of the bench.

    `never_slower` has, by profile, each lever alone; the key `` is none of them.
    """

    pairs: dict[str, Pair]
    ablation: dict[str, Alone]
    never_slower: dict[str, dict[str, list[Ended]]]
    opening_s: float


def wall_s(sessions: Iterable[Ended]) -> float:
    """Return the median session's seconds."""
    return median(one.wall_s for one in sessions)


class Plan:
    """Measures all of it, `jobs` sessions at a time and each figure `repeat` times."""

    def __init__(self, opening_s: float, *, jobs: int, repeat: int, never_slower: bool) -> None:
        self._opening_s = opening_s
        self._repeat = repeat
        self._never_slower = never_slower
        self._places = asyncio.Semaphore(jobs)
        self._starting = asyncio.Lock()

    async def measure(self, say: Callable[[str], None]) -> Figures:
        """Run all sessions; `say` is told of each. Raises Failed."""
        cases: dict[str, tuple[str, int, frozenset[str]]] = {}
        for name, (profile, iterations) in HEADLINES.items():
            cases[f"{name} off"] = (profile, iterations, ALL)
            cases[f"{name} on"] = (profile, iterations, NONE)
        profile, iterations = HEADLINES[ABLATED]
        for lever in LEVERS:
            cases[f"alone {lever}"] = (profile, iterations, ALL - {lever})
            cases[f"without {lever}"] = (profile, iterations, frozenset({lever}))
        for other in ("slow", TAILED) if self._never_slower else ():
            cases[f"{other}/"] = (other, 2, ALL)
            cases |= {f"{other}/{lever}": (other, 2, ALL - {lever}) for lever in LEVERS}
            cases[f"{other}/on"] = (other, 2, NONE)
        done = await asyncio.gather(
            *(self._repeated(name, case, say) for name, case in cases.items())
        )
        return self._figures(dict(zip(cases, done, strict=True)))

    async def _turn(self) -> None:
        """Keep starts apart: what is computed takes place at the start of a session."""
        async with self._starting:
            await asyncio.sleep(START_APART_S)

    def _figures(self, done: dict[str, list[Ended]]) -> Figures:
        slower: dict[str, dict[str, list[Ended]]] = {}
        for name, sessions in done.items():
            other, slash, lever = name.partition("/")
            if slash:
                slower.setdefault(other, {})[lever] = sessions
        return Figures(
            pairs={
                name: Pair(off=done[f"{name} off"], on=done[f"{name} on"]) for name in HEADLINES
            },
            ablation={
                lever: Alone(alone=done[f"alone {lever}"], without=done[f"without {lever}"])
                for lever in LEVERS
            },
            never_slower=slower,
            opening_s=self._opening_s,
        )

    async def _repeated(
        self, name: str, case: tuple[str, int, frozenset[str]], say: Callable[[str], None]
    ) -> list[Ended]:
        profile, iterations, without = case
        wanted = Case(
            profile=profile, iterations=iterations, without=without, opening_s=self._opening_s
        )
        return [await self._once(name, wanted, say) for _ in range(self._repeat)]

    async def _once(self, name: str, case: Case, say: Callable[[str], None]) -> Ended:
        async with self._places:
            await self._turn()
            ended = await measure(case)
        work = f"{ended.model_calls} calls, {ended.output_tokens} tokens"
        say(f"{name:<24} {ended.wall_s:6.2f} s  {work}")
        return ended
