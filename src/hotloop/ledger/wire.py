"""Events as JSON: redacted, always valid UTF-8, and with streamed text put together."""

from __future__ import annotations

from typing import cast

import msgspec

from hotloop.ledger.events import CallDelta, Channel, Event
from hotloop.ledger.redact import Redactor, default_redactor, split_open

_DECIMALS = 6


def encode(event: Event, redactor: Redactor | None = None) -> bytes:
    """Return the JSON of an event without its secrets."""
    redactor = redactor or default_redactor()
    try:
        encoded = msgspec.json.encode(event)
    except UnicodeEncodeError:  # half a surrogate pair, from a file name or a broken answer
        return msgspec.json.encode(redactor.value(_encodable(msgspec.to_builtins(event))))
    if not redactor.suspects(encoded):
        return encoded
    return msgspec.json.encode(redactor.value(msgspec.to_builtins(event)))


def rounded(value: object) -> object:
    """Return a JSON value with its floats rounded to six decimals (microseconds)."""
    match value:
        case float():
            return round(value, _DECIMALS)
        case list():
            return [rounded(item) for item in cast(list[object], value)]
        case dict():
            items = cast(dict[str, object], value).items()
            return {key: rounded(item) for key, item in items}
        case _:
            return value


def _encodable(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_encodable(item) for item in cast(list[object], value)]
        case dict():
            items = cast(dict[str, object], value).items()
            return {key: _encodable(item) for key, item in items}
        case _:
            return value


class DeltaBuffer:
    """Puts the pieces of streamed answers together, so that they are kept in few records.

    Pieces of one call and channel grow into one `call.delta` until `release`, or until
    another event of the same call has to come after them.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, Channel], CallDelta] = {}

    def add(self, event: Event) -> list[Event]:
        """Take an event; return those that are ready to be kept, in order."""
        if isinstance(event, CallDelta):
            self._grow(event)
            return []
        call = getattr(event, "call", None)
        if call is None:
            return [event]
        return [*self._take_call(cast(int, call)), event]

    def release(self, *, all_of_it: bool) -> list[Event]:
        """Return the gathered text; a possible secret at its end stays unless `all_of_it`."""
        ready: list[Event] = []
        for key, delta in list(self._open.items()):
            text, held = (delta.text, "") if all_of_it else split_open(delta.text)
            if text:
                ready.append(CallDelta(t_s=delta.t_s, call=key[0], channel=key[1], text=text))
            delta.text = held
            if not held:
                del self._open[key]
        return ready

    def __bool__(self) -> bool:
        return bool(self._open)

    def _grow(self, delta: CallDelta) -> None:
        key = (delta.call, delta.channel)
        kept = self._open.get(key)
        if kept is None:
            self._open[key] = CallDelta(
                t_s=delta.t_s, call=delta.call, channel=delta.channel, text=delta.text
            )
            return
        kept.text += delta.text

    def _take_call(self, call: int) -> list[Event]:
        keys = [key for key in self._open if key[0] == call]
        return [self._open.pop(key) for key in keys]
