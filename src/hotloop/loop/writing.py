"""Ask a small model to write definitions: what is missing, or several at once in one file."""

from __future__ import annotations

import re
from typing import Any

from hotloop.actions.parse import TextParser
from hotloop.actions.types import Define
from hotloop.errors import ToolError
from hotloop.loop.focus import first_failure
from hotloop.loop.proving import Found
from hotloop.loop.search import ANSWER_TOKENS, Search
from hotloop.workspace.autoimport import mend_imports
from hotloop.workspace.definitions import replace_definitions
from hotloop.workspace.localise import Localisation
from hotloop.workspace.syntax import language_of
from hotloop.workspace.testrun import TestOutcome

_MOST_FILE_CHARS = 5_000
_SAMPLES = 3
_WARMTH = 0.7


class Writing:
    """Attempts at whole definitions of one file, each judged by tests."""

    def __init__(self, search: Search, outcome: TestOutcome) -> None:
        self._search = search
        self._parts = search.parts
        self._outcome = outcome

    async def run(self, localisation: Localisation) -> Found | None:
        """Ask once, then for other answers; return what tests accept."""
        path = self._path(localisation)
        if not path:
            return None
        transcript = self._search.transcript
        transcript.append({"role": "user", "content": self._ask(path, localisation)})
        head = self._head(path, localisation)
        branch = [{"role": "assistant", "content": f"```{language_of(path)}\n{head}"}]
        for attempt in range(1 + _SAMPLES):
            warmth: dict[str, Any] = {"temperature": _WARMTH, "seed": attempt} if attempt else {}
            result = await self._search.ask(
                branch if head else [], max_tokens=ANSWER_TOKENS, **warmth
            )
            if result is None:
                break
            if not result.was_cut:
                begun = branch[0]["content"] if head else ""
                await self._submit(path, begun + result.answer.text)
            found = await self._search.proving.settle()
            if found is not None:
                return found
        return await self._search.proving.settle()

    def _head(self, path: str, localisation: Localisation) -> str:
        """Return how the answer begins: with the head of the one function that is missing.

        With its parameters where the goal names them.
        """
        names = [one.name for one in localisation.missing if one.path == path and one.name]
        if len(names) != 1 or not names[0].isidentifier() or names[0][0].isupper():
            return ""
        named = re.search(rf"\b{names[0]}\(([\w\s,=]*)\)", self._parts.goal)
        begun = named.group() if named else f"{names[0]}("
        match language_of(path):
            case "python":
                return f"def {begun}" + (":" if named else "")
            case "javascript":
                is_module = re.search(r"^export ", self._text(path), re.MULTILINE)
                word = "export function" if is_module else "function"
                return f"{word} {begun}" + (" {" if named else "")
            case _:
                return ""

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

    def _ask(self, path: str, localisation: Localisation) -> str:
        source = self._text(path)[:_MOST_FILE_CHARS]
        names = ", ".join(one.name for one in localisation.missing if one.name)
        wanted = f"Write {names} for {path}" if names else f"Correct {path}"
        return (
            f"Goal: {self._parts.goal}\n\nFailing test:\n{first_failure(self._outcome)}\n\n"
            f"{path}:\n```{language_of(path)}\n{source.rstrip()}\n```\n\n"
            f"{wanted}. Answer with only the new and changed definitions, each as a whole."
        )

    async def _submit(self, path: str, answer: str) -> None:
        parser = TextParser(default_path=path)
        parsed = [*parser.feed(answer), *parser.finish()]
        blocks = [one.action.code for one in parsed if isinstance(one.action, Define)]
        old = text = self._text(path)
        for code in blocks:
            try:
                text = replace_definitions(path, text, code)[0] if text else code
            except ToolError:
                continue
        if text != old:
            await self._search.proving.submit({path: mend_imports(path, text)}, answer)
