"""One probe from the first connection to the result: the parts in order, each with its share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from hotloop import __version__
from hotloop.backend.client import Client
from hotloop.backend.endpoint import parse_base_url
from hotloop.backend.retry import RetryPolicy
from hotloop.config import Timeouts
from hotloop.errors import BackendError
from hotloop.probe.contact import (
    Unusable,
    failure_kind,
    first_contact,
    fresh_connections,
    list_models,
)
from hotloop.probe.decode import DecodePart
from hotloop.probe.defects import find_defects
from hotloop.probe.ends import Enough, GivenUp, Spent
from hotloop.probe.figure import figure
from hotloop.probe.neighbours import NeighboursPart
from hotloop.probe.parallel import ParallelPart
from hotloop.probe.parts import Part, TtftPoint
from hotloop.probe.prefix_cache import PrefixCachePart
from hotloop.probe.prompts import Prompts
from hotloop.probe.result import Defect, Result, Stopped
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import OnProgress, Settings, Target
from hotloop.probe.structured import StructuredPart
from hotloop.probe.supports import SupportsPart, choose_dialect
from hotloop.probe.tails import TailsPart
from hotloop.probe.ttft import TtftPart
from hotloop.probe.wire import visit_endpoint

RETRY = RetryPolicy(attempts=2, base_s=0.25, total_wait_s=5.0)
"""A probe notes failures more than it overcomes them."""
LIST_S = 4.0
LIST_SHARE = 0.2
"""The list of models may take so long, and this share of all the time."""
Step = Callable[[], Awaitable[None]]


class Run:
    """One probe. `measure`, then `conclude`, whatever happened in between."""

    def __init__(self, target: Target, settings: Settings, on_progress: OnProgress | None) -> None:
        seed = time.time_ns() if settings.seed is None else settings.seed
        client = _client(target, settings, self)
        self.session = session = Session(client, settings, Prompts(seed), on_progress)
        self.result = Result(
            hotloop_version=__version__,
            endpoint=client.base_url,
            model=target.model,
            started_at=time.time(),
            seed=seed,
        )
        self._api_key = target.api_key.strip()
        self._stopped: Stopped = ""
        self._ttft = TtftPart(session)
        self._decode = DecodePart(session, self._ttft)
        self._structured = StructuredPart(session, self._decode)
        self._cache = PrefixCachePart(session, self._ttft)
        self._parallel = ParallelPart(session)
        self._neighbours = NeighboursPart(session, self._decode, self._structured)
        self._supports = SupportsPart(session)
        self._tails = TailsPart(session)

    async def measure(self) -> None:
        """Measure part after part. Raises Unusable when the endpoint answers no call at all."""
        self.session.begin("connection", 1.0)
        await self._connect()
        await first_contact(self.session, self.result)
        steps = self._steps()
        for number, (part, share, step) in enumerate(steps):
            left = sum(later for _, later, _ in steps[number:])
            self.session.begin(part, share / left)
            await self._guarded(part, step)

    def stopped(self, how: Stopped) -> None:
        """Note why not everything was measured."""
        self._stopped = how

    def unusable(self, error: Unusable) -> None:
        """Note that nothing can be measured, and why."""
        result = self.result
        self._stopped = "unreachable"
        defect = Defect(kind=error.kind, text=str(error), next_step=error.next_step)
        result.defects.append(defect)
        for part, _, _ in self._steps()[1:]:
            result.missing.setdefault(part, str(error))
        begun = [s for s in self._tried() if s.marks.first_token_s]
        if begun:  # it breaks off, but how soon it begins is known
            tokens = self.session.counter.input(begun[0])
            cold_s = figure([s.ttft_s for s in begun])
            result.ttft.points = [TtftPoint(input_tokens=tokens, cold_s=cold_s)]

    def spent(self, error: Spent) -> None:
        """Note that the first calls used up a limit of the probe, and how far they came."""
        if error.what != "time":
            cause = f"the first calls used up the {error.what} of the probe"
            self.unusable(Unusable(cause, "unreachable", "allow it more"))
            return
        call = self.session.cut_short
        if call is None:  # not even the list of models left time for one
            call = Sample(asked_chars=0, asked_tokens=0)
            call.late(self.session.settings.time_s)
        cause = f"{call.error}, and the time of the probe was over"
        self.unusable(Unusable(cause, failure_kind(call), call.next_step))

    def _tried(self) -> list[Sample]:
        call = self.session.cut_short
        return [*self.session.samples, *([call] if call else [])]

    def conclude(self) -> Result:
        """Return all that was found."""
        result, session = self.result, self.session
        result.tokens = session.counter.tokens
        if self._stopped != "unreachable":
            self._conclude_parts()
        heads = [s.headers_s for s in session.samples if s.timed]
        result.connection.headers_s = figure(heads)
        result.cost, prices = session.cost, session.settings.prices
        result.cost.time_s = time.monotonic() - session.started_s
        result.cost.stopped = self._stopped
        if prices:
            cost = result.cost
            cost.money = prices.of(cost.input_tokens, cost.cached_tokens, cost.output_tokens)
        return result

    def _conclude_parts(self) -> None:
        result = self.result
        result.connection.round_trip_s = figure(self.session.round_trips_s)
        if result.connection.round_trip_s is None:
            result.missing["connection.round_trip_s"] = "the endpoint lists no models"
        self._ttft.conclude(result)
        line = self._ttft.line
        self._decode.conclude(result, self._tails.calls, self._cache.turns)
        self._structured.conclude(result, line)
        self._supports.conclude(result)
        self._cache.conclude(result, line)
        if result.prefix_cache.works:
            self._ttft.conclude(result, cached=True)
        self._parallel.conclude(result)
        self._neighbours.conclude(result)
        self._tails.conclude(result)
        result.supports.dialect = choose_dialect(result, self._supports.calls_by_itself())
        waits = self._neighbours.waits_for_decode()
        result.defects += find_defects(
            result,
            self.session.samples,
            waits_for_decode=waits,
            waited_s=self.session.waited_s,
        )

    def _steps(self) -> list[tuple[Part, float, Step]]:
        """Return the parts, each with its share of all time and requests."""
        result = self.result
        return [
            ("connection", 0.05, lambda: fresh_connections(self.session, result, self._api_key)),
            ("ttft", 0.20, lambda: self._ttft.run(result)),
            ("decode", 0.13, self._decode.run),
            ("structured", 0.18, self._structured.run),
            ("supports", 0.03, self._supports.run),
            ("prefix_cache", 0.13, self._cache.run),
            ("parallel", 0.10, self._parallel.run),
            ("parallel", 0.07, self._neighbours.run),
            ("tails", 0.11, self._tails.run),
        ]

    async def _guarded(self, part: Part, step: Step) -> None:
        """Run a part; that it fails or finds no budget left is noted, and the next one begins."""
        missing = self.result.missing
        try:
            await step()
        except GivenUp as error:
            missing[part] = str(error)
        except Enough:
            missing.setdefault(part, "its share of the budget did not suffice for all of it")
        except Spent as spent:
            self._stopped = spent.what
            missing.setdefault(part, f"the probe had no {spent.what} left")

    async def _connect(self) -> None:
        result = self.result
        endpoint = parse_base_url(result.endpoint)
        settings = self.session.settings
        limit_s = min(LIST_S, LIST_SHARE * settings.time_s, settings.answer_s)
        try:
            result.connection = await visit_endpoint(endpoint, result.missing, limit_s)
        except BackendError as error:
            result.missing["connection"] = error.cause
            raise Unusable(error.cause, "unreachable", error.next_step) from error
        client = self.session.client
        try:
            async with asyncio.timeout(limit_s):
                models = await list_models(client)
        except (BackendError, TimeoutError):
            models = []  # only helps: a call says more about the endpoint
        if not client.model and models:
            client.model = result.model = models[0].id
        chosen = next((one for one in models if one.id == client.model), None)
        result.supports.context_tokens = chosen.context_tokens if chosen else None


def _client(target: Target, settings: Settings, run: Run) -> Client:
    """Return a client whose marks are monotonic times and which tells the probe of retries."""
    return Client(
        target.base_url,
        target.model,
        target.api_key,
        timeouts=Timeouts(first_byte_s=settings.time_s, chunk_s=settings.time_s),
        retry=RETRY,
        session_start_s=0.0,
        on_retry=lambda retry: run.session.retried(retry),
        api_key_env=target.api_key_env,
    )
