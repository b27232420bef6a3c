"""Decode rate and inter-token latency: new text, copied text, and behind long contexts."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.probe.counting import Counter
from hotloop.probe.figure import Figure, figure
from hotloop.probe.fit import median
from hotloop.probe.parts import DecodePoint
from hotloop.probe.prompts import Message
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.tails import usual
from hotloop.probe.ttft import Rung, TtftPart

ROUNDS = 6
MIN_ROUNDS = 3
STORIES = 7
CALL_S = 0.6
FEWEST_TOKENS, LEAST_TOKENS, MOST_TOKENS = 8, 24, 128
LEAST_CALLS = 3
CONTEXT_TOKENS = 24
SPECULATES = 1.3
"""Copied text that decodes faster than new text by this factor was drafted."""
BURST_PIECES = 3


def token_s(sample: Sample, counter: Counter) -> float | None:
    """Return the seconds per output token after the first ones, None where it cannot be known.

    The last tokens of an answer that ends by itself are not shown: blanks, and the one that ends
    it. Where they were counted, the end is when they were done.
    """
    tokens = counter.output(sample)
    if not sample.timed or len(sample.piece_s) < BURST_PIECES or tokens < BURST_PIECES:
        return None
    ended = sample.finish == "stop" and not sample.calls
    unseen = ended and counter.trusted and tokens > len(sample.piece_s)
    return sample.token_s(tokens, sample.marks.end_s if unseen else None)


def rate_figure(samples: Sequence[Sample], counter: Counter) -> Figure | None:
    """Return the decode rate of calls, one value per call, in tokens per second."""
    rates = [1 / each for s in samples if (each := token_s(s, counter))]
    return figure(rates, enough=4, sure="low" if counter.doubt else None, why=counter.doubt)


def usual_calls(calls: Sequence[Sample], small: Sequence[Sample], counter: Counter) -> list[Sample]:
    """Return `calls` without those that are slow as a whole by chance; all where none is usual.

    Of a few calls most may be slow, so that the `small` ones, of which there are many, decide with
    them what is usual. How often calls are slow, and how slow, is told of the small ones.
    """
    paces = sorted(pace for s in (*calls, *small) if (pace := token_s(s, counter)))
    if not paces:
        return list(calls)
    _, most_s = usual(paces)
    return [s for s in calls if (token_s(s, counter) or most_s) <= most_s] or list(calls)


def gaps_figure(samples: Sequence[Sample]) -> Figure | None:
    """Return the inter-token latency of calls, one value per gap between two arrivals."""
    return figure([gap for s in samples if s.timed for gap in s.gaps_s()], enough=50)


def longest_gap_s(samples: Sequence[Sample]) -> float | None:
    """Return the longest stall in a stream."""
    return max((gap for s in samples if s.timed for gap in s.gaps_s()), default=None)


def _together_share(samples: Sequence[Sample]) -> float | None:
    """Return the share of pieces that came together with the one before."""
    pieces = sum(len(s.piece_s) for s in samples)
    return 1 - sum(len(s.arrivals) for s in samples) / pieces if pieces else None


def _pieces(sample: Sample) -> int:
    return len(sample.piece_s)


class DecodePart:
    """Long answers in turn: a story, a copy, and a story behind each size of context."""

    def __init__(self, session: Session, ttft: TtftPart) -> None:
        self._session = session
        self._ttft = ttft
        self.novel: list[Sample] = []
        self._most = MOST_TOKENS
        self._copied: list[Sample] = []
        self._behind: list[Sample] = []

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        tokens = self._session.tokens_for(LEAST_TOKENS, FEWEST_TOKENS, LEAST_CALLS)
        self._most = MOST_TOKENS if tokens == LEAST_TOKENS else tokens
        await self._story(self._tokens())  # one more than copies: of two, one slow one decides
        for number in range(ROUNDS):
            tokens = self._tokens()
            cost_s = 2 * self._session.expected_s(60, tokens)
            needed = 1 if tokens < LEAST_TOKENS else 2
            if number >= needed and not self._session.room(cost_s, 2):
                break
            await self._both(tokens)
            if number == MIN_ROUNDS - 1:
                await self._contexts()
        if not self._behind:
            await self._contexts()
        while len(self.novel) < STORIES and self._session.room(
            self._session.expected_s(60, self._tokens())
        ):
            await self._story(self._tokens())

    def conclude(
        self, result: Result, small: Sequence[Sample] = (), deep: Sequence[Sample] = ()
    ) -> None:
        """Write what was found into the result.

        `small` are many short answers of new text, `deep` those of a conversation.
        """
        counter, found = self._session.counter, result.decode
        found.rate_tok_s = rate_figure(usual_calls(self.novel, small, counter), counter)
        found.itl_s = gaps_figure(self.novel)
        found.longest_stall_s = longest_gap_s(self.novel)
        longest = max((s for s in self.novel if s.timed), key=_pieces, default=None)
        if longest is not None:
            found.timeline_s = [at - longest.start_s for at in longest.piece_s]
        groups = [[s] for s in reversed(self._behind) if s.timed]
        found.by_context = [
            self._point(group) for group in (*groups, [s for s in deep if s.timed]) if group
        ]
        found.copied_tok_s = rate_figure(self._copied, counter)
        found.chunk_tokens = figure(
            [counter.output(s) / len(s.piece_s) for s in self.novel if s.timed and s.piece_s]
        )
        found.together_share = _together_share([s for s in self.novel if s.timed])
        if found.rate_tok_s is None:
            result.missing["decode.rate_tok_s"] = self._why()
        if found.rate_tok_s and found.copied_tok_s:
            found.copy_ratio = found.copied_tok_s.median / found.rate_tok_s.median
            found.speculation = found.copy_ratio > SPECULATES
        else:
            result.missing["decode.copy_ratio"] = "new or copied text could not be timed"

    def _why(self) -> str:
        answered = [s for s in self.novel if s.ok]
        if not answered:
            return next((s.error for s in self.novel if s.error), "the part was not reached")
        if max(len(s.piece_s) for s in answered) < BURST_PIECES:
            return "answers come in one piece: nothing streams"
        return "answers were too short"

    def _point(self, samples: Sequence[Sample]) -> DecodePoint:
        counter = self._session.counter
        return DecodePoint(
            context_tokens=round(median([counter.input(s) for s in samples])),
            rate_tok_s=rate_figure(samples, counter),
            itl_s=gaps_figure(samples),
            longest_stall_s=longest_gap_s(samples),
        )

    def _tokens(self) -> int:
        return round(min(self._most, max(LEAST_TOKENS, CALL_S / self._session.token_s)))

    async def _story(self, tokens: int) -> None:
        session, prompts = self._session, self._session.prompts
        self.novel.append(await session.ask(prompts.new(prompts.story()), tokens, "new text"))

    async def _both(self, tokens: int) -> None:
        session, prompts = self._session, self._session.prompts
        await self._story(tokens)
        characters = round(tokens * session.counter.tokens.chars_per_token)
        task = prompts.copy(characters)
        self._copied.append(await session.ask(prompts.new(task), tokens, "copied text"))

    async def _contexts(self) -> None:
        """Decode behind the prompts of the TTFT ladder, which are in the prefix cache by now."""
        session = self._session
        rungs = [rung for rung in self._ttft.rungs if rung.latest]
        for rung in rungs[::-2]:
            cost_s = self._warm_s(rung) + CONTEXT_TOKENS * session.token_s
            if not session.room(cost_s):
                continue
            task: Message = {"role": "user", "content": session.prompts.story()}
            messages = [*rung.latest[:-1], task]
            text = f"decoding behind {rung.tokens} tokens"
            self._behind.append(await session.ask(messages, CONTEXT_TOKENS, text))

    def _warm_s(self, rung: Rung) -> float:
        warm = [s.ttft_s for s in rung.warm if s.timed]
        return median(warm) if warm else self._session.expected_s(rung.tokens)
