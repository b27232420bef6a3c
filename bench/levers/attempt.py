"""`python attempt.py SEED run …`: hotloop, whose model is asked for something else with each seed.

hotloop asks a small model with temperature 0, so a second session would say what the first said.
For attempts in sequence that are independent, answers are sampled: at `WARMTH`, the temperature
that hotloop itself takes for second answers, with seeds that follow from SEED. SEED 0 is hotloop as
it is. A script of the bench, so that hotloop needs no switch that nobody else wants.
"""

from __future__ import annotations

import sys
from typing import Any

from hotloop.loop.asking import Asking
from hotloop.loop.caller import CallResult
from hotloop.ui.entry import main

WARMTH = 0.9
_APART = 1_000


def sample(seed: int) -> None:
    """Have the small model's answers sampled from now on, in this process."""
    as_it_is = Asking.ask

    async def ask(
        self: Asking, begun: str = "", *, or_progress: bool = False, **params: Any
    ) -> CallResult | None:
        warm = {"temperature": WARMTH} | params
        warm["seed"] = _APART * seed + params.get("seed", 0)
        return await as_it_is(self, begun, or_progress=or_progress, **warm)

    Asking.ask = ask


if __name__ == "__main__":
    if number := int(sys.argv.pop(1)):
        sample(number)
    main()
