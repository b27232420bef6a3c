"""A cache with a weight limit: the entry used longest ago goes first."""

from collections import OrderedDict

from weightcache.stats import Stats


class WeightCache:
    """Keeps entries while the sum of their weights is at most `limit`."""

    def __init__(self, limit, weigh=len):
        if limit <= 0:
            raise ValueError("limit must be positive")
        self.limit = limit
        self.weigh = weigh
        self.stats = Stats()
        self.weight = 0
        self._entries = OrderedDict()

    def __len__(self):
        return len(self._entries)

    def __contains__(self, key):
        return key in self._entries

    def get(self, key, default=None):
        """Return a value and mark it as just used."""
        if key not in self._entries:
            self.stats.misses += 1
            return default
        self.stats.hits += 1
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key, value):
        """Store a value; False where it is heavier than the whole cache may be."""
        weight = self.weigh(value)
        if weight > self.limit:
            return False
        if key in self._entries:
            self.drop(key)
        self._entries[key] = value
        self.weight += weight
        self._shrink()
        return True

    def drop(self, key):
        """Forget a key."""
        value = self._entries.pop(key, None)
        if value is not None:
            self.weight -= self.weigh(value)

    def _shrink(self):
        while self.weight > self.limit:
            oldest = next(iter(self._entries))
            self.drop(oldest)
            self.stats.evicted += 1
