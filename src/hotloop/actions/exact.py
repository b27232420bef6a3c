"""Grammars that let the old side of an edit be nothing but lines of the file.

Written in llguidance's dialect of Lark, whose `substring_chunks` matches any run of consecutive
chunks of a list. It would also match none at all, and runs that are in the file several times:
both are taken out, so an edit under this grammar finds its one place. Paths that are not given
stay unconstrained. Engines without llguidance take such a grammar for a broken one, and some then
answer without any: see `hotloop.loop.capability`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec

MOST_CHARS = 30_000
"""Characters of all files in one grammar; further files stay unconstrained."""
_MOST_MISSES = 1_000
_END = "\n"
MOST_LINES = 12
"""Lines of one quote."""
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)

_TEXT = r"""
start: action ("\n" action)* "\n"?
action: read | list | search | run | test | done | define | write | edit
read: "{\"tool\":\"read\",\"path\":" STR (",\"start\":" INT ",\"end\":" INT)? "}"
list: "{\"tool\":\"list\",\"path\":" STR "}"
search: "{\"tool\":\"search\",\"pattern\":" STR "}"
run: "{\"tool\":\"run\",\"command\":" STR "}"
test: "{\"tool\":\"test\"}"
done: "{\"tool\":\"done\",\"message\":" STR "}"
define: "{\"tool\":\"define\",\"path\":" STR "}\n" BLOCK
write: "{\"tool\":\"write\",\"path\":" STR "}\n" BLOCK
edit: "{\"tool\":\"edit\",\"path\":" change
BLOCK: /```\n(\n|[^`\n][^\n]*\n|`[^`\n][^\n]*\n)+```/
"""
_JSON = r"""
start: "{\"actions\":[" action ("," action)* "]}"
action: read | list | search | run | test | done | define | write | edit
read: "{\"tool\":\"read\",\"path\":" STR (",\"start\":" INT ",\"end\":" INT)? "}"
list: "{\"tool\":\"list\",\"path\":" STR "}"
search: "{\"tool\":\"search\",\"pattern\":" STR "}"
run: "{\"tool\":\"run\",\"command\":" STR "}"
test: "{\"tool\":\"test\"}"
done: "{\"tool\":\"done\",\"message\":" STR "}"
define: "{\"tool\":\"define\",\"path\":" STR ",\"code\":" STR "}"
write: "{\"tool\":\"write\",\"path\":" STR ",\"content\":" STR "}"
edit: "{\"tool\":\"edit\",\"path\":" change
NEW: /"((\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4}|[^"\\\x00-\x1f])*\\n)?"/
"""
_COMMON = r"""
INT: /[1-9][0-9]{0,5}/
STR: /"(\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4}|[^"\\\x00-\x1f])*"/
"""


def exact_text_grammar(files: Mapping[str, str]) -> str:
    """Return the grammar of the terse dialect with edits of `files` (path: text) held to them."""
    change = 'STR "}\\n" BLOCK "\\n" BLOCK'
    return _grammar(_TEXT, _usable(files), change, _text_rule)


def exact_json_grammar(files: Mapping[str, str]) -> str:
    """Return the grammar of `{"actions":[…]}` with edits of `files` (path: text) held to them."""
    change = 'STR ",\\"old\\":" STR ",\\"new\\":" STR "}"'
    return _grammar(_JSON, _usable(files), change, _json_rule)


class _File(msgspec.Struct):
    """A file that edits are held to. `misses` are the runs of its lines that are no good quote."""

    path: str
    lines: list[str]
    misses: tuple[str, ...]


def _usable(files: Mapping[str, str]) -> Iterator[_File]:
    """Yield the files that an edit can be held to, within `MOST_CHARS`, the first ones first."""
    room = MOST_CHARS
    for path, text in files.items():
        if not text.strip() or _FENCE.search(text) or len(text) > room:
            continue
        misses = _misses(text)
        if misses is not None:
            yield _File(path, _lines(text), misses)
            room -= len(text)


_Rule = Callable[[int, _File], Iterator[str]]


def _grammar(fixed: str, files: Iterable[_File], other: str, rule: _Rule) -> str:
    rules: list[str] = []
    changes: list[str] = []
    paths: list[str] = []
    for number, file in enumerate(files):
        change, *terminals = rule(number, file)
        changes.append(change)
        rules += terminals
        paths.append(file.path)
    if paths:
        known = " | ".join(_quoted(_quoted(path)) for path in paths)
        rules += [f"KNOWN: {known}", "OTHER: STR & ~KNOWN"]
        other = other.replace("STR", "OTHER", 1)
    lines = ["%llguidance {}", fixed.strip(), f"change: {' | '.join([*changes, other])}", *rules]
    return "\n".join([*lines, _COMMON.strip()])


def _text_rule(number: int, file: _File) -> Iterator[str]:
    """Yield how a change of one file is written, then the terminals that it needs."""
    yield f'{_quoted(_quoted(file.path) + "}" + _END)} OLD{number} "\\n" BLOCK'
    yield f'OLD{number}: "```\\n" QUOTE{number} "```"'
    limit = rf"/([^\n]*\n){{1,{MOST_LINES}}}/"
    yield from _quote(number, [line + _END for line in file.lines], file.misses, limit)


def _json_rule(number: int, file: _File) -> Iterator[str]:
    head, between = _quoted(_quoted(file.path) + ',"old":'), _quoted(',"new":')
    yield f'{head} OLD{number} {between} NEW "}}"'
    yield f'OLD{number}: "\\"" QUOTE{number} "\\""'
    limit = rf"/(([^\\]|\\[^n])*\\n){{1,{MOST_LINES}}}/"
    misses = [_escaped(one) for one in file.misses]
    yield from _quote(number, [_escaped(line + _END) for line in file.lines], misses, limit)


def _quote(number: int, chunks: list[str], misses: Iterable[str], limit: str) -> Iterator[str]:
    """Yield the terminal of chunks in a row, not too many, that are none of the `misses`."""
    listed = msgspec.json.encode({"substring_chunks": chunks}).decode()
    yield f"RUN{number}: %regex {listed}"
    forbidden = " | ".join(map(_quoted, misses))
    if forbidden:
        yield f"MISS{number}: {forbidden}"
    unlike = f" & ~MISS{number}" if forbidden else ""
    yield f"QUOTE{number}: RUN{number} & {limit}{unlike}"


def _lines(text: str) -> list[str]:
    return text.removesuffix(_END).split(_END)


@lru_cache(maxsize=64)
def _misses(text: str) -> tuple[str, ...] | None:
    """Return the runs of lines that are no good quote: blank, or in the file more than once.

    Counted as `edit` does, which finds a quote inside of lines, too. A run is looked at only if
    what it begins with is no good either, for what is unique stays so when it grows. None where
    there are too many, or nothing else.
    """
    lines = _lines(text)
    text = _END.join(lines) + _END
    found: dict[str, None] = {}
    is_any_good = False
    for first in range(len(lines)):
        for last in range(first + 1, min(len(lines), first + MOST_LINES) + 1):
            run = _END.join(lines[first:last])
            if run + _END in found:
                continue
            if run.strip() and text.find(run, text.find(run) + 1) < 0:
                is_any_good = True
                break
            found[run + _END] = None
    return tuple(found) if is_any_good and len(found) <= _MOST_MISSES else None


def _quoted(text: str) -> str:
    """Return a text as a string of Lark, which is one of JSON."""
    return msgspec.json.encode(text).decode()


def _escaped(text: str) -> str:
    return _quoted(text)[1:-1]
