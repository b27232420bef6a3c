"""The probe's side of the wire: sends calls within a budget and keeps what came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.retry import Retry
from hotloop.errors import BackendError
from hotloop.probe.counting import Counter
from hotloop.probe.ends import Enough, GivenUp, Spent
from hotloop.probe.fit import Recent, fit_line, median
from hotloop.probe.parts import Part
from hotloop.probe.prompts import Message, Prompts
from hotloop.probe.result import Cost
from hotloop.probe.sample import Sample, collect
from hotloop.probe.settings import OnProgress, Progress, Settings

T = TypeVar("T")
PATIENCE = 4.0
"""A call may take this many times what was expected of it before it is given up, and as many times
that as there are calls beside it: they may run one after the other."""
LEAST_LIMIT_S = 10.0
BORROWED = 0.12
"""What a part must measure at least may take this share of what is left for the later ones."""
MOST_FAILURES = 3
"""After so many failed calls in a row a part is given up."""
LEAST_TOKEN_S = 1e-4
KNOWN_POINTS = 60
"""So many of the latest times make the estimate of what a call will take."""


class Session:
    """Calls one endpoint. `fields` are the request fields that it was found to accept.

    `beside` is how many calls are made at once: each may take that much longer. `cut_short` is the
    call that was under way when the time was over. `waited_s` is what it waited because the server
    asked for it.
    """

    def __init__(
        self, client: Client, settings: Settings, prompts: Prompts, on_progress: OnProgress | None
    ) -> None:
        self.client = client
        self.settings = settings
        self.prompts = prompts
        self.counter = Counter()
        self.samples: list[Sample] = []
        self.fields: dict[str, object] = {"temperature": 0}
        self.limit_field = "max_tokens"
        self.cost = Cost()
        self.started_s = time.monotonic()
        self._on_progress = on_progress
        self._part: Part = "connection"
        self._part_ends_s = self.ends_s
        self._part_over_s = self.ends_s
        self._part_requests = self._part_over = settings.requests
        self._failures = 0
        self.round_trips_s: list[float] = []
        self.lists_models = True
        self.cut_short: Sample | None = None
        self.waited_s = 0.0
        self.beside = 1
        self._under_way: list[Sample] = []
        self._retries_s: dict[asyncio.Task[object] | None, list[float]] = {}
        self._ttft = Recent()
        self._token_s: list[float] = []

    @property
    def ends_s(self) -> float:
        """Return the monotonic time at which everything ends."""
        return self.started_s + self.settings.time_s

    def extend(self, seconds: float) -> None:
        """Count waiting that the user asked for as no part of the probe's time."""
        self.started_s += seconds
        self._part_ends_s += seconds
        self._part_over_s += seconds

    def begin(self, part: Part, share: float) -> None:
        """Start a part that may use a share of the time and requests that are left."""
        now_s = time.monotonic()
        self._part = part
        self._failures = 0
        left_s, left = self.ends_s - now_s, self.settings.requests - self.cost.requests
        over = share + (1 - share) * BORROWED
        self._part_ends_s = now_s + left_s * share
        self._part_over_s = now_s + left_s * over
        self._part_requests = self.cost.requests + max(1, int(left * share))
        self._part_over = self.cost.requests + max(1, int(left * over))

    def forgive(self) -> None:
        """Forget the failures so far."""
        self._failures = 0

    def left_s(self) -> float:
        """Return the seconds that this part still has."""
        return self._part_ends_s - time.monotonic()

    def room(self, expected_s: float, requests: int = 1) -> bool:
        """Whether this part can afford calls that take so long in all."""
        if self.cost.requests + requests > min(self._part_requests, self.settings.requests):
            return False
        return expected_s <= self.left_s()

    def tokens_for(self, usual: int, least: int, calls: float, input_tokens: float = 60) -> int:
        """Return how many tokens each of so many answers may have in the time of this part.

        That is `usual` unless the endpoint is too slow for it; then the report will say so.
        """
        spare_s = self.left_s() / calls - self.expected_s(input_tokens, 0)
        tokens = max(least, min(usual, int(spare_s / self.token_s)))
        if tokens < usual:
            self.economise()
        return tokens

    def economise(self) -> None:
        """Note that this part makes do with less than usual."""
        if self._part not in self.cost.economised:
            self.cost.economised.append(self._part)

    def expected_s(self, input_tokens: float, output_tokens: float = 1) -> float:
        """Return what a call with a new prompt should take, by what was seen so far."""
        points = self._ttft.points()
        if (line := fit_line(points)) is not None:
            ttft_s = max(line.base, 0.0) + max(line.slope, 0.0) * input_tokens
        else:
            ttft_s = median([y for _, y in points]) if points else 0.5
        return ttft_s + output_tokens * self.token_s

    @property
    def token_s(self) -> float:
        """Return the seconds per output token as seen so far."""
        recent = self._token_s[-KNOWN_POINTS:]
        return max(LEAST_TOKEN_S, median(recent)) if recent else 0.02

    async def ask(
        self, messages: Sequence[Message], tokens: int, text: str, **fields: object
    ) -> Sample:
        """Make one call of at most `tokens` output tokens; a failure is noted in the sample.

        Raises Spent when the budget is used up, Enough when the part's share of it is, GivenUp
        after too many failures in a row.
        """
        return await self._ask(messages, tokens, text, fields, None)

    async def ask_watched(
        self, messages: Sequence[Message], tokens: int, text: str, begun: asyncio.Event
    ) -> Sample:
        """Do what `ask` does, and set `begun` when the answer is well under way."""
        return await self._ask(messages, tokens, text, {}, begun)

    async def _ask(
        self,
        messages: Sequence[Message],
        tokens: int,
        text: str,
        fields: dict[str, object],
        begun: asyncio.Event | None,
    ) -> Sample:
        sample = Sample(asked_chars=_chars(messages), asked_tokens=tokens)
        sample.steady = not self._failures
        self.spend(text, sample)
        body = self.body(messages, tokens, fields)
        self._under_way.append(sample)
        try:
            await self._call(body, sample, begun)
        finally:
            self._under_way.remove(sample)
        self._keep(sample)
        await self._wait_out(sample)
        return sample

    async def together(self, calls: Sequence[Awaitable[Sample]]) -> list[Sample]:
        """Make calls at the same time. Raises what the first of them raised, after all ended."""
        self.beside = len(calls)
        try:
            ended = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            self.beside = 1
        failed = [one for one in ended if isinstance(one, BaseException)]
        if failed:
            raise failed[0]
        return [one for one in ended if isinstance(one, Sample)]

    def body(self, messages: Sequence[Message], tokens: int, fields: dict[str, object]) -> bytes:
        """Return the bytes of a request."""
        request: dict[str, object] = {"model": self.client.model, "stream": True}
        request |= {**self.fields, **fields, "messages": messages, self.limit_field: tokens}
        return msgspec.json.encode(request)

    def retried(self, retry: Retry) -> None:
        """Note that the client tries a call again after a wait."""
        again_s = time.monotonic() + retry.wait_s
        self._retries_s.setdefault(asyncio.current_task(), []).append(again_s)

    async def _call(self, body: bytes, sample: Sample, begun: asyncio.Event | None) -> None:
        beside = self.beside if begun is None else 2
        limit_s = min(self._patience_s(sample) * beside, self.ends_s - time.monotonic())
        sample.start_s = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                await self._converse(body, sample, begun)
        except TimeoutError:
            if time.monotonic() >= self.ends_s - 0.001:
                sample.late(limit_s)
                self.cut_short = sample
                raise Spent("time") from None
            sample.late(limit_s)
        except BackendError as error:
            sample.error, sample.status = error.cause, error.status
            sample.next_step, sample.asked_wait_s = error.next_step, error.retry_after_s

    async def _converse(self, body: bytes, sample: Sample, begun: asyncio.Event | None) -> None:
        task = asyncio.current_task()
        try:
            await collect(self.client, body, sample, begun)
        finally:
            if again_s := self._retries_s.pop(task, []):
                sample.retries = len(again_s)
                sample.steady = False
                sample.start_s = again_s[-1]

    def spend(self, text: str, sample: Sample) -> None:
        """Count a call about to be made. Raises Spent or Enough where it is one too many."""
        limits, cost = self.settings, self.cost
        begun = [*self._under_way, sample]
        input_tokens = cost.input_tokens + sum(self.counter.input(one) for one in begun)
        output_tokens = cost.output_tokens + sum(one.asked_tokens for one in begun)
        if cost.requests >= limits.requests:
            raise Spent("requests")
        if input_tokens > limits.input_tokens or output_tokens > limits.output_tokens:
            raise Spent("tokens")
        if time.monotonic() >= self.ends_s:
            raise Spent("time")
        if time.monotonic() >= self._part_over_s or cost.requests >= self._part_over:
            raise Enough
        cost.requests += 1
        if self._on_progress is not None:
            self._on_progress(self._progress(text))

    def _progress(self, text: str) -> Progress:
        return Progress(
            part=self._part,
            text=text,
            elapsed_s=time.monotonic() - self.started_s,
            time_s=self.settings.time_s,
            requests=self.cost.requests,
            most_requests=self.settings.requests,
            input_tokens=self.cost.input_tokens,
            output_tokens=self.cost.output_tokens,
        )

    def _patience_s(self, sample: Sample) -> float:
        if not self._ttft.points():
            return self.settings.answer_s
        expected_s = self.expected_s(self.counter.input(sample), sample.asked_tokens) * self.beside
        return max(min(LEAST_LIMIT_S, self.settings.answer_s), PATIENCE * expected_s)

    async def _wait_out(self, sample: Sample) -> None:
        """Wait as long as a server asked for that turned a call away, if time is left after it."""
        wait_s = sample.asked_wait_s
        if sample.ok or wait_s is None or time.monotonic() + wait_s >= self.ends_s:
            return
        self.waited_s += wait_s
        await asyncio.sleep(wait_s)

    def _keep(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.counter.learn(sample)
        if sample.usage is not None:
            self.cost.input_tokens += sample.usage.input_tokens
            self.cost.cached_tokens += sample.usage.cached_tokens
            self.cost.output_tokens += sample.usage.output_tokens
        else:
            self.cost.input_tokens += self.counter.input(sample)
            self.cost.output_tokens += self.counter.output(sample)
        if sample.timed:
            self._estimate(sample)
        self._failures = 0 if sample.ok else self._failures + 1
        if self._failures >= MOST_FAILURES:
            raise GivenUp(f"{self._failures} calls in a row failed, the last one: {sample.error}")

    def _estimate(self, sample: Sample) -> None:
        cached = self.counter.cached(sample) or 0
        self._ttft.add(self.counter.input(sample) - cached, sample.ttft_s)
        pieces = len(sample.piece_s)
        if pieces > 4:
            self._token_s.append(sample.token_s(pieces) or 0.0)


def _chars(messages: Sequence[Message]) -> int:
    return sum(len(str(message.get("content") or "")) for message in messages)
