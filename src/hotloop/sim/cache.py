"""The prefix cache: how much of a prompt an engine has in its KV cache already."""

from __future__ import annotations

from hotloop.sim.profile import Cache

BYTES_PER_TOKEN = 4
MOST_ENTRIES = 64


def count_tokens(text: str | bytes) -> int:
    """Return the tokens of a text, deterministic and without a tokenizer: 4 bytes each."""
    data = text.encode() if isinstance(text, str) else text
    return -(-len(data) // BYTES_PER_TOKEN)


def common_prefix(first: bytes, second: bytes) -> int:
    """Return how many bytes two texts have in common at the start."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class PrefixCache:
    """Past prompts with the time of their last use; the oldest go first."""

    def __init__(self, settings: Cache) -> None:
        self._settings = settings
        self._used_s: dict[bytes, float] = {}

    def match(self, prompt: bytes, now_s: float) -> int:
        """Return the cached tokens of a prompt: whole blocks, and never all of it."""
        if not self._settings.enabled:
            return 0
        self._forget(now_s)
        best = max(self._used_s, key=lambda past: common_prefix(past, prompt), default=b"")
        tokens = min(common_prefix(best, prompt) // BYTES_PER_TOKEN, count_tokens(prompt) - 1)
        cached = tokens - tokens % self._settings.block_tokens
        if cached > 0:
            self._used_s[best] = now_s
        return max(cached, 0)

    def store(self, prompt: bytes, now_s: float) -> None:
        """Remember a prompt that was prefilled; it takes the place of its own prefixes."""
        if not prompt:
            return
        longer = next((past for past in self._used_s if past.startswith(prompt)), None)
        if longer is not None:
            self._used_s[longer] = now_s
            return
        kept = {past: at for past, at in self._used_s.items() if not prompt.startswith(past)}
        self._used_s = {**kept, prompt: now_s}
        while len(self._used_s) > MOST_ENTRIES:
            del self._used_s[min(self._used_s, key=self._used_s.__getitem__)]

    def _forget(self, now_s: float) -> None:
        self._used_s = {
            past: at for past, at in self._used_s.items() if now_s - at <= self._settings.ttl_s
        }
