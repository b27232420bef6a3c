"""Cheap candidates for a fix: the slips that are common in real one-line bug fixes, undone.

A wrong comparison, one too many or too few, `and` for `or`, a lost or superfluous `not`, swapped
arguments. They cost a test run each and no model call. The kinds follow the single-statement
fixes counted by Karampatsis and Sutton ("How Often Do Single-Statement Bugs Occur?", MSR 2020).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_STRING = re.compile(r"(\"\"\"|''')[\s\S]*?\1|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_COMMENT = re.compile(r"(?:#|//(?= )|/\*|^\s*\*).*", re.MULTILINE)

# Pattern, what stands instead, how likely it is that this is the fix.
_RULES: tuple[tuple[str, str, float], ...] = (
    (r"(?<![<>=!-])<(?![<=])", "<=", 1.0),
    (r"(?<!<)<=", "<", 1.0),
    (r"(?<![<>=-])>(?![>=])", ">=", 1.0),
    (r"(?<!>)>=", ">", 1.0),
    (r"(?<![=!<>])==(?!=)", "!=", 0.4),
    (r"!=(?!=)", "==", 0.4),
    (r" [+-] 1\b(?!\.)", "", 0.8),
    (r"(?<=[\w\])])(?=\])", " + 1", 0.6),
    (r"(?<=[\w\])])(?=\])", " - 1", 0.6),
    (r"\b(range\([^()]*(?:\([^()]*\))?[^()]*)\)", r"\1 + 1)", 0.8),
    (r"\b(range\([^()]*(?:\([^()]*\))?[^()]*)\)", r"\1 - 1)", 0.6),
    (r"\b(slice\([^(),]*,[^(),]*)\)", r"\1 + 1)", 0.6),
    (r"\bnot (?!in\b)", "", 0.6),
    (r"\b(if|elif|while|and|or) (?!not\b)", r"\1 not ", 0.4),
    (r"\bnot in\b", "in", 0.4),
    (r"(?<!not) in (?=\w+:)", " not in ", 0.2),
    (r"(?<=\w )\+=", "=", 0.2),
    (r"\b(\w+)\((\w+), (\w+)\)", r"\1(\3, \2)", 0.4),
)
# Two things that are taken for one another, how likely it is that the other was meant.
_PAIRS: tuple[tuple[str, str, float], ...] = (
    ("min(", "max(", 0.6),
    ("and", "or", 0.5),
    ("&&", "||", 0.5),
    ("any(", "all(", 0.5),
    ("[0]", "[-1]", 0.4),
    (" + ", " - ", 0.4),
    (" / ", " // ", 0.3),
    ("+=", "-=", 0.3),
    ("True", "False", 0.3),
    ("break", "continue", 0.3),
)


def _literal(text: str) -> str:
    """Return a pattern for `text` that does not match inside a word."""
    before, after = (r"(?<!\w)" * text[0].isalpha(), r"(?!\w)" * text[-1].isalpha())
    return before + re.escape(text) + after


_COMPILED = tuple(
    (re.compile(pattern), text, weight)
    for pattern, text, weight in (
        *_RULES,
        *((_literal(one), other, weight) for one, other, weight in _PAIRS),
        *((_literal(other), one, weight) for one, other, weight in _PAIRS),
    )
)
_NUMBER = re.compile(r"(?<![\w.])\d{1,4}(?![\w.])")
_NUMBER_WEIGHT = 0.3


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A slip undone: the new text, where it differs first, and its likelihood among slips."""

    text: str
    offset: int
    weight: float


def slips(source: str, start: int = 0) -> Iterator[Slip]:
    """Yield what `source` becomes with one slip undone, behind the offset `start`.

    Strings and comments are left alone.
    """
    bare = _COMMENT.sub(_blank, _STRING.sub(_blank, source))
    for pattern, text, weight in _COMPILED:
        for found in pattern.finditer(bare, start):
            yield _slip(source, found, found.expand(text), weight)
    for found in _NUMBER.finditer(bare, start):
        for number in (int(found[0]) + 1, int(found[0]) - 1):
            if number >= 0:
                yield _slip(source, found, str(number), _NUMBER_WEIGHT)


def _slip(source: str, found: re.Match[str], text: str, weight: float) -> Slip:
    changed = source[: found.start()] + text + source[found.end() :]
    return Slip(text=changed, offset=found.start(), weight=weight)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "\0", found[0])
