"""The first calls: find out what the endpoint accepts, count its tokens, list its models."""

from __future__ import annotations

import asyncio
import time

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.endpoint import parse_base_url
from hotloop.errors import BackendError
from hotloop.probe.figure import figure
from hotloop.probe.result import DefectKind, Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.wire import kept_after_stream

SMALL_CHARS = 200
LARGER_CHARS = 2_000
LEAST_LARGER_CHARS = 800
CONTACT_SHARE = 0.05
"""The longer prompt should take at most this share of the probe's time."""
FRESH_ROUNDS = 7
ROUND_TRIP_S = 2.0
TRIES = 3
REJECTED = (400, 422)
Json = dict[str, object]
USAGE: Json = {"stream_options": {"include_usage": True}}
MANNERS: tuple[tuple[Json, str], ...] = (
    ({"temperature": 0, **USAGE}, "max_tokens"),
    (USAGE, "max_completion_tokens"),
    ({"temperature": 0}, "max_tokens"),
    ({}, "max_tokens"),
)
"""Request fields, from what is best to what every server accepts."""


class Unusable(Exception):
    """No call came back whole; the text says what the last one said. `kind` is the defect."""

    def __init__(self, cause: str, kind: DefectKind, next_step: str = "") -> None:
        super().__init__(cause)
        self.kind: DefectKind = kind
        self.next_step = next_step


class _Meta(msgspec.Struct):
    n_ctx: int | None = None
    n_ctx_train: int | None = None


class Listed(msgspec.Struct):
    """A model in the endpoint's list, with the names under which servers tell its context."""

    id: str
    max_model_len: int | None = None
    context_length: int | None = None
    context_window: int | None = None
    max_context_length: int | None = None
    meta: _Meta | None = None

    @property
    def context_tokens(self) -> int | None:
        """Return the longest context, None where the list does not say."""
        said = (self.max_model_len, self.context_length, self.context_window)
        meta = (self.meta.n_ctx, self.meta.n_ctx_train) if self.meta else ()
        return next((one for one in (*said, self.max_context_length, *meta) if one), None)


class _Listing(msgspec.Struct):
    data: list[Listed] = []


async def list_models(client: Client) -> list[Listed]:
    """Return the endpoint's models. Raises BackendError, also for a list that cannot be read."""
    endpoint = parse_base_url(client.base_url)
    path = endpoint.api_path.removeprefix(endpoint.root_path)
    body = await client.get(f"{path}/models")
    try:
        return msgspec.json.decode(body, type=_Listing).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackendError(f"the list of models cannot be read: {error}") from error


async def first_contact(session: Session, result: Result) -> None:
    """Find the fields that the endpoint accepts, then learn how it counts tokens.

    Raises Unusable when no call succeeds.
    """
    sample = await _first(session)
    await _larger(session, sample)
    counted = sample.usage is not None
    result.supports.stream_usage = counted
    result.supports.server_timings = sample.timings is not None


async def _first(session: Session) -> Sample:
    manners = iter(MANNERS)
    session.fields, session.limit_field = next(manners)
    while not (sample := await _patient(session)).ok:
        manner = next(manners, None)
        if manner is None or sample.status not in REJECTED:
            raise Unusable(sample.error, failure_kind(sample), sample.next_step)
        session.fields, session.limit_field = manner
    sample.steady = False  # it opened the connection
    return sample


async def _patient(session: Session) -> Sample:
    """Ask up to three times: one failure may be chance, but not a refusal or a hang."""
    tries = 1
    while True:
        session.forgive()
        sample = await _small(session, SMALL_CHARS)
        turned_away = 400 <= sample.status < 500
        hopeless = sample.timed_out or (turned_away and not session.waited_s)
        if sample.ok or hopeless or tries == TRIES:
            return sample
        tries += 1


def failure_kind(sample: Sample) -> DefectKind:
    """Return what is wrong with an endpoint whose first call ended like this."""
    begun = sample.piece_s or sample.marks.first_token_s or "cut off" in sample.error
    match sample.status:
        case 429:
            return "rate_limited"
        case 401 | 403 | 404:
            return "unreachable"
        case 0 if begun:
            return "breaks_off"
        case 0 if sample.timed_out or "chat completion" not in sample.error:
            return "unreachable"
        case _:
            return "not_openai"


async def _small(session: Session, chars: int, tokens: int = 16) -> Sample:
    prompts = session.prompts
    return await session.ask(prompts.new(prompts.story(), chars), tokens, "first contact")


async def _larger(session: Session, first: Sample) -> None:
    """Send a longer prompt, to learn how tokens are counted and how long they take.

    On a slow endpoint it is not much longer, lest it takes the time of what is to be measured.
    """
    most_s = CONTACT_SHARE * session.settings.time_s
    chars, tokens = LARGER_CHARS, 16
    if first.ttft_s * LARGER_CHARS / SMALL_CHARS > most_s:
        session.economise()
        wanted = int(SMALL_CHARS * most_s / first.ttft_s)
        chars, tokens = max(LEAST_LARGER_CHARS, min(LARGER_CHARS, wanted)), 4
    await _small(session, chars, tokens)


async def fresh_connections(session: Session, result: Result, api_key: str) -> None:
    """Find what a call on a new connection takes longer than one on a kept connection."""
    await _reuse(session, result, api_key)
    fresh: list[Sample] = []
    kept: list[Sample] = []
    for _ in range(FRESH_ROUNDS):
        if not session.room(2 * session.expected_s(100), 2):
            break
        await session.client.aclose()
        prompts = session.prompts
        fresh.append(await session.ask(prompts.new(prompts.story()), 1, "a new connection"))
        kept.append(await session.ask(prompts.new(prompts.story()), 1, "a kept connection"))
        await round_trip(session)
        fresh[-1].steady = False
    heads = [_to_headers_s(one) for one in fresh if one.ok]
    later = [_to_headers_s(one) for one in kept if one.timed]
    if not heads or not later:
        result.missing["connection.connect_s"] = "no time for calls on new connections"
        return
    usual = sorted(later)[len(later) // 2]
    result.connection.connect_s = figure([max(0.0, one - usual) for one in heads], enough=3)


async def round_trip(session: Session) -> None:
    """Time a request that no model has to answer; not again once it failed."""
    if not session.lists_models:
        return
    start_s = time.monotonic()
    try:
        async with asyncio.timeout(ROUND_TRIP_S):
            await session.client.list_models()
    except (BackendError, TimeoutError):
        session.lists_models = False
    else:
        session.round_trips_s.append(time.monotonic() - start_s)


async def _reuse(session: Session, result: Result, api_key: str) -> None:
    """Find whether a connection outlives a streamed answer, where it outlives a plain one."""
    found = result.connection
    if not found.reused:
        return
    kept = None
    if session.room(session.expected_s(100), 1):
        kept = await _kept(session, api_key)
    found.reused = kept
    if kept is not None:
        found.closes_after = "none" if kept else "stream"
    else:
        result.missing["connection.reused"] = "no time to see what follows a streamed answer"


async def _kept(session: Session, api_key: str) -> bool | None:
    messages = session.prompts.new(session.prompts.story())
    sample = Sample(asked_chars=sum(len(str(one["content"])) for one in messages), asked_tokens=1)
    session.spend("whether the connection is kept", sample)
    session.cost.input_tokens += session.counter.input(sample)
    session.cost.output_tokens += 1
    limit_s = max(session.settings.answer_s, 4 * session.expected_s(100))
    body = session.body(messages, 1, {})
    return await kept_after_stream(parse_base_url(session.client.base_url), api_key, body, limit_s)


def _to_headers_s(sample: Sample) -> float:
    return (sample.marks.headers_s or sample.start_s) - sample.start_s
