"""Calls side by side from one prefix: latency of each, total rate, slots and the knee."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.probe.decode import gaps_figure, token_s
from hotloop.probe.figure import figure
from hotloop.probe.fit import median, quicker
from hotloop.probe.parts import FanOut
from hotloop.probe.prompts import Message
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session

PREFIX_TOKENS = 400
TOKENS, FEWEST_TOKENS = 32, 8
ROUNDS = 3
FIRST = 0.2
"""The prefix may take this share of the part's time."""
SERIAL = 1.5
"""One call after the other, all widths may take so many times what the part has left."""
INSTANT_S = 0.01
"""Answers that stream for less than this end before others begin, slots or not."""
GAINS = 1.1
"""A width that gains less than this over the best smaller one is past the knee."""


class ParallelPart:
    """Fans out 1, 2, 4, 8 … calls from one warm prefix, the widest first."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tokens = TOKENS
        self._batches: dict[int, list[list[Sample]]] = {}

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        session = self._session
        prefix_tokens = self._prefix_tokens()
        prefix = session.prompts.prefix(session.counter.chars(prefix_tokens))
        widths = self._widths(prefix_tokens)
        self._tokens = session.tokens_for(TOKENS, FEWEST_TOKENS, sum(widths) / 2, 40)
        await session.ask([*prefix, self._task()], 1, "a prefix to fan out from")
        await self._open(max(widths))
        for number in range(ROUNDS):
            for width in widths:
                cost_s = (1 + width / 4) * session.expected_s(40, self._tokens)
                needed = not number and (width < 4 or widths[0] > 1)
                if not needed and not session.room(cost_s, width):
                    return
                batch = await self._fan_out(prefix, width)
                self._batches.setdefault(width, []).append(batch)

    def conclude(self, result: Result) -> None:
        """Write what was found into the result."""
        found = result.parallel
        for width in sorted(self._batches):
            found.fan_out.append(self._row(width, self._batches[width]))
        if not found.fan_out:
            result.missing["parallel.fan_out"] = "the part was not reached"
            return
        if len(found.fan_out) > 1:
            found.knee = _knee(found.fan_out)
        else:
            result.missing["parallel.knee"] = (
                f"only {found.fan_out[0].width} calls at once were made"
            )
        widest = max(self._batches)
        if self._instant(widest):
            result.missing["parallel.slots"] = "answers are too quick to see whether others wait"
        else:
            found.slots = self._slots()
            if found.slots is None:
                result.missing["parallel.slots"] = f"none of {widest} calls at once had to wait"
        found.share_cost = self._share_cost(found.slots or widest)
        if found.share_cost is None:
            result.missing["parallel.share_cost"] = "no two calls ran side by side"

    def _row(self, width: int, batches: list[list[Sample]]) -> FanOut:
        counter = self._session.counter
        calls = [s for batch in batches for s in batch]
        timed = [s for s in calls if s.timed]
        walls: list[float] = []
        rates: list[float] = []
        for batch in batches:
            good = [s for s in batch if s.timed]
            if len(good) < width:
                continue
            wall_s = max(s.marks.end_s or 0.0 for s in good) - min(s.start_s for s in good)
            walls.append(wall_s)
            rates.append(sum(counter.output(s) for s in good) / wall_s)
        return FanOut(
            width=width,
            latency_s=figure([s.latency_s for s in timed]),
            ttft_s=figure([s.ttft_s for s in timed]),
            itl_s=gaps_figure(timed),
            wall_s=median(walls) if walls else None,
            total_tok_s=median(rates) if rates else None,
            errors=sum(not s.ok for s in calls),
        )

    def _instant(self, width: int) -> bool:
        calls = [s for batch in self._batches[width] for s in batch if s.timed]
        return median([s.latency_s - s.ttft_s for s in calls]) < INSTANT_S if calls else True

    def _slots(self) -> int | None:
        """Return how many calls of the widest batch began to be answered before any had ended.

        A call that waited for a place cannot have; None where all had, in the best batch.
        """
        widest = max(self._batches)
        wave = max(_first_wave(batch) for batch in self._batches[widest])
        return wave if wave < widest else None

    def _share_cost(self, slots: int) -> float | None:
        """Return by how much each further call lengthens the time per token of one."""
        alone = self._token_s(1)
        widths = [w for w in self._batches if 1 < w <= slots]
        costs = [
            (each / alone - 1) / (width - 1)
            for width in widths
            if alone and (each := self._token_s(width))
        ]
        return max(0.0, costs[-1] if len(costs) < 2 else median(costs)) if costs else None

    def _token_s(self, width: int) -> float | None:
        """Return the pace of the quicker calls: a few are slow by chance, whatever the width."""
        counter = self._session.counter
        calls = [s for batch in self._batches.get(width, []) for s in batch]
        values = [each for s in calls if (each := token_s(s, counter))]
        return quicker(values) if values else None

    async def _open(self, width: int) -> None:
        """Open all connections that will be needed, so that opening them costs no batch time."""
        session, prompts = self._session, self._session.prompts
        await session.together(
            [session.ask(prompts.new("Go on."), 1, "opening connections") for _ in range(width)]
        )

    async def _fan_out(self, prefix: list[Message], width: int) -> list[Sample]:
        session = self._session
        text = f"{width} calls at once"
        calls = [session.ask([*prefix, self._task()], self._tokens, text) for _ in range(width)]
        session.beside = width
        try:
            return await session.together(calls)
        finally:
            session.beside = 1

    def _prefix_tokens(self) -> int:
        tokens = PREFIX_TOKENS
        while tokens > 50 and self._session.expected_s(tokens) > FIRST * self._session.left_s():
            tokens //= 2
        return tokens

    def _widths(self, prefix_tokens: int) -> list[int]:
        """Return the widths to try, the greatest first.

        On a slow endpoint the least first, as far as the time goes, and not the greatest. Slots
        that do not share a cache prefill the prefix once more each.
        """
        session = self._session
        widths = _widths(session.settings.max_width)
        cold_s = session.expected_s(prefix_tokens + 40, FEWEST_TOKENS)
        while len(widths) > 2 and widths[-1] * cold_s / 2 > session.left_s():
            widths.pop()
        calls_s = sum(widths) * session.expected_s(40, FEWEST_TOKENS)
        if calls_s <= SERIAL * session.left_s():
            return widths[::-1]
        session.economise()
        while len(widths) > 2 and widths[-1] * calls_s / sum(widths) > session.left_s():
            widths.pop()
        return widths

    def _task(self) -> Message:
        prompts = self._session.prompts
        return {"role": "user", "content": f"{prompts.story()} {prompts.nonce()}"}


def _widths(most: int) -> list[int]:
    widths = [1]
    while widths[-1] * 2 <= most:
        widths.append(widths[-1] * 2)
    return widths


def _first_wave(batch: Sequence[Sample]) -> int:
    good = [s for s in batch if s.ok and s.marks.first_token_s and s.marks.end_s]
    first_end_s = min((s.marks.end_s or 0.0 for s in good), default=0.0)
    return sum((s.marks.first_token_s or 0.0) < first_end_s for s in good) + len(batch) - len(good)


def _knee(rows: Sequence[FanOut]) -> int:
    knee, best = rows[0].width, rows[0].total_tok_s or 0.0
    for row in rows[1:]:
        if row.total_tok_s and row.total_tok_s >= GAINS * best:
            knee, best = row.width, row.total_tok_s
    return knee
