"""Secrets out of what is kept: API keys, tokens and private keys become `[redacted:...]`."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping
from typing import cast

# A key may follow an escaped line break where the text is itself JSON (the arguments of a tool).
_EDGE = r"(?:(?<![\w-])|(?<=\\[nrt]))"
_WITH_DIGIT = r"(?=[\w-]*\d)"
_PEM = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private-key",
        re.compile(rf'-----BEGIN {_PEM}(?:(?s:.*?)-----END {_PEM}|[^"]*)'),
    ),
    ("bearer", re.compile(r"(?i:(?<=bearer )|(?<=bearer:))\s*[\w.~+/=-]{16,}")),
    ("jwt", re.compile(rf"{_EDGE}eyJ[\w-]{{10,}}\.[\w-]{{10,}}\.[\w-]*")),
    (
        "api-key",
        re.compile(
            rf"{_EDGE}(?:{_WITH_DIGIT}sk-[\w-]{{20,}}|gh[pousr]_\w{{30,}}|github_pat_\w{{22,}}"
            r"|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|glpat-[\w-]{20,})"
        ),
    ),
    ("aws-key", re.compile(rf"{_EDGE}(?:AKIA|ASIA)[A-Z0-9]{{16}}(?![A-Z0-9])")),
    (
        "aws-secret",
        re.compile(r"(?i:(?<=aws_secret_access_key)|(?<=secretaccesskey))[\W]{1,8}[\w/+=]{40}"),
    ),
    (
        "api-key",
        re.compile(
            rf"(?i:(?<=api_key)|(?<=api-key)|(?<=apikey))[\s\"'\\:=]+{_WITH_DIGIT}[\w-]{{20,}}"
        ),
    ),
    ("password", re.compile(r"(?<=://)[^\s/:@\"']+:[^\s/@\"']+(?=@)")),
)
_HINT = (
    r"(?i:bearer|secret_?access_?key|api[_-]?key)|PRIVATE KEY|eyJ|sk-|gh[pousr]_|github_pat_"
    r"|xox[abeoprs]-|AIza|hf_|glpat-|AKIA|ASIA|://[^\s/@\"]+@"
)
_SECRET_NAME = re.compile(r"(?:API_?KEY|ACCESS_KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_LITERAL_CHARS = 12
_HELD_CHARS = 16_384
_PEM_BEGIN = "-----BEGIN"
_PEM_HEAD = re.compile(rf"{_PEM_BEGIN} {_PEM}")
_PEM_TAIL = re.compile(rf"-----END {_PEM}")
_PEM_HEAD_CHARS = 64
_BEFORE_CHARS = 64
_BEFORE_KEY = re.compile(r"\S*(?i:bearer|api[_-]?key|access_?key)\W*\Z")


class Redactor:
    """Replaces secrets, known by their shape or given as `literals`, in texts and JSON values."""

    def __init__(self, literals: Iterable[str] = ()) -> None:
        quoted = [re.escape(text) for text in sorted(literals, key=len, reverse=True)]
        self._literals = re.compile("|".join(quoted)) if quoted else None
        self._hint = re.compile("|".join([_HINT, *quoted]).encode())

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Redactor:
        """Return one that also knows the values of variables named like a key or a password."""
        return cls(
            value
            for name, value in environ.items()
            if _SECRET_NAME.search(name) and len(value) >= _LITERAL_CHARS
        )

    def suspects(self, encoded: bytes) -> bool:
        """Say in one quick pass whether encoded JSON could hold a secret at all."""
        return self._hint.search(encoded) is not None

    def text(self, text: str) -> str:
        """Return the text with every secret replaced by `[redacted:<what>]`."""
        if self._literals is not None:
            text = self._literals.sub("[redacted:environment]", text)
        for name, pattern in _PATTERNS:
            text = pattern.sub(f"[redacted:{name}]", text)
        return text

    def value(self, value: object) -> object:
        """Return a JSON value with every string in it redacted."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in cast(list[object], value)]
            case dict():
                items = cast(dict[str, object], value).items()
                return {key: self.value(item) for key, item in items}
            case _:
                return value


@functools.cache
def default_redactor() -> Redactor:
    """Return the process's redactor, which knows the secrets of its environment."""
    return Redactor.from_environment(os.environ)


def split_open(text: str) -> tuple[str, str]:
    """Split streamed text before a secret that may still be growing at its end.

    A secret that arrives in pieces is only seen once they are together; so the second part
    (the last word, or an unfinished key block) waits for more text.
    """
    at = _open_private_key(text[: _last_word(text)])
    return (text, "") if len(text) - at > _HELD_CHARS else (text[:at], text[at:])


def _last_word(text: str) -> int:
    at = max(text.rfind(space) for space in " \n\t\r") + 1
    before = _BEFORE_KEY.search(text, max(0, at - _BEFORE_CHARS), at)
    return before.start() if before else at


def _open_private_key(text: str) -> int:
    at = text.rfind(_PEM_BEGIN)
    if at < 0 or _PEM_TAIL.search(text, at):
        return len(text)
    unfinished_head = len(text) - at < _PEM_HEAD_CHARS
    return at if unfinished_head or _PEM_HEAD.match(text, at) else len(text)
