"""Which sessions are measured, and their figures. Sessions mostly sleep, so several run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from bench.levers.session import Case, Ended, Pace, measure
from hotloop.levers import NAMES

ENGINE_ONLY = ("exact_edits", "race", "slips", "slot_restore")
SEVERAL_ENDPOINTS = ("hedge", "roles")
"""They do nothing with one endpoint; `bench.endpoints` measures them."""
LEVERS = tuple(name for name in NAMES if name not in (*ENGINE_ONLY, *SEVERAL_ENDPOINTS))
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
OTHERS = ("slow", "tracelab")


class Pair(msgspec.Struct, kw_only=True):
    """The same work with all levers off and on."""

    off: list[Ended]
    on: list[Ended]


class Alone(msgspec.Struct, kw_only=True):
    """A lever as the only one, and as the only one that is missing."""

    alone: list[Ended]
    without: list[Ended]


class Figures(msgspec.Struct, kw_only=True):
    """The article's loop off and on, and lever by lever. `start_s` is that of Python and pytest."""

    pairs: dict[str, Pair]
    ablation: dict[str, Alone]
    start_s: float


Slower = dict[str, dict[str, list[Ended]]]
"""By profile, each lever alone; under `` none of them, under `on` all."""


def wall_s(sessions: Iterable[Ended]) -> float:
    """Return the quickest session's seconds.

    Backend and tests sleep for fixed times, so what sessions of one kind differ by is other load
    on the machine, which only ever adds.
    """
    return min(one.wall_s for one in sessions)


class Plan:
    """Measures sessions, `jobs` at a time and each `repeat` times; `say` is told of each."""

    def __init__(self, pace: Pace, *, jobs: int, repeat: int, say: Callable[[str], None]) -> None:
        self._pace = pace
        self._repeat = repeat
        self._say = say
        self._places = asyncio.Semaphore(jobs)
        self._starting = asyncio.Lock()

    async def figures(self) -> Figures:
        """Measure the article's loop. Raises Failed."""
        wanted: dict[str, tuple[str, int, frozenset[str]]] = {}
        for name, (profile, iterations) in HEADLINES.items():
            wanted[f"{name} off"] = (profile, iterations, ALL)
            wanted[f"{name} on"] = (profile, iterations, NONE)
        profile, iterations = HEADLINES[ABLATED]
        for lever in LEVERS:
            wanted[f"alone {lever}"] = (profile, iterations, ALL - {lever})
            wanted[f"without {lever}"] = (profile, iterations, frozenset({lever}))
        done = await self._all(wanted)
        return Figures(
            pairs={
                name: Pair(off=done[f"{name} off"], on=done[f"{name} on"]) for name in HEADLINES
            },
            ablation={
                lever: Alone(alone=done[f"alone {lever}"], without=done[f"without {lever}"])
                for lever in LEVERS
            },
            start_s=self._pace.start_s,
        )

    async def slower(self) -> Slower:
        """Measure each lever alone on other profiles. Raises Failed."""
        wanted: dict[str, tuple[str, int, frozenset[str]]] = {}
        for profile in OTHERS:
            wanted[f"{profile}/"] = (profile, 1, ALL)
            wanted |= {f"{profile}/{lever}": (profile, 1, ALL - {lever}) for lever in LEVERS}
            wanted[f"{profile}/on"] = (profile, 1, NONE)
        done = await self._all(wanted)
        by_profile: Slower = {}
        for name, sessions in done.items():
            profile, _, lever = name.partition("/")
            by_profile.setdefault(profile, {})[lever] = sessions
        return by_profile

    async def _all(
        self, wanted: Mapping[str, tuple[str, int, frozenset[str]]]
    ) -> dict[str, list[Ended]]:
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: [
                    group.create_task(self._once(name, self._case(*case)))
                    for _ in range(self._repeat)
                ]
                for name, case in wanted.items()
            }
        return {name: [task.result() for task in runs] for name, runs in tasks.items()}

    def _case(self, profile: str, iterations: int, without: frozenset[str]) -> Case:
        return Case(profile=profile, iterations=iterations, without=without, pace=self._pace)

    async def _once(self, name: str, case: Case) -> Ended:
        async with self._places:
            async with self._starting:  # what is computed takes place at a session's start
                await asyncio.sleep(START_APART_S)
            ended = await measure(case)
        work = f"{ended.model_calls} calls, {ended.output_tokens} tokens"
        self._say(f"{name:<24} {ended.wall_s:6.2f} s  {work}")
        return ended
