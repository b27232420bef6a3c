"""Which dialect an endpoint understands: learned from its first real answers, and remembered.

The first request of a session is the check, so that it costs no call of its own: an endpoint that
refuses tools is asked by schema, one that refuses schemas in text; one that answers tool calls in
text is understood all the same. What it did is kept per endpoint and model. A probe knows it too:
the later of the two counts.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from hotloop import paths
from hotloop.actions.parse import Parsed
from hotloop.backend.types import Backend
from hotloop.config import Config
from hotloop.errors import BackendError
from hotloop.loop.caller import Caller
from hotloop.probe.cached import load

_REFUSALS = (400, 404, 405, 415, 422, 500, 501)
_SIMPLER = {"native": "schema", "schema": "fenced", "terse": "fenced"}
_WORDS = (
    "extra",
    "function",
    "grammar",
    "jinja",
    "not permitted",
    "response_format",
    "schema",
    "support",
    "tool",
    "unknown",
    "unrecognized",
)


class _Known(msgspec.Struct):
    dialect: Literal["native", "schema", "fenced"]


class _Lark(msgspec.Struct):
    held: bool


_PROOF = "held-to-it"
_LARK_CHECK = {
    "messages": [{"role": "user", "content": "Count to three."}],
    "max_tokens": 12,
    "stream": True,
    "temperature": 0,
    "grammar": f'%llguidance {{}}\nstart: "{_PROOF}"',
}


def choose_dialect(config: Config, base_url: str, model: str, *, is_small: bool) -> str:
    """Return the dialect to begin with: configured, remembered or probed, else the best guess.

    The embedded model gets the one in which its edits hold best (docs/benchmarks.md).
    """
    if config.dialect != "auto":
        return config.dialect
    if is_small:
        return "schema"
    file = _file(base_url, model)
    probed = load(base_url, model)
    try:
        remembered = msgspec.json.decode(file.read_bytes(), type=_Known).dialect
        learned_at = file.stat().st_mtime
    except (OSError, msgspec.DecodeError):
        remembered, learned_at = None, 0.0
    if probed is not None and probed.dialect and probed.started_at > learned_at:
        return probed.dialect
    return remembered or "native"


def knows_dialect(config: Config, backend: Backend) -> bool:
    """Say whether the dialect of an endpoint is configured, remembered or probed, not guessed."""
    if config.dialect != "auto" or _file(backend.base_url, backend.model).exists():
        return True
    probed = load(backend.base_url, backend.model)
    return probed is not None and probed.dialect is not None


def next_dialect(spoken: str, error: BackendError) -> str | None:
    """Return the dialect to try after an endpoint refused one, None for another kind of error."""
    said = error.cause.lower()
    if error.status in _REFUSALS and any(word in said for word in _WORDS):
        return _SIMPLER.get(spoken)
    return None


def remember(backend: Backend, spoken: str, parsed: Sequence[Parsed]) -> bool:
    """Keep the dialect in which an endpoint gave a valid action; say whether there was one."""
    valid = [one for one in parsed if one.action is not None]
    if not valid:
        return False
    learned = "fenced" if spoken == "native" and not any(one.id for one in valid) else spoken
    file = _file(backend.base_url, backend.model)
    data = msgspec.json.encode({"dialect": learned})
    try:
        if not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    except OSError:
        return True  # only a saving for the next session
    return True


def holds_lark(base_url: str, model: str) -> bool | None:
    """Say whether an endpoint holds answers to grammars of llguidance; None where it is unknown."""
    try:
        known = msgspec.json.decode(_lark_file(base_url, model).read_bytes(), type=_Lark)
    except (OSError, msgspec.DecodeError):
        return None
    return known.held


async def check_lark(caller: Caller) -> bool:
    """Ask an endpoint for the one answer that a grammar allows, and remember whether it came.

    Some servers answer a grammar that they cannot read as if there were none (llama.cpp issue
    19051), so a status of 200 proves nothing.
    """
    backend = caller.backend
    body = msgspec.json.encode({"model": backend.model, **_LARK_CHECK})
    try:
        held = (await caller.call(body, step=-1, purpose="exact_edits")).answer.text == _PROOF
    except BackendError as error:
        held = False
        if error.status not in _REFUSALS:
            return held
    file = _lark_file(backend.base_url, backend.model)
    with contextlib.suppress(OSError):  # only a saving for the next session
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(_Lark(held)))
    return held


def refuses(error: BackendError) -> bool:
    """Say whether an endpoint's error may be for what the request asks of it."""
    return error.status in _REFUSALS


def _file(base_url: str, model: str) -> paths.Path:
    return paths.cache_dir() / "dialects" / f"{_key(base_url, model)}.json"


def _lark_file(base_url: str, model: str) -> paths.Path:
    return paths.cache_dir() / "grammars" / f"{_key(base_url, model)}.json"


def _key(base_url: str, model: str) -> str:
    return hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()[:24]
