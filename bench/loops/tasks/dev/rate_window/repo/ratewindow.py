"""A sliding-window rate limit: at most `limit` calls in any `period` seconds."""

from collections import deque


class RateWindow:
    """Counts calls of one client. Times are seconds of any steady clock."""

    def __init__(self, limit, period):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit = limit
        self.period = period
        self._calls = deque()

    def _forget(self, now):
        while self._calls and now - self._calls[0] > self.period:
            self._calls.popleft()

    def remaining(self, now):
        """Return how many calls are still allowed."""
        self._forget(now)
        return self.limit - len(self._calls)

    def allow(self, now):
        """Count a call and return True, or return False where it is one too many."""
        if self.remaining(now) == 0:
            return False
        self._calls.append(now)
        return True

    def wait_time(self, now):
        """Return the seconds until the next call is allowed."""
        if self.remaining(now) > 0:
            return 0
        return self._calls[0] + self.period - now


class Limits:
    """One window per client."""

    def __init__(self, limit, period):
        self.limit = limit
        self.period = period
        self._windows = {}

    def allow(self, client, now):
        """Count a call of a client."""
        if client not in self._windows:
            self._windows[client] = RateWindow(self.limit, self.period)
        return self._windows[client].allow(now)

    def retry_after(self, client, now):
        """Return the value of a Retry-After header: whole seconds, rounded up."""
        window = self._windows.get(client)
        wait = window.wait_time(now) if window else 0
        return int(-(-wait // 1))
