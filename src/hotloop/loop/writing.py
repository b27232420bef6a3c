"""Ask a small model to write definitions: what is missing, or several at once in one file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from hotloop.actions.parse import TextParser
from hotloop.actions.types import Define
from hotloop.errors import ToolError
from hotloop.loop.expected import whole_tests
from hotloop.loop.extracting import extract
from hotloop.loop.focus import body_line, first_failure
from hotloop.loop.outline import offered, outlined
from hotloop.loop.proving import Found
from hotloop.loop.search import ANSWER_TOKENS, Search
from hotloop.workspace.autoimport import mend_imports
from hotloop.workspace.definitions import Definition, definitions, replace_definitions
from hotloop.workspace.exports import mend_exports
from hotloop.workspace.localise import Localisation
from hotloop.workspace.syntax import language_of
from hotloop.workspace.testrun import TestOutcome

_MOST_FILE_CHARS = 5_000
_MOST_FOLLOWING = 3
_ONE_LINER = 1
_SHORT = 5
_ATTEMPTS = 8
_LEAST_ATTEMPTS = 3
_MISSING_TOKENS = 240
_WARMTH = 0.9
_NEXT_DEFINITION = ["\n```", "\ndef ", "\nclass ", "\nfunction ", "\nexport "]


class Writing:
    """Attempts at whole definitions of one file, each judged by tests."""

    def __init__(self, search: Search, outcome: TestOutcome) -> None:
        self._search = search
        self._parts = search.parts
        self._outcome = outcome
        self._missing: list[str] = []

    async def run(self, localisation: Localisation) -> Found | None:
        """Ask for answers until tests accept one; return it.

        Every other answer is free in its form: what is missing may be a method.
        """
        path = self._path(localisation)
        if not path:
            return None
        self._missing = [one.name for one in localisation.missing if one.path == path and one.name]
        if len(self._missing) == 1 and self._text(path):
            found = await extract(self._parts, self._search.proving, path, self._missing[0])
            if found:
                return found
        following = self._following(path) if self._missing else []
        question = self._ask(path, [one.name for one in following])
        self._search.transcript.append({"role": "user", "content": question})
        head = self._head(path)
        heads = [head, *(self._head_of(path, one) for one in following)] if head else []
        proving = self._search.proving
        for attempt in range(_ATTEMPTS):
            is_warm = attempt >= (2 if heads else 1)
            warmth: dict[str, Any] = {"temperature": _WARMTH, "seed": attempt} if is_warm else {}
            await self._attempt(path, heads if attempt % 2 == 0 else [], warmth)
            await proving.settle()
            if proving.winner or (proving.has_progress and attempt >= _LEAST_ATTEMPTS):
                break
        return await proving.settle()

    async def _attempt(self, path: str, heads: Sequence[str], warmth: dict[str, Any]) -> None:
        """Let the model write one definition behind each head, or what it likes without any.

        What there is so far is submitted after each.
        """
        if not heads:
            most_tokens = _MISSING_TOKENS if self._missing else ANSWER_TOKENS
            result = await self._search.ask([], max_tokens=most_tokens, **warmth)
            if result is not None and not result.was_cut:
                await self._submit(path, result.answer.text)
            return
        text = ""
        for head in heads:
            text += f"```{language_of(path)}\n{head}"
            branch = [{"role": "assistant", "content": text}]
            ends = {"stop": _NEXT_DEFINITION} if len(heads) > 1 else {}
            result = await self._search.ask(branch, max_tokens=ANSWER_TOKENS, **ends, **warmth)
            if result is None or result.was_cut:
                return
            text += result.answer.text.split("\n```", 1)[0].rstrip() + "\n```\n\n"
            await self._submit(path, text)

    def _head(self, path: str) -> str:
        """Return how the answer begins: with the head of the one function that is missing.

        With its parameters where the goal names them.
        """
        missing = self._missing
        if len(missing) != 1 or not missing[0].isidentifier() or missing[0][0].isupper():
            return ""
        named = re.search(rf"\b{missing[0]}\(([\w\s,=]*)\)", self._parts.goal)
        begun = named.group() if named else f"{missing[0]}("
        match language_of(path):
            case "python":
                return f"def {begun}" + (":" if named else "")
            case "javascript":
                is_module = re.search(r"^export ", self._text(path), re.MULTILINE)
                word = "export function" if is_module else "function"
                return f"{word} {begun}" + (" {" if named else "")
            case _:
                return ""

    def _following(self, path: str) -> list[Definition]:
        """Return the functions of the file that the goal names: they are to change as well."""
        goal = self._parts.goal
        named = [
            one
            for one in definitions(path, self._text(path))
            if one.kind in {"function", "method"}
            and re.search(rf"\b{re.escape(one.name)}\(|`{re.escape(one.name)}`", goal)
        ]
        return named[:_MOST_FOLLOWING]

    def _head_of(self, path: str, one: Definition) -> str:
        """Return an existing definition up to its body, as the model is to begin it."""
        lines = self._text(path).split("\n")[one.start_line - 1 : one.end_line]
        source = textwrap.dedent("\n".join(lines))
        return "".join(f"{line}\n" for line in source.split("\n")[: body_line(path, source)])

    def _text(self, path: str) -> str:
        file = self._parts.workspace.root / path
        return self._parts.workspace.read_text(path).text if file.is_file() else ""

    def _path(self, localisation: Localisation) -> str:
        for one in localisation.missing:
            if one.path:
                return one.path
        for one in localisation.definitions:
            return one.path
        return ""

    def _ask(self, path: str, following: Sequence[str]) -> str:
        missing = self._missing
        wanted = f"Write {', '.join(missing)} for {path}" if missing else f"Correct {path}"
        if following:
            wanted += f", and change {', '.join(following)} to use it"
        workspace, outcome = self._parts.workspace, self._outcome
        failures = whole_tests(workspace, outcome) if missing else first_failure(outcome)
        words = {*re.findall(r"\w+", f"{self._parts.goal} {failures}")}
        most_lines = _ONE_LINER if following else _SHORT
        source = outlined(path, self._text(path), words, most_lines=most_lines)
        return (
            f"Goal: {self._parts.goal}\n\nFailing test:\n{failures}\n\n"
            f"{path}:\n```{language_of(path)}\n{source[:_MOST_FILE_CHARS].rstrip()}\n```\n"
            f"{offered(workspace, path)}\n"
            f"{wanted}. Answer with only the new and changed definitions, each as a whole."
        )

    async def _submit(self, path: str, answer: str) -> None:
        old = text = self._text(path)
        for code in _blocks(path, answer):
            try:
                text = replace_definitions(path, text, code)[0] if text else code
            except ToolError:
                continue
        if language_of(path) == "javascript":
            text = mend_exports(text, self._missing)
        if text != old:
            name = self._missing[0] if len(self._missing) == 1 else ""
            await self._search.proving.submit({path: mend_imports(path, text)}, name)


def _blocks(path: str, answer: str) -> Iterator[str]:
    parser = TextParser(default_path=path)
    for one in [*parser.feed(answer), *parser.finish()]:
        if isinstance(one.action, Define):
            yield one.action.code
