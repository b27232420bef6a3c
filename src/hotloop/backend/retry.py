"""When to try a request again, and how long to wait before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential back-off with jitter, bounded in attempts and in the sum of its waits.

    A wait is `base_s` doubled per attempt, at most `cap_s`, scaled by a random factor of 0.5 to 1
    ("equal jitter", AWS Architecture Blog, 2015). A server's `Retry-After` replaces it. A wait
    that would pass `total_wait_s` is not made: the error comes at once instead.
    """

    attempts: int = 3
    base_s: float = 0.5
    cap_s: float = 8.0
    total_wait_s: float = 30.0

    def wait_s(
        self,
        attempt: int,
        waited_s: float,
        retry_after_s: float | None = None,
        rand: Callable[[], float] | None = None,
    ) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt` (from 1).

        Returns None when there is to be no further attempt. `rand` gives a number from 0 to 1.
        """
        if attempt >= self.attempts:
            return None
        wait = retry_after_s
        if wait is None:
            import random

            chance = (rand or random.random)()
            wait = min(self.cap_s, self.base_s * 2 ** (attempt - 1)) * (0.5 + chance / 2)
        return wait if waited_s + wait <= self.total_wait_s else None


class Retry(msgspec.Struct, frozen=True):
    """A note that a request failed and is tried again after `wait_s`. `attempt` counts from 1."""

    attempt: int
    wait_s: float
    cause: str


def retry_after_s(value: str, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` header (RFC 9110, 10.2.3): seconds, or a date.

    Returns None for an empty or unreadable value, 0.0 for a date in the past.
    """
    text = value.strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())
