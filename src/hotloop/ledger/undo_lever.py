"""Take a lever out of a recorded session: what it overlapped or skipped happens after all.

What it was worth is the difference of the wall times. Where a session without the lever would
have said other things to the model, that difference cannot be known from its events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from hotloop.ledger.causes import Cause, Causes
from hotloop.ledger.events import ActionParsed, Event, LeverAccount, Outcome, SessionEnd
from hotloop.ledger.timeline import CallFacts, Span, Timeline

How = Literal["measured", "estimated", "own account", "unknown"]

_CHANGES_PROMPTS = {
    "prefetch": "without it the model would have been told less, and would have asked for it",
    "exact_edits": "without it the model would have quoted freely",
    "finish": "the call it spares was not made, so its answer is not known",
    "warm_tests": "a cold run of the same candidates was not made",
    "race": "the candidates would have been written and tested in another order",
    "ahead": "which guesses came true is not in the events",
}
# Of these what they cost is measured, and what they saved is not.
_HALF_MEASURED = {
    "hedge": "the requests that lost were closed, so what they would have taken is not known",
    "budget": "the answers that it limited might have been longer, how long is not known",
}
# What these do is in the events: where nothing is, they did nothing.
_TRACED = frozenset({"eager", "parallel", "slot_restore", "warm_start", "prefill_ahead"}) | {
    "hedge",
    "budget",
    "roles",
}
# Calls of these levers fill the cache, in a session's events under the lever's name.
_CALLS_OF = {"slot_restore": ("slot_restore", "warm_start"), "warm_start": ("warm_start",)}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a lever was worth: `worth_s` seconds of wall time, None where it cannot be known.

    `how` it is known: from measured overlaps, estimated, or from the lever's own account.
    """

    lever: str
    how: How
    worth_s: float | None
    with_s: float
    without_s: float | None
    why: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A session with the lever's overlaps undone."""

    timeline: Timeline
    causes: Causes


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """How to compute a session without a lever: anew by `plan`, or by adding `more_s`."""

    lever: str
    how: How
    why: str
    plan: Plan | None = None
    more_s: float = 0.0

    def verdict(self, with_s: float, without_s: float) -> Verdict:
        """Return the verdict for the two wall times."""
        known = self.how != "unknown"
        return Verdict(
            lever=self.lever,
            how=self.how,
            worth_s=without_s - with_s if known else None,
            with_s=with_s,
            without_s=without_s if known else None,
            why=self.why,
        )


def undo_lever(
    lever: str,
    events: Sequence[Event],
    timeline: Timeline,
    causes: Causes,
    *,
    prefill_known: bool,
) -> Undone:
    """Return how to compute a session without a lever.

    Tools that it started inside an answer start behind it; calls that it made to fill the cache
    are not made, and their tokens are prefilled when they are needed. `prefill_known`: the pace
    knows what that costs. Else the lever's own account counts, and where there is none, nothing.
    """
    purposes = _CALLS_OF.get(lever, (lever,))
    made = [one for one in timeline.spans if one.call and one.call.purpose in purposes]
    early = [
        one
        for one, cause in zip(timeline.spans, causes.starts, strict=True)
        if one.tool and one.tool.lever == lever and cause.streamed is not None
    ]
    if made:
        return _without_calls(lever, made, timeline, causes, prefill_known=prefill_known)
    if early:
        plan = Plan(timeline=timeline, causes=_late(early, causes))
        count = f"{len(early)} tool run{'s' * (len(early) != 1)}"
        why = f"{count} begun inside an answer would have begun behind it"
        return Undone(lever=lever, how="measured", why=why, plan=plan)
    if lever == "parallel" and (apart := _in_turn(timeline, causes)) is not None:
        why = "tools of one answer that ran side by side would have run one after the other"
        return Undone(lever=lever, how="measured", why=why, plan=apart)
    return _by_account(lever, events)


def _late(early: list[Span], causes: Causes) -> Causes:
    """Let tools that began inside a stream begin behind it."""
    starts = list(causes.starts)
    for span in early:
        call = starts[span.index].begun
        if call is not None:
            starts[span.index] = Cause(after=(call,))
    return msgspec.structs.replace(causes, starts=starts)


def _in_turn(timeline: Timeline, causes: Causes) -> Plan | None:
    """Let tools of one answer that overlapped run one after the other; None if none did."""
    starts = list(causes.starts)
    last: dict[int, Span] = {}
    found = False
    for span in timeline.spans:
        owner = span.tool.owner if span.tool else None
        if owner is None:
            continue
        before = last.get(owner)
        if before is not None and span.start_s < before.end_s:
            cause = starts[span.index]
            kept = cause.after if cause.begun is None else (cause.begun,)
            starts[span.index] = Cause(after=(*kept, before.index))
            found = True
        last[owner] = span
    changed = msgspec.structs.replace(causes, starts=starts)
    return Plan(timeline=timeline, causes=changed) if found else None


def _without_calls(
    lever: str, made: list[Span], timeline: Timeline, causes: Causes, *, prefill_known: bool
) -> Undone:
    tokens = [one.call.usage.input_tokens for one in made if one.call and not one.cancelled]
    why = f"{len(made)} call{'s' * (len(made) != 1)} of it would not have been made"
    if not prefill_known:
        why += ", but what their tokens cost later cannot be told: too few calls to fit a rate"
        return Undone(lever=lever, how="unknown", why=why)
    gone = {one.index for one in made}
    spans: list[Span] = []
    held = 0
    for span in timeline.spans:
        if span.index in gone:
            spans.append(_nothing(span))
            continue
        if call := span.call:
            if call.purpose == "step":
                span = _colder(span, call, held, warm=max(tokens, default=0))
            held = max(held, call.usage.input_tokens)
        spans.append(span)
    plan = Plan(timeline=msgspec.structs.replace(timeline, spans=spans), causes=causes)
    why += "; their tokens would have been prefilled when they were needed"
    return Undone(lever=lever, how="estimated", why=why, plan=plan)


def _nothing(span: Span) -> Span:
    """Return a call's place in the session, empty and without time."""
    return msgspec.structs.replace(span, call=None, end_s=span.start_s, cancelled=False)


def _colder(span: Span, call: CallFacts, held: int, *, warm: int) -> Span:
    """Return a call that finds in the cache only what the calls that remain left there.

    `warm` is the most that the lever's calls had sent: beyond that nothing came from them.
    """
    lost = max(0, min(call.usage.cached_tokens, warm) - held)
    return msgspec.structs.replace(span, call=msgspec.structs.replace(call, colder_tokens=lost))


def _by_account(lever: str, events: Sequence[Event]) -> Undone:
    accounts = [one for one in events if isinstance(one, LeverAccount) and one.lever == lever]
    if accounts and lever in _HALF_MEASURED:
        why = f"{_HALF_MEASURED[lever]}; to measure it, run the goal again with --without {lever}"
        return Undone(lever=lever, how="unknown", why=why)
    net_s = sum(one.saved_s - one.wasted_s for one in accounts)
    if any(one.saved_s or one.wasted_s for one in accounts):
        why = f"as it measured itself, {len(accounts)} times: no overlap of it can be undone here"
        return Undone(lever=lever, how="own account", why=why, more_s=net_s)
    if lever in _TRACED:
        return Undone(lever=lever, how="measured", why="it did nothing in this session")
    if lever == "finish" and not _was_spared(events):
        why = "it ended nothing here: the model said that it was done, or the tests stayed red"
        return Undone(lever=lever, how="measured", why=why)
    why = _CHANGES_PROMPTS.get(lever, "it left no trace in this session")
    why += f"; to measure it, run the goal again with --without {lever}"
    return Undone(lever=lever, how="unknown", why=why)


def _was_spared(events: Sequence[Event]) -> bool:
    """Say whether green tests ended the session without the model's word."""
    end = next((one for one in events if isinstance(one, SessionEnd)), None)
    done = any(isinstance(one, ActionParsed) and one.tool == "done" for one in events)
    return end is not None and end.outcome is Outcome.SOLVED and not done
