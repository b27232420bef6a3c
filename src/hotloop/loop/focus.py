"""What a small model is shown: one definition, the failing test, the goal, and nothing else."""

from __future__ import annotations

import ast
import re
import textwrap

import msgspec

from hotloop.levers.slips.guards import Crash
from hotloop.workspace.definitions import Definition, definitions
from hotloop.workspace.localise import Localisation, SuspectDefinition
from hotloop.workspace.root import Workspace
from hotloop.workspace.syntax import language_of
from hotloop.workspace.testrun import TestOutcome
from hotloop.workspace.text import TextFile

_FAILURE_CHARS = 600
_MOST_LINES = 80
_MOST_SIBLINGS = 12
_TABLE_HEAD = re.compile(r"""=\s*(?:(?:new )?[\w.]+\()?[\[{]$|=\s*(?:\($|\"{3}|'{3}|`)""")
_FIELD = re.compile(r"\w+\s*:[^\n]*")
_REMARKS_ABOVE = re.compile(r"(?:\s*(?:/\*[\s\S]*?\*/|//.*)[ \t]*\n)*")
_LEAST_LINES = 2


class Focus(msgspec.Struct, frozen=True, kw_only=True):
    """A definition to repair. `source` is its text without indentation, without a final newline.

    `start` is the offset in `source` from which on the fault may be; `first_line` and `last_line`
    count from 1 in the file. `beside` are the sources of its class's other methods. `score` is how
    suspect it is by the tests.
    """

    path: str
    name: str
    source: str
    start: int
    first_line: int
    last_line: int
    file: TextFile
    line_scores: dict[int, float]
    score: float
    siblings: str = ""
    beside: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """Return the language's name as it stands behind a code fence."""
        return language_of(self.path) or ""

    @property
    def is_table(self) -> bool:
        """Say whether it is a constant of several lines: values in brackets, or a text."""
        head = self.source.split("\n", 1)[0]
        return "\n" in self.source and bool(_TABLE_HEAD.search(head))

    def file_with(self, text: str) -> str:
        """Return the whole file with the definition's text replaced by `text`."""
        lines = self.file.text.split("\n")
        indent = re.match(r"[ \t]*", lines[self.first_line - 1])
        body = textwrap.indent(text.rstrip("\n"), indent.group() if indent else "")
        return "\n".join([*lines[: self.first_line - 1], body, *lines[self.last_line :]])

    def suspicion(self, offset: int) -> float:
        """Return how suspect the line at an offset of `source` is, from 0.2 to 1."""
        line = self.first_line + self.source.count("\n", 0, offset)
        top = max(self.line_scores.values(), default=0.0)
        if not top:
            return 1.0
        return 0.2 + 0.8 * self.line_scores.get(line, 0.0) / top


def focus_on(
    workspace: Workspace,
    suspect: SuspectDefinition,
    localisation: Localisation,
    *,
    whole: bool = False,
) -> Focus | None:
    """Return the focus on a suspect definition; None for a class, a field, or one too long.

    With `whole`, the fault may be in the definition's head too.
    """
    file = workspace.read_text(suspect.path)
    lines = file.text.split("\n")
    source = textwrap.dedent("\n".join(lines[suspect.start_line - 1 : suspect.end_line]))
    inside = [
        one
        for one in definitions(suspect.path, file.text)
        if suspect.start_line <= one.start_line
        and one.end_line <= suspect.end_line
        and one.kind == "class"
    ]
    is_long = suspect.end_line - suspect.start_line >= _MOST_LINES
    if inside or is_long or _FIELD.fullmatch(source):
        return None
    scores = {
        one.line: one.score
        for one in localisation.lines
        if one.path == suspect.path and suspect.start_line <= one.line <= suspect.end_line
    }
    return Focus(
        path=suspect.path,
        name=suspect.name,
        source=source,
        start=0 if whole else _start(suspect, source, scores),
        first_line=suspect.start_line,
        last_line=suspect.end_line,
        file=file,
        line_scores=scores,
        score=suspect.score,
        siblings=_siblings(suspect.path, file.text, suspect),
        beside=_beside(suspect.path, file.text, suspect),
    )


def _start(suspect: SuspectDefinition, source: str, scores: dict[int, float]) -> int:
    """Return the offset of the first line that the fault can be on."""
    first = body_line(suspect.path, source)
    executed = [line - suspect.start_line for line in scores]
    if executed and min(executed) > first:
        first = min(executed)
    return sum(len(line) + 1 for line in source.split("\n")[:first])


def body_line(path: str, source: str) -> int:
    """Return the index of the line on which a definition's body begins, behind what explains it."""
    if not path.endswith(".py"):
        above = _REMARKS_ABOVE.match(source)
        head = source.count("\n", 0, above.end() if above else 0)
        return head + (source.count("\n") - head >= _LEAST_LINES)
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return 0
    function = tree.body[0] if tree.body else None
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    body = function.body
    if ast.get_docstring(function, clean=False) is not None and len(body) > 1:
        return body[1].lineno - 1
    return body[0].lineno - 1 if body[0].lineno > function.lineno else 0


def crash_in(focus: Focus, outcome: TestOutcome) -> Crash | None:
    """Return the first exception of a failing run that a line of the definition raised."""
    for one in outcome.failures:
        last = one.frames[-1] if one.frames else None
        is_inside = last is not None and focus.first_line <= last.line <= focus.last_line
        if last is not None and is_inside and last.path == focus.path:
            lines = focus.source.split("\n")[: last.line - focus.first_line]
            return Crash(sum(len(line) + 1 for line in lines), one.message)
    return None


def question(goal: str, outcome: TestOutcome, focus: Focus) -> str:
    """Return the first user message about a definition."""
    return f"Goal: {goal}\n\nFailing test:\n{first_failure(outcome)}\n\n{code(focus)}"


def another(focus: Focus) -> str:
    """Return the user message that shows one more definition."""
    return f"Or is it this one?\n\n{code(focus)}"


def code(focus: Focus) -> str:
    """Return a definition as a named code block, with what its class offers beside it."""
    return f"{focus.path}{focus.siblings}:\n```{focus.language}\n{focus.source}\n```"


def first_failure(outcome: TestOutcome) -> str:
    """Return the first failing test as a small model needs it: its lines and the values."""
    shown = next((one.excerpt for one in outcome.failures if one.excerpt), "")
    return _failing(shown) if shown else outcome.digest(_FAILURE_CHARS)


def first_failures(outcome: TestOutcome, most: int) -> str:
    """Return the first failing tests, each as `first_failure` does."""
    shown = [_failing(one.excerpt) for one in outcome.failures if one.excerpt]
    return "\n\n".join(dict.fromkeys(shown[:most])) or first_failure(outcome)


def _failing(excerpt: str) -> str:
    head, _, rest = excerpt.partition("\n")
    name = re.sub(r" line \d+$| \(.*", "", head.removeprefix("FAIL ").split("::")[-1])
    return f"{name}\n{rest}"[:_FAILURE_CHARS].rstrip()


def _siblings(path: str, text: str, suspect: SuspectDefinition) -> str:
    """Return the names of the other members of a method's class."""
    names = [one.name for one in _members(path, text, suspect)]
    if not names:
        return ""
    parent = suspect.name.rpartition(".")[0]
    return f", class {parent} (with {', '.join(names[:_MOST_SIBLINGS])})"


def _beside(path: str, text: str, suspect: SuspectDefinition) -> tuple[str, ...]:
    lines = text.split("\n")
    methods = (one for one in _members(path, text, suspect) if one.kind == "method")
    return tuple("\n".join(lines[one.start_line - 1 : one.end_line]) for one in methods)


def _members(path: str, text: str, suspect: SuspectDefinition) -> list[Definition]:
    """Return the other members of a method's class."""
    parent = suspect.name.rpartition(".")[0]
    return [
        one
        for one in definitions(path, text)
        if parent and one.parent == parent and one.qualified_name != suspect.name
    ]
