"""A definition's text without strings and comments, and what can be read off it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

_QUOTED = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_PYTHON = re.compile(rf"(?P<f>[rRbB]?[fF][rR]?)?(?:(\"\"\"|''')[\s\S]*?\2|{_QUOTED})|\#.*")
_SLASHED = (
    r"//.*|/\*[\s\S]*?\*/|`(?:\\.|[^`\\])*`|"
    r"(?<=[(,=:\[!&|?{};\s])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*"
)
_SCRIPT = re.compile(rf"{_SLASHED}|{_QUOTED}")
_C = re.compile(rf"//.*|/\*[\s\S]*?\*/|^[ \t]*\#.*|{_QUOTED}", re.MULTILINE)
_FILLED = re.compile(r"\$\{[^{}`]*\}")
_FIELD = re.compile(r"(?<!\{)\{(?!\{)([^{}:!\"'\\]*)")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


class Edit(msgspec.Struct, frozen=True):
    """Text to stand at `start` to `end` instead; `likelihood` is for its whole `kind`."""

    kind: str
    start: int
    end: int
    text: str
    likelihood: float


class Listing:
    """A definition: its `source`, and `bare`, of the same length, without strings and comments.

    In `bare`, NUL characters stand for strings and blanks for comments; expressions inside
    f-strings and template strings are kept.
    """

    def __init__(self, source: str, language: str) -> None:
        self.source = source
        self.is_python = language == "python"
        self.is_script = language in {"javascript", "typescript", "tsx"}
        self.is_c = language == "c"
        self.bare = self._noise.sub(_blanked, source)

    @property
    def _noise(self) -> re.Pattern[str]:
        if self.is_python:
            return _PYTHON
        return _SCRIPT if self.is_script else _C

    @property
    def tag(self) -> str:
        """Return the letter that rules name the language by."""
        return "p" if self.is_python else "j" if self.is_script else "c"

    @cached_property
    def lines(self) -> list[Line]:
        """Return the lines, with how they nest."""
        return [*_lines(self.source, self.bare)]

    @cached_property
    def not_numbers(self) -> frozenset[str]:
        """Return the names that are used as objects, tables or texts."""
        used = re.findall(r"(?<![\w.])([A-Za-z_]\w*)(?:\.[A-Za-z_]|->|\[)", self.bare)
        made = re.findall(r"\b(\w+) = (?:[\[{\0]|None\b|list\(|dict\(|set\(|new )", self.bare)
        return frozenset([*used, *made])

    def enclosing(self, at: int) -> tuple[int, int]:
        """Return the span of the innermost round or square bracket around `at`, else its line."""
        depth = 0
        for place in range(at - 1, -1, -1):
            depth += (self.bare[place] in ")]}") - (self.bare[place] in _PAIRS)
            if depth < 0:
                if self.bare[place] == "{" and not self.is_python:
                    break
                return place, self.closing(place)
        end = self.bare.find("\n", at)
        return self.bare.rfind("\n", 0, at) + 1, end if end >= 0 else len(self.bare)

    def operand(self, end: int) -> str:
        """Return the text before `end` since the bracket it is in, or its line, began."""
        begin, depth = end, 0
        while begin > 0 and self.bare[begin - 1] != "\n":
            depth += (self.bare[begin - 1] in ")]}") - (self.bare[begin - 1] in _PAIRS)
            if depth < 0:
                break
            begin -= 1
        return self.bare[begin:end]

    def expanded(self, found: re.Match[str], template: str) -> str:
        """Return a template with a match's groups filled in, as they stand in the source."""

        def group(reference: re.Match[str]) -> str:
            at, end = found.span(int(reference[1]))
            return self.source[at:end]

        return re.sub(r"\\(\d)", group, template)

    def closing(self, at: int) -> int:
        """Return where the bracket that opens at `at` closes, -1 if it does not."""
        depth = 0
        for place in range(at, len(self.bare)):
            if self.bare[place] in _PAIRS:
                depth += 1
            elif self.bare[place] in ")]}":
                depth -= 1
                if depth == 0:
                    return place
        return -1

    def arguments(self, opening: int) -> list[tuple[int, int]]:
        """Return the spans of what commas part inside the bracket at `opening`, without blanks."""
        closing = self.closing(opening)
        spans: list[tuple[int, int]] = []
        depth, begin = 0, opening + 1
        for place in range(opening + 1, closing + 1):
            char = self.bare[place]
            if (char == "," and depth == 0) or place == closing:
                spans.append(self._stripped(begin, place))
                begin = place + 1
            depth += (char in _PAIRS) - (char in ")]}")
        return [(at, end) for at, end in spans if at < end]

    def _stripped(self, at: int, end: int) -> tuple[int, int]:
        text = self.source[at:end]
        return at + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


class Line(msgspec.Struct, frozen=True):
    """A line without its newline; `bare` is stripped. `is_whole` says it is a statement alone."""

    start: int
    end: int
    indent: int
    bare: str
    is_whole: bool


def _lines(source: str, bare: str) -> Iterator[Line]:
    start = depth = 0
    for text in bare.split("\n"):
        end = start + len(text)
        inner = sum(text.count(one) for one in "([") - sum(text.count(one) for one in ")]")
        written = source[start:end]
        yield Line(
            start=start,
            end=end,
            indent=len(written) - len(written.lstrip()),
            bare=text.strip("\0 \t") and text.strip(),
            is_whole=depth == 0 and inner == 0 and bool(text.strip("\0 \t")),
        )
        depth += inner
        start = end + 1


def _blanked(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith(("#", "//", "/*")) or text.lstrip().startswith("#"):
        return re.sub(r"[^\n]", " ", text)
    blank = re.sub(r"[^\n]", "\0", text)
    if text.startswith("`"):
        kept = [(one.start(), one.end()) for one in _FILLED.finditer(text)]
    elif found.re is _PYTHON and found["f"]:
        kept = [one.span(1) for one in _FIELD.finditer(text)]
    else:
        return blank
    for at, end in kept:
        blank = blank[:at] + text[at:end] + blank[end:]
    return blank
