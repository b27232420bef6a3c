"""The last probe of each endpoint and model: what a session knows of its backend beforehand.

Only what a session needs is read back, so that it costs next to nothing at its start.
"""

from __future__ import annotations

import hashlib
import os
import time
from statistics import median
from typing import TYPE_CHECKING, Literal

import msgspec

from hotloop import paths
from hotloop.ledger.events import CallEnd

if TYPE_CHECKING:
    from hotloop.levers.speed import Rates
    from hotloop.probe.result import Result

_VERSION = 1
_LEAST_CALLS = 3
_LEAST_TOKENS = 16
_LEAST_TAILS = 20
"""Small calls from which their p95 is more than their greatest."""
DRIFT = 1.5
"""A decode rate this many times off, up or down, is another backend than the one probed."""
_SLOW_TTFT = 2.0
_SLOW_TTFT_S = 0.2


class _Median(msgspec.Struct):
    median: float = 0.0


class _Supports(msgspec.Struct):
    dialect: Literal["native", "schema", "fenced"] | None = None


class _Ttft(msgspec.Struct):
    base_s: _Median | None = None
    prefill_tok_s: _Median | None = None
    prefill_free: bool = False


class _Decode(msgspec.Struct):
    rate_tok_s: _Median | None = None
    copy_ratio: float | None = None


class _Structured(msgspec.Struct):
    schema_ratio: float | None = None
    tool_ratio: float | None = None


class _Spread(msgspec.Struct):
    count: int = 0
    median: float = 0.0
    p95: float = 0.0


class _Tails(msgspec.Struct):
    ttft_s: _Spread | None = None


class _Verdict(msgspec.Struct):
    race_width: int | None = None


class Known(msgspec.Struct):
    """What was measured, as far as a session needs it. `started_at` is in Unix seconds."""

    schema_version: int = 0
    endpoint: str = ""
    model: str = ""
    started_at: float = 0.0
    supports: _Supports = msgspec.field(default_factory=_Supports)
    ttft: _Ttft = msgspec.field(default_factory=_Ttft)
    decode: _Decode = msgspec.field(default_factory=_Decode)
    structured: _Structured = msgspec.field(default_factory=_Structured)
    tails: _Tails = msgspec.field(default_factory=_Tails)
    verdict: _Verdict | None = None

    @property
    def dialect(self) -> Literal["native", "schema", "fenced"] | None:
        """How to write actions for the endpoint, as far as the probe could tell."""
        return self.supports.dialect

    @property
    def race_width(self) -> int | None:
        """How many candidates are worth asking for at once."""
        return None if self.verdict is None else self.verdict.race_width

    @property
    def decode_tok_s(self) -> float | None:
        """The decode rate of new text."""
        return None if self.decode.rate_tok_s is None else self.decode.rate_tok_s.median or None

    def rates(self) -> Rates | None:
        """Return what choosing between endpoints needs; None without a time to first token."""
        if self.ttft.base_s is None:
            return None
        from hotloop.levers.speed import Rates

        prefill, tails = self.ttft.prefill_tok_s, self.tails.ttft_s
        has_tails = tails is not None and tails.count >= _LEAST_TAILS and tails.median > 0
        return Rates(
            base_s=self.ttft.base_s.median,
            prefill_tok_s=prefill.median or None if prefill else None,
            decode_tok_s=self.decode_tok_s,
            late=tails.p95 / tails.median if tails and has_tails else None,
        )

    def ttft_s(self, new_tokens: int) -> float | None:
        """Return the expected time to first token of a prompt with so many uncached tokens."""
        if self.ttft.base_s is None:
            return None
        rate = self.ttft.prefill_tok_s
        slope_s = 1 / rate.median if rate is not None and rate.median > 0 else 0.0
        return self.ttft.base_s.median + new_tokens * slope_s


def store(result: Result) -> bool:
    """Keep a result for the sessions to come; say whether that was possible."""
    file = _file(result.endpoint, result.model)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}.new")
        new.write_bytes(msgspec.json.encode(result))
        new.replace(file)
    except OSError:
        return False
    return True


def load(base_url: str, model: str) -> Known | None:
    """Return what the last probe of an endpoint and model found; None where there is none."""
    try:
        known = msgspec.json.decode(_file(base_url, model).read_bytes(), type=Known)
    except (OSError, msgspec.DecodeError):
        return None
    return known if known.schema_version == _VERSION else None


def load_all(base_url: str) -> list[Known]:
    """Return what the last probes of all models of an endpoint found."""
    found: list[Known] = []
    for file in sorted(_folder().glob("*.json")):
        try:
            known = msgspec.json.decode(file.read_bytes(), type=Known)
        except (OSError, msgspec.DecodeError):
            continue  # as `load` has it: what cannot be read was never probed
        if known.schema_version == _VERSION and known.endpoint == base_url:
            found.append(known)
    return found


class Watch:
    """Compares the calls of a session with the probe of its endpoint. Tells a drift once."""

    def __init__(self, known: Known | None) -> None:
        self._known = known
        self._rates: list[float] = []
        self._waits: list[float] = []

    def seen(self, call: CallEnd) -> str:
        """Note a call; return what has drifted, in one sentence, or nothing."""
        known = self._known
        if known is None or call.error or call.backend or not call.usage.reported:
            return ""
        self._note(call, known)
        found = drift(known, self._rates, self._waits)
        if found:
            self._known = None
        return found

    def _note(self, call: CallEnd, known: Known) -> None:
        marks, usage = call.marks, call.usage
        first_s, last_s = marks.first_token_s, marks.last_token_s
        if first_s is None or last_s is None:
            return
        if usage.output_tokens >= _LEAST_TOKENS and last_s > first_s:
            self._rates.append((usage.output_tokens - 1) / (last_s - first_s))
        expected_s = known.ttft_s(max(0, usage.input_tokens - usage.cached_tokens))
        took_s = first_s - marks.start_s
        if expected_s is not None:
            slow = took_s > expected_s * _SLOW_TTFT and took_s > expected_s + _SLOW_TTFT_S
            self._waits.append(took_s / expected_s if slow and expected_s > 0 else 1.0)


def drift(known: Known, rates_tok_s: list[float], waits: list[float]) -> str:
    """Return how calls differ from the probe, or nothing; from three calls on.

    `waits` are times to first token over what was expected. The median counts. Structured output
    may be as much slower, and copied text as much quicker, as the probe saw.
    """
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.started_at))
    step = "measure it again with `hotloop probe`"
    probed = known.decode_tok_s
    if probed and len(rates_tok_s) >= _LEAST_CALLS:
        found = median(rates_tok_s)
        held = max(1.0, known.structured.schema_ratio or 1.0, known.structured.tool_ratio or 1.0)
        low = probed / held / DRIFT
        high = probed * max(1.0, known.decode.copy_ratio or 1.0) * DRIFT
        if not low <= found <= high:
            rates = f"{found:.1f} tokens/s, {probed:.1f} when it was probed ({since})"
            return f"the endpoint decodes {rates}: {step}"
    if len(waits) >= _LEAST_CALLS and median(waits) > 1.0:
        times = f"{median(waits):.1f} times as long as when it was probed ({since})"
        return f"the endpoint's first tokens take {times}: {step}"
    return ""


def _file(base_url: str, model: str) -> paths.Path:
    key = hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()[:24]
    return _folder() / f"{key}.json"


def _folder() -> paths.Path:
    return paths.state_dir() / "probes"
