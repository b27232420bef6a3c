"""Grammars that let the old side of an edit be nothing but lines of the file.

Written in llguidance's dialect of Lark, whose `substring_chunks` matches any run of consecutive
chunks of a list. It would also match none at all, and runs that are in the file several times:
both are taken out, so an edit under this grammar finds its one place. Paths that are not given
stay unconstrained. Engines without llguidance take such a grammar for a broken one, and some then
answer without any: see `hotloop.loop.capability`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

MOST_CHARS = 30_000
"""Characters of all files in one grammar; further files stay unconstrained."""
_MOST_MISSES = 1_000
_END = "\n"
MOST_LINES = 12
"""Lines of one quote."""
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_LINE = re.compile(r"([ \t]*)(.*?)([ \t]*)", re.DOTALL)

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
"""
_COMMON = r"""
INT: /[1-9][0-9]{0,5}/
STR: /"(\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4}|[^"\\\x00-\x1f])*"/
"""


_SHAPE = (
    rf"/[ \t]*[^ \t\n][^\n]*(\n[^\n]*){{0,{MOST_LINES - 1}}}/",
    r"/(?s:.*)[^ \t\n]/",
)
"""A quote: it begins and ends in lines that are not blank, and has not too many."""
_ESCAPED_SHAPE = (
    rf"/( |\\t)*([^ \\]|\\[^nt])([^\\]|\\[^n])*(\\n([^\\]|\\[^n])*){{0,{MOST_LINES - 1}}}/",
    r"/([^\\]|\\.)*([^ \\]|\\[^nt])/",
)
"""The same inside a JSON string."""


def exact_text_grammar(files: Mapping[str, str], others: Sequence[str] = ()) -> str:
    """Return the grammar of the terse dialect with edits of `files` (path: text) held to them.

    With `others`, only those files can be edited beside them, freely; else any.
    """
    rules, changes, free = _held(files, others, _text_rule)
    changes += [f'{free} "}}\\n" BLOCK "\\n" BLOCK'] if free else []
    return _joined(_TEXT, changes, rules)


def exact_json_grammar(files: Mapping[str, str], others: Sequence[str] = ()) -> str:
    """Return the grammar of `{"actions":[…]}` with edits of `files` (path: text) held to them.

    With `others`, only those files can be edited beside them, freely; else any.
    """
    rules, changes, free = _held(files, others, _json_rule)
    changes += [f'{free} ",\\"old\\":" STR ",\\"new\\":" STR "}}"'] if free else []
    return _joined(_JSON, changes, rules)


def _joined(fixed: str, changes: list[str], rules: list[str]) -> str:
    head = ["%llguidance {}", fixed.strip(), f"change: {' | '.join(changes)}"]
    return "\n".join([*head, *rules, _COMMON.strip()])


_Rule = Callable[[int, str, str], list[str]]


def _held(
    files: Mapping[str, str], others: Sequence[str], rule: _Rule
) -> tuple[list[str], list[str], str]:
    """Return terminals, how changes of held files are written, and the path of any other."""
    rules: list[str] = []
    changes: list[str] = []
    usable = [*_usable(files)]
    for number, path in enumerate(usable):
        change, *terminals = rule(number, path, files[path])
        changes.append(change)
        rules += terminals
    known = " | ".join(_quoted(_quoted(path)) for path in usable)
    if others:
        free = [one for one in dict.fromkeys([*files, *others]) if one not in usable]
        listed = " | ".join(_quoted(_quoted(path)) for path in free)
        rules += [f"OTHER: {listed}"] if free else []
        return rules, changes, "OTHER" if free else ""
    if known:
        return [*rules, f"KNOWN: {known}", "OTHER: STR & ~KNOWN"], changes, "OTHER"
    return rules, changes, "STR"


def _usable(files: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that an edit can be held to, within `MOST_CHARS`, the first ones first."""
    room = MOST_CHARS
    for path, text in files.items():
        is_free = not text.strip() or _FENCE.search(text) or len(text) > room
        if not is_free and _misses(text) is not None:
            yield path
            room -= len(text)


def _text_rule(number: int, path: str, text: str) -> list[str]:
    """Return how a change of one file is written, then the terminals that it needs."""
    return [
        f'{_quoted(_quoted(path) + "}" + _END)} OLD{number} "\\n" BLOCK',
        f'OLD{number}: "```\\n" QUOTE{number} "\\n```"',
        *_quote(number, _chunks(text), _misses(text) or (), _SHAPE),
    ]


def _json_rule(number: int, path: str, text: str) -> list[str]:
    head, between = _quoted(_quoted(path) + ',"old":'), _quoted(',"new":')
    chunks = map(_escaped, _chunks(text))
    misses = map(_escaped, _misses(text) or ())
    return [
        f'{head} OLD{number} {between} STR "}}"',
        f'OLD{number}: "\\"" QUOTE{number} "\\""',
        *_quote(number, chunks, misses, _ESCAPED_SHAPE),
    ]


def _quote(
    number: int, chunks: Iterable[str], misses: Iterable[str], shape: Iterable[str]
) -> Iterator[str]:
    """Yield the terminal of chunks in a row that have the `shape` and are none of the `misses`."""
    listed = msgspec.json.encode({"substring_chunks": [*chunks]}).decode()
    yield f"RUN{number}: %regex {listed}"
    limits = [f"RUN{number}", *shape]
    if forbidden := " | ".join(map(_quoted, misses)):
        yield f"MISS{number}: {forbidden}"
        limits.append(f"~MISS{number}")
    yield f"QUOTE{number}: {' & '.join(limits)}"


def _chunks(text: str) -> list[str]:
    """Return the pieces at whose ends a quote may begin and end: indentation, rest, line end."""
    pieces = (_LINE.fullmatch(line) for line in _lines(text))
    return [piece for found in pieces if found for piece in (*found.groups(), _END) if piece]


def _lines(text: str) -> list[str]:
    return text.removesuffix(_END).split(_END)


@lru_cache(maxsize=64)
def _misses(text: str) -> tuple[str, ...] | None:
    """Return the runs of lines that are in the file more than once, as they may be quoted.

    Counted as `edit` does, which finds a quote inside of lines, too. A run is looked at only if
    what it begins with is there more than once, for what is unique stays so when it grows. None
    where there are too many, or nothing else.
    """
    lines = _lines(text)
    found: dict[str, None] = {}
    is_any_good = False
    for first, line in enumerate(lines):
        for begin in dict.fromkeys((line, line.lstrip())) if line.strip() else ():
            for last in range(first + 1, min(len(lines), first + MOST_LINES) + 1):
                run = _END.join([begin, *lines[first + 1 : last]]).rstrip()
                if run in found or not lines[last - 1].strip():
                    continue
                if text.find(run, text.find(run) + 1) < 0:
                    is_any_good = True
                    break
                found[run] = None
    return tuple(found) if is_any_good and len(found) <= _MOST_MISSES else None


def _quoted(text: str) -> str:
    """Return a text as a string of Lark, which is one of JSON."""
    return msgspec.json.encode(text).decode()


def _escaped(text: str) -> str:
    return _quoted(text)[1:-1]
