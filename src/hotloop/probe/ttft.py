"""Time to first token by prompt size, cold and warm, and the line through it."""

from __future__ import annotations

import msgspec

from hotloop.probe.contact import round_trip
from hotloop.probe.figure import Figure, figure
from hotloop.probe.fit import Line, Point, fit_line, median, quicker, size_class
from hotloop.probe.parts import TtftPoint
from hotloop.probe.prompts import Message
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session

STEPS = 5
LEAST_TOKENS = 100
CONTACTS = 2
"""The very first calls count too: on a slow endpoint they are a good part of all there will be."""
ROUNDS = 5
AGAIN = 3.0
"""A ladder is to be climbed about so many times: one time says nothing of slow calls."""
SAVES = 0.8
SMALL_PER_ROUND = 3
MISSES = 0.2
"""A point that the line misses by more than this breaks the fit."""
MOST_WAY = 0.5
"""The way there and back is known if it takes at most this share of the base."""
MOST_HEAD_TOKENS = 64
LITTLE = 0.1
FREE = 0.05
"""Prefill counts as free when the longest prompt takes less than this share longer."""


class Rung(msgspec.Struct, kw_only=True):
    """All calls with prompts of about one size. `latest` is the prompt that was sent last."""

    tokens: int
    cold: list[Sample] = []
    warm: list[Sample] = []
    latest: list[Message] = []
    refused: str = ""


class TtftPart:
    """Climbs a ladder of prompt sizes: each first cold, then the same prompt again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._smalls: list[Sample] = []
        self.rungs: list[Rung] = []
        self.most_tokens = session.settings.most_tokens
        self.line: Line | None = None

    async def run(self, result: Result) -> None:
        """Measure until the part's share is used up."""
        session = self._session
        await self._small()
        sizes = self._sizes(result.supports.context_tokens)
        self.rungs = [Rung(tokens=size) for size in sizes]
        for number in range(ROUNDS):
            for rung in self.rungs:
                if self._affordable(rung, first=not number):
                    await self._climb(rung)
            if session.room(SMALL_PER_ROUND * session.expected_s(50), SMALL_PER_ROUND):
                await self._small()

    def conclude(self, result: Result, *, cached: bool = False) -> None:
        """Write what was found into the result.

        With `cached`, the head that all prompts share counts as read from the cache, as claimed:
        right only where the cache was seen to work.
        """
        session, found = self._session, result.ttft
        counter = session.counter
        found.points = [self._point(rung) for rung in self.rungs if rung.cold]
        for rung in self.rungs:
            if rung.refused:
                key = f"ttft.points.{rung.tokens}"
                result.missing[key] = rung.refused
        cold = [s for rung in self.rungs for s in rung.cold if s.timed]
        small = [s for s in (*session.samples[:CONTACTS], *self._smalls) if s.timed]
        points = [
            (float(counter.input(s) - (self._head_tokens(s) if cached else 0)), s.ttft_s)
            for s in (*small, *cold)
        ]
        self.line = fit_line(points)
        if self.line is None:
            result.missing["ttft.prefill_tok_s"] = "no two prompt sizes could be measured"
            return
        self._fit(points, result)

    def _fit(self, points: list[Point], result: Result) -> None:
        found = result.ttft
        self.line, found.breaks_at_tokens, found.fit_error = fit_with_break(points)
        doubt = self._session.counter.doubt
        low: Figure | None = figure(self.line.bases, sure="low" if doubt else None, why=doubt)
        found.base_s = low
        self._without_way(result)
        longest = max(x for x, _ in points)
        if self.line.slope * longest < max(FREE * self.line.base, 0.003):
            found.prefill_free = True
            result.missing["ttft.prefill_tok_s"] = "the size of a prompt costs no time"
            return
        rates = [1 / slope for slope in self.line.slopes if slope > 0]
        rate = figure(rates, sure="low" if doubt else None, why=doubt)
        if rate is not None:
            rate = msgspec.structs.replace(rate, median=1 / self.line.slope)
        found.prefill_tok_s = rate

    def _head_tokens(self, sample: Sample) -> int:
        """Return how many tokens of a prompt never seen before come from its template."""
        claimed = self._session.counter.cached(sample) or 0
        return claimed if claimed <= MOST_HEAD_TOKENS else 0

    def _without_way(self, result: Result) -> None:
        trips_s = self._session.round_trips_s
        if not trips_s or self.line is None:
            result.missing["ttft.server_base_s"] = "the way there and back could not be timed"
            return
        base_s, way_s = quicker(self.line.bases), quicker(trips_s)
        if way_s > MOST_WAY * base_s:
            said = "a request without a model takes about as long: it says nothing of the way"
            result.missing["ttft.server_base_s"] = said
            return
        result.ttft.server_base_s = base_s - way_s
        result.missing.pop("ttft.server_base_s", None)

    def _point(self, rung: Rung) -> TtftPoint:
        counter = self._session.counter
        warm = [s for s in rung.warm if s.timed]
        claims = [c for s in warm if (c := counter.cached(s)) is not None]
        return TtftPoint(
            input_tokens=round(median([counter.input(s) for s in rung.cold])),
            cold_s=figure([s.ttft_s for s in rung.cold if s.timed], enough=3),
            warm_s=figure([s.ttft_s for s in warm], enough=3),
            cached_tokens=round(median(claims)) if claims else None,
        )

    def _sizes(self, context_tokens: int | None) -> list[int]:
        """Return a ladder that doubles, as long as the part can afford; on slow ones a short one.

        Slow is where five rungs would end below a thousand tokens.
        """
        if context_tokens is not None:
            self.most_tokens = min(self.most_tokens, int(context_tokens * 0.9) - 64)
        most = self.most_tokens
        long = self._ladder(most, STEPS, AGAIN)
        if long and long[-1] >= 1_000:
            return long
        self._session.economise()
        return self._ladder(most, 3, 1.1) or [LEAST_TOKENS]

    def _ladder(self, most: int, steps: int, factor: float) -> list[int]:
        session = self._session
        while most > LEAST_TOKENS:
            sizes = [most >> step for step in reversed(range(steps))]
            if sum(session.expected_s(size) for size in sizes) * factor <= session.left_s():
                break
            most = most * 3 // 4
        return [size for step in reversed(range(steps)) if (size := most >> step) >= LEAST_TOKENS]

    def _affordable(self, rung: Rung, first: bool) -> bool:
        session = self._session
        if rung.refused and not rung.cold:
            return False
        expected_s = session.expected_s(rung.tokens) * 1.3
        if session.room(expected_s, 2):
            return True
        if first:
            rung.refused = f"cold would take about {expected_s:.0f} s, more than this part has left"
        return False

    async def _climb(self, rung: Rung) -> None:
        session = self._session
        prompts = session.prompts
        messages = prompts.new("Go on.", session.counter.chars(rung.tokens))
        text = f"a new prompt of {rung.tokens} tokens"
        sample = await session.ask(messages, 1, text)
        if not sample.ok:
            rung.refused = sample.error
            return
        rung.cold.append(sample)
        rung.latest = messages
        if not rung.warm or rung.warm[-1].ttft_s < SAVES * sample.ttft_s:
            rung.warm.append(await session.ask(messages, 1, "the same prompt again"))

    async def _small(self) -> None:
        session = self._session
        for _ in range(SMALL_PER_ROUND):
            messages = session.prompts.new("Go on.")
            self._smalls.append(await session.ask(messages, 1, "a short new prompt"))
        await round_trip(session)  # beside them, since the way takes longer on a busy machine


def fit_with_break(points: list[Point]) -> tuple[Line, int | None, float]:
    """Fit a line to as many sizes as it holds for, from the smallest on.

    Returns the line, the first size that it misses by more than a fifth (None where it holds for
    all), and its greatest relative error before that. Needs two different sizes.
    """
    sizes = sorted({size for size, _ in _grouped(points)})
    whole = fit_line(points)
    if whole is None:
        raise ValueError("a line needs two sizes")
    if (error := _worst(whole, points)) <= MISSES:
        return whole, None, error
    for count in range(len(sizes) - 1, 2, -1):
        kept = [(x, y) for x, y in points if size_class(x) <= sizes[count - 1]]
        line = fit_line(kept)
        if line is not None and (error := _worst(line, kept)) <= MISSES:
            first = min(x for x, _ in points if size_class(x) == sizes[count])
            return line, round(first), error
    return whole, round(min(x for x, _ in points)), _worst(whole, points)


def _worst(line: Line, points: list[Point]) -> float:
    """Return the greatest relative error of a size that was measured at least twice.

    Single calls may be slow by chance, so the least time of a size stands for it. What is little
    beside the longest prompt's time breaks no fit: a short prompt's batch has its own efficiency.
    """
    longest_s = max(y for _, y in points)
    errors = [
        abs(line.at(x) - y) / max(y, LITTLE * longest_s)
        for _, group in _grouped(points)
        if len(group) > 1 and (y := min(y for _, y in group)) > 0
        for x in [median([x for x, _ in group])]
    ]
    return max(errors, default=0.0)


def _grouped(points: list[Point]) -> list[tuple[int, list[Point]]]:
    groups: dict[int, list[Point]] = {}
    for x, y in points:
        groups.setdefault(size_class(x), []).append((x, y))
    return sorted(groups.items())
