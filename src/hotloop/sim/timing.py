"""The timetable of one call as a pure function, and the draws that vary it."""

from __future__ import annotations

import math
import random

import msgspec

from hotloop.sim.profile import Fault, Profile


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When what happens in a call that shares the backend with no other, from its arrival."""

    headers_s: float
    first_token_s: float
    token_s: float
    end_s: float


def per_token_s(tokens_per_s: float) -> float:
    """Return the seconds that one token takes; a rate of 0 means none."""
    return 1 / tokens_per_s if tokens_per_s else 0.0


def timetable(
    profile: Profile,
    input_tokens: int,
    cached_tokens: int,
    output_tokens: int,
    structured: bool = False,
    *,
    slow: float = 1.0,
    fresh_connection: bool = False,
) -> Times:
    """Return when a call's headers, first token and end are due, seconds after its arrival.

    Token i (from 0) is due `i * token_s` after the first one, and the end one token later:
    the stop token is decoded too. `slow` is the call's draw from the profile's tail.
    """
    profile = profile.scaled()
    headers_s = (profile.connect_s if fresh_connection else 0.0) + profile.queue_s * slow
    prefill_s = (input_tokens - cached_tokens) * per_token_s(profile.prefill_tok_s)
    first_token_s = headers_s + (profile.ttft_base_s + prefill_s) * slow
    factor = profile.structured_factor if structured else 1.0
    token_s = per_token_s(profile.decode_tok_s) * factor * slow
    return Times(
        headers_s=headers_s,
        first_token_s=first_token_s,
        token_s=token_s,
        end_s=first_token_s + output_tokens * token_s,
    )


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """What chance decides about one call: how much slower it is, and how it fails."""

    slow: float = 1.0
    fault: Fault | None = None


def draw(profile: Profile, index: int) -> Draw:
    """Return the draw of the chat request number `index`: the same for the same seed."""
    source = random.Random(f"{profile.seed}/{index}")
    in_tail = source.random() < profile.tail.share
    slow = math.exp(abs(source.gauss(0.0, profile.tail.sigma))) if in_tail else 1.0
    struck = [f for f in profile.faults if index in f.at or source.random() < f.rate]
    return Draw(slow=slow, fault=struck[0] if struck else None)
