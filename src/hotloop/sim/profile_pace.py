"""A latency profile as the pace at which a recorded session is recomputed."""

from __future__ import annotations

from hotloop.ledger.pace import CallShape, CallTimes
from hotloop.sim.profile import Profile
from hotloop.sim.timing import draw, timetable


class ProfilePace:
    """The timetable of `hotloop sim` with a profile, its seeded slow tail included.

    Faults are left out: what a client does about them depends on chance.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile.scaled()
        self.slots = profile.slots
        self.share_cost = profile.share_cost

    def times(self, shape: CallShape) -> CallTimes:
        """Return when a call's first token and its end are due on this backend."""
        cached = self._cached(shape)
        due = timetable(
            self.profile,
            shape.input_tokens,
            cached if self.profile.cache.saves_time else 0,
            shape.output_tokens,
            shape.structured,
            slow=draw(self.profile, shape.number).slow,
            fresh_connection=shape.fresh,
        )
        return CallTimes(first_s=due.first_token_s, end_s=due.end_s, cached_tokens=cached)

    def _cached(self, shape: CallShape) -> int:
        cache = self.profile.cache
        if not cache.enabled or (shape.idle_s is not None and shape.idle_s > cache.ttl_s):
            return 0
        tokens = max(0, min(shape.cached_tokens, shape.input_tokens - 1))
        return tokens - tokens % cache.block_tokens
