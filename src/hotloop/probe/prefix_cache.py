"""What the prefix cache really saves, against what the endpoint says it saves."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator

from hotloop.probe.figure import figure
from hotloop.probe.fit import Line, median
from hotloop.probe.parts import IdlePoint, Turn
from hotloop.probe.prompts import Message, one_byte_changed
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.ttft import SAVES, Rung, TtftPart

ROUNDS = 4
TURNS = 5
TURN_TOKENS = 150
STRANGERS = 3
FEWEST_TOKENS, LEAST_TOKENS, MOST_TOKENS = 100, 500, 6_000
PREFILL_S = 0.25
"""A prompt that takes so long to prefill shows a cache plainly."""
SEEN_S, SEEN_SHARE = 0.02, 0.2
"""A prefill shows what a cache saves of it if it takes so long, also beside the base."""
HALF = 0.5
IDLE_SHARE = 0.15
CUTS = 6
LEAST_CLAIMS = 5
MOST_BLOCK_TOKENS = 512


class PrefixCachePart:
    """Sends prompts again: unchanged, changed early, grown, after strangers, after a while."""

    def __init__(self, session: Session, ttft: TtftPart) -> None:
        self._session = session
        self._ttft = ttft
        self._tokens = LEAST_TOKENS
        self._cold: list[Sample] = []
        self._same: list[Sample] = []
        self._changed: list[Sample] = []
        self.turns: list[Sample] = []
        self._after_strangers: list[Sample] = []
        self._idle: list[tuple[float, Sample]] = []
        self._grown: list[Sample] = []

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        session = self._session
        self._tokens = self._size()
        await self._round()
        await self._blocks()
        await self._grow()
        await self._strangers()
        for _ in range(1, ROUNDS):
            if not session.room(2.5 * session.expected_s(self._tokens), 3):
                break
            await self._round()
        if session.settings.idle_s:
            session.begin("prefix_cache", IDLE_SHARE)
        for wait_s in session.settings.idle_s:
            await self._wait(wait_s)

    def conclude(self, result: Result, line: Line | None) -> None:
        """Write what was found into the result; `line` is the fit of the time to first token."""
        found, counter = result.prefix_cache, self._session.counter
        cold, same = _ttfts(self._cold), _ttfts(self._same)
        found.cold_s, found.same_s = figure(cold, enough=3), figure(same, enough=3)
        found.changed_s = figure(_ttfts(self._changed), enough=3)
        found.growing = self._growing(line)
        if not cold or not same:
            result.missing["prefix_cache.works"] = "no prompt could be sent twice"
            return
        found.input_tokens = round(median([counter.input(s) for s in self._cold if s.timed]))
        found.saved_s = figure([median(cold) - one for one in same], enough=3)
        claims = [c for s in self._same if s.timed and (c := counter.cached(s)) is not None]
        found.claimed_tokens = figure(claims, enough=3)
        if not result.supports.cached_tokens:
            result.missing["prefix_cache.claimed_tokens"] = "the endpoint claims no cached tokens"
        self._judge(result, line)
        self._block_size(result)
        self._survival(result, median(cold), median(same))

    def _judge(self, result: Result, line: Line | None) -> None:
        """Compare each repeated prompt with what the fit says of a new one of its size.

        All sizes count together, so that a few calls that are slow by chance change nothing. Of
        sizes that the fit does not hold for, the new prompt's own time stands for it.
        """
        found, counter = result.prefix_cache, self._session.counter
        most = result.ttft.breaks_at_tokens or math.inf
        if line is None or result.ttft.prefill_free or line.slope <= 0:
            result.missing["prefix_cache.works"] = "the size of a prompt costs no time to be saved"
            return
        base_s = max(0.0, line.base)
        seen: list[tuple[Sample, float, float]] = []
        for repeat, new_s in self._repeats():
            size = counter.input(repeat)
            prefill_s = line.slope * size if size < most else new_s - base_s
            if prefill_s > max(SEEN_S, SEEN_SHARE * base_s):
                seen.append((repeat, line.base + prefill_s, prefill_s))
        if not seen:
            result.missing["prefix_cache.works"] = "no prompt was long enough to see it"
            return
        shares = [(new_s - s.ttft_s) / prefill_s for s, new_s, prefill_s in seen]
        found.hit_share = min(1.0, max(0.0, median(shares)))
        found.works = found.hit_share > HALF
        claims = [c / counter.input(s) for s, _, _ in seen if (c := counter.cached(s)) is not None]
        if not claims or not result.supports.cached_tokens:
            return
        claimed = found.claimed_tokens.median if found.claimed_tokens else 0.0
        found.claimed_s = claimed * line.slope
        if median(claims) > 0:
            found.honest = found.hit_share > HALF * median(claims)

    def _repeats(self) -> Iterator[tuple[Sample, float]]:
        """Yield each prompt that was sent again, with what it took when it was new."""
        for new, again in zip(self._cold, self._same, strict=False):
            if new.timed and again.timed:
                yield again, new.ttft_s
        for rung in self._ttft.rungs:
            if new_s := _ttfts(rung.cold):
                yield from ((again, median(new_s)) for again in rung.warm if again.timed)

    def _block_size(self, result: Result) -> None:
        """Take the greatest number that divides every claim: caches keep whole blocks."""
        counter = self._session.counter
        claims = {c for s in self._session.samples if s.ok and (c := counter.cached(s))}
        if len(claims) < LEAST_CLAIMS:
            key = "prefix_cache.block_tokens"
            result.missing[key] = f"{len(claims)} different claims, {LEAST_CLAIMS} wanted"
            return
        block = math.gcd(*claims)
        if block <= MOST_BLOCK_TOKENS:
            result.prefix_cache.block_tokens = block

    def _survival(self, result: Result, cold_s: float, same_s: float) -> None:
        found = result.prefix_cache
        after = _ttfts(self._after_strangers)
        found.strangers_s = figure(after, enough=3)
        middle_s = (cold_s + same_s) / 2
        if not found.works:
            result.missing["prefix_cache.survives_strangers"] = "no cache was seen to work"
        elif after:
            found.survives_strangers = median(after) < middle_s
        else:
            result.missing["prefix_cache.survives_strangers"] = "the part had no time left for it"
        counter = self._session.counter
        found.idle = [
            IdlePoint(
                wait_s=wait_s,
                ttft_s=s.ttft_s,
                cached_tokens=counter.cached(s),
                kept=s.ttft_s < middle_s,
            )
            for wait_s, s in self._idle
            if s.timed
        ]

    def _growing(self, line: Line | None) -> list[Turn]:
        counter = self._session.counter
        turns: list[Turn] = []
        before = 0
        for sample in (s for s in self.turns if s.timed):
            tokens = counter.input(sample)
            turns.append(
                Turn(
                    input_tokens=tokens,
                    new_tokens=tokens - before,
                    cached_tokens=counter.cached(sample),
                    ttft_s=sample.ttft_s,
                    expected_cold_s=line.at(tokens) if line else None,
                )
            )
            before = tokens
        return turns

    def _size(self) -> int:
        """Return a prompt size whose prefill can be seen, and paid a dozen times."""
        session = self._session
        most = min(MOST_TOKENS, session.settings.most_tokens)
        size = LEAST_TOKENS
        while size * 2 <= most and session.expected_s(size) - session.expected_s(0) < PREFILL_S:
            size *= 2
        while size > FEWEST_TOKENS and 8 * session.expected_s(size) > session.left_s():
            session.economise()
            size //= 2
        return size

    async def _round(self) -> None:
        session, prompts = self._session, self._session.prompts
        messages = prompts.new("Go on.", session.counter.chars(self._tokens))
        self._cold.append(await session.ask(messages, 1, "a new prompt"))
        self._same.append(await session.ask(messages, 1, "the same prompt again"))
        changed = one_byte_changed(messages)
        self._changed.append(await session.ask(changed, 1, "one byte changed early"))

    async def _grow(self) -> None:
        """Hold a conversation as an agent does: each turn adds an answer and a tool's output."""
        session, prompts = self._session, self._session.prompts
        messages = self._begun()
        for turn in range(TURNS):
            if turn > 1 and not session.room(session.expected_s(TURN_TOKENS, 8)):
                return
            sample = await session.ask(messages, 8, f"turn {turn + 1} of a conversation")
            if not sample.ok:
                return
            self.turns.append(sample)
            output = prompts.code(session.counter.chars(TURN_TOKENS + 17 * turn))
            answer: Message = {"role": "assistant", "content": sample.text or "Go on."}
            observed: Message = {"role": "user", "content": output}
            messages = [*messages, answer, observed]

    def _begun(self) -> list[Message]:
        """Return how the conversation begins: with a long prompt that the cache was seen to keep.

        What a token costs deep in a conversation is then known without a long prefill.
        """
        prompts, counter = self._session.prompts, self._session.counter
        most = min(MOST_TOKENS, self._ttft.most_tokens - TURNS * 2 * TURN_TOKENS)
        kept = (r for r in self._ttft.rungs if r.tokens <= most and _kept(r))
        deepest = max(kept, key=_tokens, default=None)
        story = prompts.story()
        if deepest is None or deepest.tokens <= self._tokens // 2:
            return prompts.new(story, counter.chars(self._tokens // 2))
        task: Message = {"role": "user", "content": story}
        return [*deepest.latest[:-1], task]

    async def _blocks(self) -> None:
        """Cut one prompt at odd lengths, so that the claimed tokens show the size of a block."""
        session, prompts = self._session, self._session.prompts
        if not any(session.counter.cached(sample) for sample in self._same):
            return
        text = str(prompts.prefix(session.counter.chars(self._tokens))[0]["content"])
        whole: Message = {"role": "system", "content": text}
        go: Message = {"role": "user", "content": "Go on."}
        if not session.room(3 * session.expected_s(self._tokens), CUTS + 1):
            return
        await session.ask([whole, go], 1, "a prompt to be cut")
        for number in range(CUTS):
            share = 0.93 - 0.071 * number
            cut: Message = {"role": "system", "content": text[: int(len(text) * share)]}
            await session.ask([cut, go], 1, "a prompt that was cut")

    async def _strangers(self) -> None:
        session, prompts = self._session, self._session.prompts
        cost_s = 3 * session.expected_s(self._tokens)
        if not session.room(cost_s, STRANGERS + 2):
            return
        characters = session.counter.chars(self._tokens)
        kept = prompts.new("Go on.", characters)
        await session.ask(kept, 1, "a prompt to be kept")
        others = [prompts.new("Go on.", characters) for _ in range(STRANGERS)]
        await session.together([session.ask(one, 1, "strangers") for one in others])
        self._after_strangers.append(await session.ask(kept, 1, "the prompt after strangers"))

    async def _wait(self, wait_s: float) -> None:
        session, prompts = self._session, self._session.prompts
        kept = prompts.new("Go on.", session.counter.chars(self._tokens))
        await session.ask(kept, 1, "a prompt to be left alone")
        start_s = time.monotonic()
        await asyncio.sleep(wait_s)
        session.extend(time.monotonic() - start_s)
        self._idle.append((wait_s, await session.ask(kept, 1, f"the prompt after {wait_s:g} s")))


def _tokens(rung: Rung) -> int:
    return rung.tokens


def _kept(rung: Rung) -> bool:
    """Whether the cache was seen to keep a prompt of the ladder."""
    cold, warm = _ttfts(rung.cold), _ttfts(rung.warm)
    return bool(cold and warm) and warm[-1] < SAVES * cold[-1]


def _ttfts(samples: list[Sample]) -> list[float]:
    return [sample.ttft_s for sample in samples if sample.timed]
