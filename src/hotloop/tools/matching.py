"""Find what an edit means to replace, also where the model did not copy it exactly.

Models misquote in a few typical ways: white space at line ends, indentation, blank lines,
typographic look-alikes, line numbers copied along, and now and then a word. Each is tried in
this order, so that the mildest repair wins; nothing is repaired where two places would fit.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator

import msgspec

from hotloop.errors import ToolError
from hotloop.tools.applying import split_lines
from hotloop.tools.nearest import Region, nearest

_MIN_RATIO = 0.85
_MIN_LEAD = 0.05
_MIN_CHARS = 12
_SHOWN_RATIO = 0.4
_SHOWN_AROUND = 3
_TAB_UNITS = ("", "    ", "  ", "        ")
_NUMBERED = re.compile(r"[ \t]*\d+[ \t]?[:|│→\t]")
_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2007\u202f", " "),
        "…": "...",
    }
)


class Shift(msgspec.Struct, frozen=True):
    """How the file's indentation differs: `add` or `remove` a prefix, `unit` stands for a tab."""

    add: str = ""
    remove: str = ""
    unit: str = ""

    def apply(self, line: str) -> str:
        """Return `line` indented as in the file."""
        if not line.strip():
            return line
        line = _tabbed(line, self.unit)
        if self.remove and not line.startswith(self.remove):
            return line.lstrip()
        return self.add + line.removeprefix(self.remove)


class Replacement(msgspec.Struct, frozen=True):
    """The text after the edit, and how a near miss was repaired ("" for an exact match)."""

    text: str
    repaired: str = ""


def replace(path: str, text: str, old: str, new: str) -> Replacement:
    """Replace the one place in `text` that `old` means with `new`.

    Raises ToolError when there is no such place (it quotes the most similar one), when there
    are several (it lists their lines), and when `old` equals `new`.
    """
    if old == new:
        raise ToolError("old and new are the same: this changes nothing", "make new differ")
    if not old.strip():
        raise ToolError("old is empty", "quote the lines to replace, or use write")
    places = list(_occurrences(text, old))
    if len(places) > 1:
        raise _several(path, [text.count("\n", 0, place) + 1 for place in places])
    if places:
        return _exact(text, places[0], old, new)
    old_lines, new_lines = split_lines(old), split_lines(new)
    bare_old, bare_new = _without_numbers(old_lines), _without_numbers(new_lines)
    found = _repair(path, text, old_lines, new_lines)
    if found is None and bare_old is not None:
        found = _repair(path, text, bare_old, new_lines if bare_new is None else bare_new)
        if found is not None:
            how = ", ".join(filter(None, ("line numbers removed", found.repaired)))
            return Replacement(found.text, how)
    return found or _nearest_repair(path, text, bare_old or old_lines, bare_new or new_lines)


def _exact(text: str, place: int, old: str, new: str) -> Replacement:
    """Replace `old` at `place`; lines added to one quoted without its indentation get it too."""
    indent = text[text.rfind("\n", 0, place) + 1 : place]
    first, *rest = new.split("\n")
    repaired = ""
    flat = any(line.strip() and not line.startswith(indent) for line in rest)
    if "\n" not in old and indent and not indent.strip() and flat:
        new = "\n".join([first, *(Shift(add=indent).apply(line) for line in rest)])
        repaired = "indentation"
    return Replacement(text[:place] + new + text[place + len(old) :], repaired)


def _occurrences(text: str, wanted: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)


def _several(path: str, numbers: list[int]) -> ToolError:
    listed = ", ".join(map(str, numbers[:10]))
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return ToolError(
        f"old is in {path} {len(numbers)} times, at lines {listed}{more}",
        "quote more lines around the one to change",
    )


def _unfolded(line: str) -> str:
    return line


def _folded(line: str) -> str:
    return line.translate(_LOOK_ALIKES)


def _repair(path: str, text: str, old: list[str], new: list[str]) -> Replacement | None:
    """Try the repairs that need no judgement, mildest first."""
    lines = text.split("\n")
    for how, fold, skip_blank in (
        ("", _unfolded, False),
        ("blank lines", _unfolded, True),
        ("look-alike characters", _folded, True),
    ):
        regions = list(_matching(lines, old, fold, skip_blank))
        level = [region for region in regions if region[1] == Shift()] or regions
        if len(level) > 1:
            raise _several(path, [region.start + 1 for region, _ in level])
        if level:
            (region, shift), *_ = level
            moved = "" if shift == Shift() else "indentation"
            parts = [part for part in (how, moved) if part]
            exact = lines[region.start : region.end] == old
            repaired = ", ".join(parts) or ("" if exact else "white space at line ends")
            return Replacement(_spliced(lines, region, old, new, shift), repaired)
    return None


def _matching(
    lines: list[str], old: list[str], fold: Callable[[str], str], skip_blank: bool
) -> Iterator[tuple[Region, Shift]]:
    """Yield the regions that equal `old` but for indentation that differs evenly."""
    kept = [i for i, line in enumerate(lines) if line.strip() or not skip_blank]
    wanted = [line for line in old if line.strip() or not skip_blank]
    body = [fold(lines[i]).strip() for i in kept]
    target = [fold(line).strip() for line in wanted]
    count = len(target)
    for i in range(len(body) - count + 1):
        if body[i] != target[0] or body[i : i + count] != target:
            continue
        region = Region(kept[i], kept[i + count - 1] + 1)
        shift = _shift([lines[k] for k in kept[i : i + count]], wanted)
        if shift is not None:
            yield region, shift


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _tabbed(line: str, unit: str) -> str:
    """Return `line` with each `unit` of leading spaces as a tab."""
    indent = _indent(line)
    return indent.replace(unit, "\t") + line[len(indent) :] if unit else line


def _shift(there: list[str], wanted: list[str]) -> Shift | None:
    """Return the one shift that takes every line's indentation to the file's, if there is one."""
    pairs = [(_indent(a), b) for a, b in zip(there, wanted, strict=True) if b.strip()]
    for unit in _TAB_UNITS:
        indents = [(theirs, _indent(_tabbed(line, unit))) for theirs, line in pairs]
        theirs, ours = indents[0]
        add = theirs.removesuffix(ours) if theirs.endswith(ours) else ""
        remove = ours.removesuffix(theirs) if ours.endswith(theirs) else ""
        if all(a == add + b or (remove and b == remove + a) for a, b in indents):
            return Shift(add, remove, unit)
    return None


def _spliced(lines: list[str], region: Region, old: list[str], new: list[str], shift: Shift) -> str:
    """Put `new` in place of the region; lines it does not change stay as the file has them."""
    there = lines[region.start : region.end]
    put = [shift.apply(line) for line in new]
    if len(there) == len(old):
        a, b = [line.rstrip() for line in old], [line.rstrip() for line in new]
        merged: list[str] = []
        for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            merged += there[i:j] if tag == "equal" else put[k:m]
        put = merged
    return "\n".join([*lines[: region.start], *put, *lines[region.end :]])


def _without_numbers(lines: list[str]) -> list[str] | None:
    """Return the lines less the number before each of them; None where one has none."""
    numbered = [line for line in lines if line.strip()]
    if not numbered or not all(_NUMBERED.match(line) for line in numbered):
        return None
    bare = [_NUMBERED.sub("", line, count=1) for line in lines]
    if all(line.startswith(" ") for line in bare if line):
        bare = [line[1:] for line in bare]
    return bare if any(line.strip() for line in bare) else None


def _nearest_repair(path: str, text: str, old: list[str], new: list[str]) -> Replacement:
    lines = text.split("\n")
    best = nearest(lines, old)
    if best is None or best.ratio < _SHOWN_RATIO:
        raise ToolError(f"old is not in {path}, nor anything like it", f"read {path}")
    second = nearest(lines, old, apart_from=best)
    lead = best.ratio - (second.ratio if second else 0.0)
    long_enough = len("".join(old).strip()) >= _MIN_CHARS
    if best.ratio < _MIN_RATIO or lead < _MIN_LEAD or not long_enough:
        raise _not_found(path, lines, best)
    there = [line for line in lines[best.start : best.end] if line.strip()]
    wanted = [line for line in old if line.strip()]
    shift = _shift(there[:1], wanted[:1]) or Shift()
    repaired = f"nearest region, {best.ratio:.0%} similar"
    return Replacement(_spliced(lines, best, old, new, shift), repaired)


def _not_found(path: str, lines: list[str], best: Region) -> ToolError:
    first = max(best.start - _SHOWN_AROUND, 0)
    shown = lines[first : best.end + _SHOWN_AROUND]
    return ToolError(
        f"old is not in {path}. The most similar lines are {first + 1}-{first + len(shown)}:\n"
        + "\n".join(shown),
        "copy the lines to replace from these",
    )
