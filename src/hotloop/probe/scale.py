"""A loop made smaller, so that running it for real takes a bounded time on a slow endpoint."""

from __future__ import annotations

import msgspec

from hotloop.probe.loopmodel import rows_s
from hotloop.probe.rates import Rates
from hotloop.probe.shapes import Loop, Step

LEAST_SCALE = 0.01
LEAST_OUTPUT_TOKENS = 4
_HALVINGS = 12


def scaled(loop: Loop, scale: float) -> Loop:
    """Return a loop of the same calls in the same order with `scale` times the tokens in each.

    An answer keeps a few tokens at least. Pauses stay as long as they are.
    """

    def smaller(step: Step) -> Step:
        parts = tuple(
            msgspec.structs.replace(
                part, output_tokens=max(LEAST_OUTPUT_TOKENS, round(part.output_tokens * scale))
            )
            for part in step.parts
        )
        return msgspec.structs.replace(
            step,
            parts=parts,
            new_tokens=round(step.new_tokens * scale),
            warm_tokens=round(step.warm_tokens * scale),
            fixed_tokens=round(step.fixed_tokens * scale),
        )

    return loop if scale == 1.0 else tuple(smaller(step) for step in loop)


def model_s(rates: Rates, loop: Loop) -> float:
    """Return the projected seconds of a loop's calls, without tests and tools."""
    pauses_s = sum(step.pause_s + step.after_s for step in loop)
    return sum(rows_s(rates, loop).values()) - pauses_s


def scale_within(rates: Rates, loop: Loop, limit_s: float) -> float:
    """Return the greatest scale at which a loop's calls take `limit_s`; 1 where all of it does.

    Never less than a hundredth, even if that takes longer.
    """
    if model_s(rates, loop) <= limit_s:
        return 1.0
    low, high = LEAST_SCALE, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if model_s(rates, scaled(loop, middle)) <= limit_s:
            low = middle
        else:
            high = middle
    return float(f"{low:.2g}") if low > LEAST_SCALE else LEAST_SCALE
