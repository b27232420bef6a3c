"""What a long call does to a short one beside it: prefill against decode, decode against tools."""

from __future__ import annotations

import asyncio

from hotloop.probe.decode import DecodePart, gaps_figure, longest_gap_s
from hotloop.probe.figure import figure
from hotloop.probe.fit import median
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.schemas import notes_schema, response_format
from hotloop.probe.session import Session
from hotloop.probe.structured import StructuredPart

ROUNDS = 3
LONG_TOKENS, FEWEST_LONG_TOKENS = 128, 24
SHORT_TOKENS = 40
LEAST_PREFILL, MOST_PREFILL = 64, 8_192
STALLS = 0.5
"""A neighbour that got nothing for this share of a prefill was held up by it."""
FITS = 0.45
"""The prefill is to take this share of the neighbour's time, so that it ends within it."""


class NeighboursPart:
    """Starts one call, and another one beside it once the first is under way."""

    def __init__(self, session: Session, decode: DecodePart, structured: StructuredPart) -> None:
        self._session = session
        self._tokens = LONG_TOKENS
        self._alone = decode.novel
        self._structured = structured
        self._beside_prefill: list[tuple[Sample, Sample]] = []
        self._short_alone: list[Sample] = []
        self._short_beside: list[tuple[Sample, Sample]] = []

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        session = self._session
        self._tokens = session.tokens_for(LONG_TOKENS, FEWEST_LONG_TOKENS, 1)
        for number in range(ROUNDS):
            cost_s = 3 * session.expected_s(100, self._tokens)
            if number and not session.room(cost_s, 5):
                return
            await self._prefill_beside()
            if not number and not session.room(2 * session.expected_s(100, SHORT_TOKENS), 3):
                session.economise()
                return
            await self._short_call_beside()

    def conclude(self, result: Result) -> None:
        """Write what was found into the result."""
        found = result.parallel
        found.neighbour_alone_itl_s = gaps_figure(self._alone)
        met = [(victim, other) for victim, other in self._beside_prefill if _met(victim, other)]
        if met:
            found.neighbour_itl_s = gaps_figure([victim for victim, _ in met])
            found.prefill_s = median([other.ttft_s for _, other in met])
            counter = self._session.counter
            found.prefill_tokens = round(median([counter.input(other) for _, other in met]))
            found.neighbour_stall_s = median([_stall_s(victim, other) for victim, other in met])
            shares = [_stall_s(victim, other) / other.ttft_s for victim, other in met]
            usual_s = longest_gap_s(self._alone) or 0.0
            stalled = median(shares) > STALLS and found.neighbour_stall_s > 1.5 * usual_s
            found.chunked_prefill = not stalled
        else:
            result.missing["parallel.chunked_prefill"] = self._why_not_met()
        found.short_alone_s = figure([s.latency_s for s in self._short_alone if s.timed], enough=3)
        beside = [s.latency_s for s, _ in self._short_beside if s.timed]
        found.short_beside_s = figure(beside, enough=3)
        if found.short_alone_s and found.short_beside_s:
            found.short_ratio = found.short_beside_s.median / found.short_alone_s.median
        else:
            result.missing["parallel.short_ratio"] = "no short call came back beside a long one"

    def waits_for_decode(self) -> bool:
        """Whether short calls began only when the long one had ended."""
        seen = [(s, long) for s, long in self._short_beside if s.timed and long.timed]
        late = [
            (s.marks.first_token_s or 0.0) >= (long.marks.last_token_s or 0.0) for s, long in seen
        ]
        return bool(late) and sum(late) * 2 > len(late)

    def _why_not_met(self) -> str:
        if not any(v.timed and o.timed for v, o in self._beside_prefill):
            return "no pair of calls came back"
        return "the prefill only began when the call beside it had ended: one at a time"

    async def _prefill_beside(self) -> None:
        session, prompts = self._session, self._session.prompts
        tokens = self._prefill_tokens()
        long_prompt = prompts.new("Go on.", session.counter.chars(tokens))
        victim = await self._long("a call with a prefill beside it")
        other = session.ask(long_prompt, 1, f"a prefill of {tokens} tokens beside it")
        pair = await session.together([victim, other])
        self._beside_prefill.append((pair[0], pair[1]))

    async def _short_call_beside(self) -> None:
        session = self._session
        self._short_alone.append(await self._short("a short structured call alone"))
        long = await self._long("a long answer beside a short call")
        short = self._short("a short structured call beside it")
        pair = await session.together([long, short])
        self._short_beside.append((pair[1], pair[0]))

    def _prefill_tokens(self) -> int:
        """Return a prompt size whose prefill ends while the neighbour still decodes."""
        session = self._session
        span_s = FITS * LONG_TOKENS * session.token_s
        tokens = LEAST_PREFILL
        most = min(MOST_PREFILL, session.settings.most_tokens)
        while 2 * tokens <= most and session.expected_s(2 * tokens) < span_s:
            tokens *= 2
        return tokens

    async def _long(self, text: str) -> asyncio.Future[Sample]:
        """Begin a long answer; return when it is well under way, or has ended."""
        session, prompts = self._session, self._session.prompts
        begun = asyncio.Event()
        task = prompts.new(prompts.story())
        call = asyncio.ensure_future(session.ask_watched(task, self._tokens, text, begun))
        waiting = asyncio.ensure_future(begun.wait())
        try:
            await asyncio.wait([call, waiting], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            call.cancel()
            raise
        finally:
            waiting.cancel()
        return call

    async def _short(self, text: str) -> Sample:
        session, prompts = self._session, self._session.prompts
        schema = not self._structured.no_schema
        fields = response_format(notes_schema(1, strict_sizes=False)) if schema else {}
        return await session.ask(prompts.new(prompts.files(1)), SHORT_TOKENS, text, **fields)


def _met(victim: Sample, other: Sample) -> bool:
    """Whether a prefill took place while its neighbour was decoding."""
    if not (victim.timed and other.timed and len(victim.piece_s) > 2):
        return False
    began, ended = victim.piece_s[0], victim.piece_s[-1]
    first_s = other.marks.first_token_s or 0.0
    return began < other.start_s and first_s < ended


def _stall_s(victim: Sample, other: Sample) -> float:
    """Return the neighbour's longest gap between two pieces that the prefill overlaps."""
    first_s = other.marks.first_token_s or 0.0
    gaps = [
        later - earlier
        for earlier, later in zip(victim.piece_s, victim.piece_s[1:], strict=False)
        if earlier < first_s and later > other.start_s
    ]
    return max(gaps, default=0.0)
