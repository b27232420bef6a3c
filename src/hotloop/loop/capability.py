"""Which dialect an endpoint understands: learned from its first real answers, and remembered.

The first request of a session is the check, so that it costs no call of its own: an endpoint that
refuses tools is asked by schema, one that refuses schemas in text; one that answers tool calls in
text is understood all the same. What it did is kept per endpoint and model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from hotloop import paths
from hotloop.actions.parse import Parsed
from hotloop.config import Config
from hotloop.errors import BackendError
from hotloop.loop.parts import Parts

_REFUSALS = (400, 404, 405, 415, 422, 500, 501)
_SIMPLER = {"native": "schema", "schema": "fenced", "terse": "fenced"}
_WORDS = ("tool", "function", "response_format", "schema", "grammar", "jinja", "unsupported")


class _Known(msgspec.Struct):
    dialect: str


def choose_dialect(config: Config, base_url: str, model: str, *, is_small: bool) -> str:
    """Return the dialect to begin with: as configured, as remembered, else the best guess."""
    if config.dialect != "auto":
        return config.dialect
    if is_small:
        return "terse"
    try:
        data = _file(base_url, model).read_bytes()
        return msgspec.json.decode(data, type=_Known).dialect
    except (OSError, msgspec.DecodeError):
        return "native"


def next_dialect(spoken: str, error: BackendError) -> str | None:
    """Return the dialect to try after an endpoint refused one, None for another kind of error."""
    said = error.cause.lower()
    if error.status in _REFUSALS and any(word in said for word in _WORDS):
        return _SIMPLER.get(spoken)
    return None


def remember(parts: Parts, spoken: str, parsed: Sequence[Parsed]) -> None:
    """Keep the dialect in which an endpoint gave its first valid action."""
    backend = parts.caller.backend
    if parts.is_small or not any(one.action is not None for one in parsed):
        return
    answered_in_text = not any(one.id for one in parsed)
    learned = "fenced" if spoken == "native" and answered_in_text else spoken
    file = _file(backend.base_url, backend.model)
    try:
        if file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(_Known(learned)))
    except OSError:
        return  # only a saving for the next session


def _file(base_url: str, model: str) -> paths.Path:
    key = hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()[:24]
    return paths.cache_dir() / "dialects" / f"{key}.json"
