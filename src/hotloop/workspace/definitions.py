"""Find a file's functions and classes, and put new versions of them in their place."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import msgspec

from hotloop.errors import ToolError
from hotloop.workspace.fragment import Fragment, encloses, read_fragment, syntax_fault
from hotloop.workspace.imports import missing_imports
from hotloop.workspace.syntax import Definition, language_of, read_definitions

__all__ = ["Definition", "definitions", "enclosing", "replace_definitions"]


def definitions(path: str, source: str) -> list[Definition]:
    """Return the definitions of a source file in order of appearance, a class before its members.

    The language follows from `path`'s suffix; empty for one that is not known.
    """
    language = language_of(path)
    return read_definitions(language, source.encode()) if language else []


def enclosing(path: str, source: str, line: int) -> Definition | None:
    """Return the innermost definition around a line (from 1), or None."""
    around = [one for one in definitions(path, source) if one.start_line <= line <= one.end_line]
    return min(around, key=lambda one: one.end_byte - one.start_byte, default=None)


def replace_definitions(path: str, source: str, code: str) -> tuple[str, list[str]]:
    """Put the definitions in `code` into `source`; return the new source and what was done.

    A definition of the same name is replaced, others are added where they fit. `code` may be
    indented, leave out the class around a method or the other methods of a class, decorators,
    doc comments, `export` and `pub`: what the source has is kept. Imports that the source lacks
    are added. Raises ToolError when `code` has no definition, does not parse, or could mean
    several places.
    """
    language = language_of(path)
    if not language:
        raise ToolError(
            f"cannot find definitions in {path}: its language is not known",
            "use edit or write instead",
        )
    newline = "\r\n" if "\r\n" in source else "\n"
    text = source.replace("\r\n", "\n")
    fragment = read_fragment(language, text, code.replace("\r\n", "\n"))
    if not text.strip():
        result = fragment.text.strip("\n") + "\n"
        done = [f"added `{one.qualified_name}`" for one in fragment.top]
    else:
        splice = _Splice(path, language, text, fragment)
        result, done = splice.run()
    if not syntax_fault(language, text) and (fault := syntax_fault(language, result)):
        raise ToolError(f"{path} would no longer parse: {fault}", "write the definition again")
    return result.replace("\n", newline), done


class _Change(msgspec.Struct, frozen=True):
    """Bytes of the source to replace; an insertion where `start` is `end`."""

    start: int
    end: int
    text: str


class _Splice:
    """Matches a fragment's definitions with a source's and collects the changes."""

    def __init__(self, path: str, language: str, source: str, fragment: Fragment) -> None:
        self.path = path
        self.language = language
        self.source = source.encode()
        self.fragment = fragment
        self.known = read_definitions(language, self.source)
        self.matches: dict[Definition, Definition | None] = {}
        for one in fragment.definitions:
            self.matches[one] = self.match(one)
        self.changes: list[_Change] = []
        self.done: list[str] = []

    def run(self) -> tuple[str, list[str]]:
        """Return the new source and the descriptions."""
        self.place(self.fragment.top, None)
        at, text, names = missing_imports(
            self.path, self.language, self.source.decode(), self.fragment
        )
        if text:
            self.changes.insert(0, _Change(at, at, text))
            self.done += [f"imported `{name}`" for name in names]
        if not self.done:
            raise ToolError(
                "the code defines nothing that belongs into the file",
                "write the whole function or class",
            )
        pieces: list[bytes] = []
        at = 0
        for change in sorted(self.changes, key=lambda change: change.start):
            pieces += [self.source[at : change.start], change.text.encode()]
            at = change.end
        return b"".join([*pieces, self.source[at:]]).decode(), self.done

    def match(self, new: Definition) -> Definition | None:
        """Find what a fragment's definition replaces."""
        same = [one for one in self.known if one.qualified_name == new.qualified_name]
        if self.fragment.owner(new):
            owner = self.fragment.owner(new)
            same = [one for one in self.known if one.qualified_name == f"{owner}.{new.name}"]
        elif not new.parent and new.kind != "class" and self.fragment.is_method(new) is not False:
            inside = [one for one in self.known if one.name == new.name and one.parent]
            same = inside if self.fragment.is_method(new) and inside else same or inside
            if len({one.parent for one in same}) > 1:
                places = ", ".join(f"`{one.parent}`" for one in same)
                raise ToolError(
                    f"`{new.name}` is in several classes of {self.path}: {places}",
                    "write the class line above the method",
                )
        free = [one for one in same if one not in self.matches.values()]
        return max(free, key=lambda one: self.likeness(one, new), default=None)

    def likeness(self, old: Definition, new: Definition) -> tuple[bool, bool, bool, int]:
        """Order candidates of one name (property getter and setter, overloads)."""
        was, now = self.text(old), self.fragment.slice(new)
        return (
            was.split() == now.split(),
            old.kind == new.kind and _decorators(was) == _decorators(now),
            _parameters(was) == _parameters(now),
            old.start_byte,
        )

    def text(self, one: Definition) -> str:
        return self.source[one.start_byte : one.end_byte].decode()

    def place(self, items: Sequence[Definition], holder: Definition | None) -> None:
        """Replace what matches, merge classes, insert the rest next to its neighbours."""
        for at, new in enumerate(items):
            old = self.matches[new]
            members = self.fragment.members(new)
            if old is None:
                target = holder or self.class_for(new)
                matched = {self.matches[one] for one in items[at + 1 :]}
                later = next((one for one in self.level(target) if one in matched), None)
                self.add(new, target, later)
            elif new.kind == "class" and self.left_out(old, members):
                self.place(members, old)
            else:
                self.replace(old, new)

    def left_out(self, old: Definition, members: Sequence[Definition]) -> bool:
        """Say whether a fragment's class lacks members that the source's has."""
        return bool({*self.level(old)} - {self.matches[one] for one in members})

    def level(self, holder: Definition | None) -> list[Definition]:
        """Return what is directly in a class, or not in any."""
        inside = [one for one in self.known if holder is None or encloses(holder, one)]
        return [one for one in inside if not any(encloses(other, one) for other in inside)]

    def class_for(self, new: Definition) -> Definition | None:
        """Return the class that a method without its class is added to."""
        owner = self.fragment.owner(new)
        if not owner and not (self.fragment.is_method(new) and not new.parent):
            return None
        classes = [one for one in self.known if one.kind == "class" and one.body[1]]
        beside = {old.parent for old in self.matches.values() if old and old.parent}
        wanted = {owner} if owner else beside
        named = [one for one in classes if one.qualified_name.removeprefix("impl ") in wanted]
        found = named or classes
        if len(found) != 1:
            raise ToolError(
                f"it is not clear which class of {self.path} `{new.name}` belongs to",
                "write the class line above the method",
            )
        return found[0]

    def replace(self, old: Definition, new: Definition) -> None:
        text = self.fragment.reindented(new, self.prefixed(old, new), old.indent)
        self.changes.append(_Change(old.start_byte, old.end_byte, text))
        lines = f"lines {old.start_line}-{old.end_line}"
        self.done.append(f"replaced `{old.qualified_name}` ({lines})")

    def prefixed(self, old: Definition, new: Definition) -> str:
        """Return the new text with the comments, decorators and visibility it left out."""
        above = self.source[old.start_byte : old.head_byte].decode()
        visible = self.source[old.head_byte : old.bare_byte].decode()
        own_above, own_visible, bare = self.fragment.parts(new)
        alike = {old.kind, new.kind} <= {"function", "method"} or old.kind == new.kind
        foreign = own_visible.startswith("export ") and self.is_commonjs()
        if foreign or (not own_visible and alike):
            own_visible = visible
        if visible.endswith("= ") and own_visible == visible and not bare.endswith(";"):
            bare += ";"
        above = textwrap.dedent(old.indent + above)
        return f"{_merged_above(above, own_above)}{own_visible}{bare}"

    def is_commonjs(self) -> bool:
        return bool(re.search(rb"\bmodule\.exports\b|\bexports\.\w|\brequire\(", self.source))

    def add(self, new: Definition, holder: Definition | None, later: Definition | None) -> None:
        if new.kind == "constant" and not self.is_used(new.name):
            return
        name = f"{holder.qualified_name}.{new.name}" if holder else new.qualified_name
        self.done.append(f"added `{name.removeprefix('impl ')}`")
        code = "".join(self.fragment.parts(new))
        if later is not None:
            text = self.fragment.reindented(new, code, later.indent)
            gap = self.gap(new, later, later.indent)
            start = later.start_byte
            self.changes.append(_Change(start, start, f"{text}{gap}{later.indent}"))
            return
        siblings = [
            one
            for one in self.level(holder)
            if (holder or not one.indent)
            and not (one.kind == "class" and one.name in {"tests", "test"})
        ]
        solid = [one for one in siblings if one.kind != "constant"]
        last = (solid or siblings or [None])[-1]
        self.add_after(last, holder, new, code)

    def add_after(
        self, last: Definition | None, holder: Definition | None, new: Definition, code: str
    ) -> None:
        """Insert after a class's or the file's last definition."""
        limit = holder.body[1] if holder else len(self.source)
        if last is None and holder is not None:
            indent, at = f"{holder.indent}{self.unit()}", holder.body[0]
            text = self.fragment.reindented(new, code, indent)
            self.changes.append(_Change(at, at, f"\n{indent}{text}\n{holder.indent}"))
            return
        indent = last.indent if last else ""
        at = len(self.source.rstrip()) if last is None else self.line_end(last.end_byte, limit)
        text = self.fragment.reindented(new, code, indent)
        gap = self.gap(new, last, indent)
        end = "\n" if not self.source[at:].strip() and not self.source[at:] else ""
        self.changes.append(_Change(at, at, f"{gap}{indent}{text}{end}"))

    def line_end(self, at: int, limit: int) -> int:
        end = self.source.find(b"\n", at)
        return min(end if end >= 0 else len(self.source), max(limit, at))

    def gap(self, new: Definition, other: Definition | None, indent: str) -> str:
        if new.kind == "constant" and (other is None or other.kind == "constant"):
            return "\n"
        return "\n\n\n" if self.language == "python" and not indent else "\n\n"

    def unit(self) -> str:
        found = re.search(rb"^([ \t]+)\S", self.source, re.MULTILINE)
        return found[1].decode() if found else "    "

    def is_used(self, name: str) -> bool:
        word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
        others = (self.fragment.slice(one) for one in self.fragment.top if one.name != name)
        return bool(word.search(self.source.decode()) or any(map(word.search, others)))


def _decorators(text: str) -> list[str]:
    return re.findall(r"^[ \t]*((?:@|#\[).*)$", text, re.MULTILINE)


def _parameters(text: str) -> str:
    found = re.search(r"\(([^)]*)\)", "\n".join(x for x in text.splitlines() if "@" not in x))
    return re.sub(r"\s|:[^,]*", "", found[1]) if found else ""


def _merged_above(old: str, new: str) -> str:
    """Keep comments if the new text has none, and decorators if it has none."""
    if not old or not new:
        return new or old
    mark = re.compile(r"^\s*(?:@|#\[)", re.MULTILINE)
    old_at, new_at = mark.search(old), mark.search(new)
    old_cut = old_at.start() if old_at else len(old)
    new_cut = new_at.start() if new_at else len(new)
    return (new[:new_cut] or old[:old_cut]) + (new[new_cut:] or old[old_cut:])
