"""The figures of `bench.levers --embedded`: a table for people, one JSON line for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

import msgspec

from bench.levers.variants import Row, Variant, by_task
from bench.loops.report import Machine
from bench.loops.session import Result, Tokens

START_UP_S = 1.0
"""A session's budget begins when its engine is found; the process is older by less than this."""
COMPARED: tuple[tuple[Variant, Variant], ...] = (
    (Variant.ON, Variant.OFF),
    (Variant.ON, Variant.STOCK),
)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How the bench was run; a run goes on only with the same."""

    budget_s: float
    model: str
    times: int
    engine: str
    machine: Machine
    date: str
    bare: bool = False

    def same(self, other: Setting) -> bool:
        """Say whether rows of both may stand in one table."""
        return self._all_that_counts() == other._all_that_counts()

    def _all_that_counts(self) -> tuple[object, ...]:
        cores = len(self.machine.cores)
        return (self.budget_s, self.model, self.times, self.engine, self.bare, cores)


class Stored(msgspec.Struct, kw_only=True):
    """What is written after each run."""

    setting: Setting
    rows: list[Row]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One variant over all tasks. An unsolved task counts as the seconds it took."""

    solved: int
    median_wall_s: float
    mean_wait_s: float | None
    cached_share: float | None
    calls: int


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Two variants on the same tasks: median walls over all, and over those that both solved."""

    walls_s: tuple[float, float]
    ratio: float
    both: int
    both_walls_s: tuple[float, float] | None = None
    both_ratio: float | None = None


class Race(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks solved with the race, and in sequence within one, two, … times the same budget."""

    solved: int
    sequence: list[int]
    attempts: int


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """All figures."""

    tasks: int
    setting: Setting
    variants: dict[Variant, Line]
    ratios: dict[str, Ratio]
    race: Race | None = None


def figures(stored: Stored, variants: Sequence[Variant]) -> Embedded:
    """Return the figures of the tasks that every one of the variants was run on."""
    tasks = by_task(stored.rows, variants)
    results: dict[Variant, list[Result]] = {
        name: [ran[name].result for ran in tasks.values()] for name in (variants if tasks else ())
    }
    pairs = [(a, b) for a, b in COMPARED if a in results and b in results]
    return Embedded(
        tasks=len(tasks),
        setting=stored.setting,
        variants={name: line(some) for name, some in results.items()},
        ratios={f"{a}/{b}": ratio(results[a], results[b]) for a, b in pairs},
        race=_race(tasks, stored.setting),
    )


def line(results: Sequence[Result]) -> Line:
    """Return the figures of one variant's results, of which there must be one at least."""
    calls = sum(one.model_calls for one in results)
    return Line(
        solved=sum(one.solved for one in results),
        median_wall_s=median(one.wall_s for one in results),
        mean_wait_s=sum(one.model_wait_s for one in results) / calls if calls else None,
        cached_share=sum((one.later_all for one in results), Tokens()).share,
        calls=calls,
    )


def ratio(first: Sequence[Result], second: Sequence[Result]) -> Ratio:
    """Return how two variants' results of the same tasks, in the same order, compare."""
    walls = _medians(zip(first, second, strict=True))
    both = [(a, b) for a, b in zip(first, second, strict=True) if a.solved and b.solved]
    of_both = _medians(both) if both else None
    return Ratio(
        walls_s=walls,
        ratio=walls[0] / walls[1],
        both=len(both),
        both_walls_s=of_both,
        both_ratio=of_both[0] / of_both[1] if of_both else None,
    )


def _medians(pairs: Iterable[tuple[Result, Result]]) -> tuple[float, float]:
    walls = [(a.wall_s, b.wall_s) for a, b in pairs]
    return median(one for one, _ in walls), median(other for _, other in walls)


def _race(tasks: Mapping[str, dict[Variant, Row]], setting: Setting) -> Race | None:
    rows = [
        (ran[Variant.ON], ran[Variant.SEQUENCE])
        for ran in tasks.values()
        if {Variant.ON, Variant.SEQUENCE} <= {*ran}
    ]
    if not rows:
        return None
    solved_s = [row.result.wall_s for _, row in rows if row.result.solved]
    limits_s = [number * (setting.budget_s + START_UP_S) for number in range(1, setting.times + 1)]
    return Race(
        solved=sum(row.result.solved for row, _ in rows),
        sequence=[sum(wall_s <= limit_s for wall_s in solved_s) for limit_s in limits_s],
        attempts=sum(row.attempts for _, row in rows),
    )


def json_line(embedded: Embedded) -> str:
    """Return the machine's form."""
    return msgspec.json.encode({"embedded": embedded}).decode()


def table(embedded: Embedded) -> str:
    """Return the figures as text."""
    return "\n".join(_lines(embedded))


def _lines(embedded: Embedded) -> Iterator[str]:
    setting, tasks = embedded.setting, embedded.tasks
    yield f"{'variant':<9} {'solved':>8} {'median s':>9} {'wait/call s':>12} {'cached':>7} calls"
    for name, one in embedded.variants.items():
        wait, share = _number(one.mean_wait_s, ".2f"), _number(one.cached_share, ".1%")
        yield (
            f"{name:<9} {f'{one.solved}/{tasks}':>8} {one.median_wall_s:>9.1f} {wait:>12} "
            f"{share:>7} {one.calls:>5}"
        )
    for name, one in embedded.ratios.items():
        yield f"{name}: {_ratio(one.ratio, one.walls_s)}; {_both(one)}"
    if race := embedded.race:
        counts = ", ".join(f"{solved} in {n}x" for n, solved in enumerate(race.sequence, 1))
        yield (
            f"solved with the race {race.solved} in the budget; in sequence {counts} of it "
            f"({race.attempts} attempts)"
        )
    machine = setting.machine
    yield (
        f"{tasks} tasks, budget {setting.budget_s:g} s, {setting.model}, {setting.engine}, "
        f"{machine.cpu}, {len(machine.cores)} of {machine.cores_present} cores, "
        f"commit {machine.commit or '-'}, {setting.date}"
    )


def _both(one: Ratio) -> str:
    if one.both_ratio is None or one.both_walls_s is None:
        return "none solved by both"
    return f"of the {one.both} solved by both {_ratio(one.both_ratio, one.both_walls_s)}"


def _ratio(value: float, walls_s: tuple[float, float]) -> str:
    return f"median wall {value:.2f} ({walls_s[0]:.1f} against {walls_s[1]:.1f} s)"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
