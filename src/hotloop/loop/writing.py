"""Ask a small model to write definitions: what is missing, or several at once in one file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hotloop.actions.parse import TextParser
from hotloop.actions.types import Define
from hotloop.errors import ToolError
from hotloop.loop.asking import ALTERNATIVES, ANSWER_TOKENS, Asking
from hotloop.loop.candidates import fingerprint
from hotloop.loop.drafts import Draft, Drafts
from hotloop.loop.expected import whole_tests
from hotloop.loop.extracting import extract, parameters_in
from hotloop.loop.focus import body_line, first_failure
from hotloop.loop.outline import offered, outlined
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Found, Proving
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
_ATTEMPTS = 16
_FREE = 0.3
_LEAST_ATTEMPTS = 3
_MISSING_TOKENS = 240
_MOST_TIMES = 2
_LEAST_TOKENS = 128
_WARMTH = 0.9
_LEAST_OPENING = 8
_IMPORT = re.compile(r"import\b|from\b|\s|.*\brequire\(")
_OPENING_LINES = 2
_NEXT_DEFINITION = ["\n```", "\ndef ", "\nclass ", "\nfunction ", "\nexport "]


class Writing:
    """Attempts at whole definitions of one file, each judged by tests."""

    def __init__(
        self, parts: Parts, asking: Asking, proving: Proving, outcome: TestOutcome
    ) -> None:
        self._parts = parts
        self._asking = asking
        self._proving = proving
        self._outcome = outcome
        self._missing: list[str] = []
        self._seen: set[str] = set()
        self._longest_tokens = 0

    async def run(self, localisation: Localisation) -> Found | None:
        """Make what is missing of what is there; else ask until tests accept an answer."""
        path = self._path(localisation)
        if not path:
            return None
        self._missing = [one.name for one in localisation.missing if one.path == path and one.name]
        found = await extract(self._parts, self._proving, self._outcome, path, self._missing)
        if found:
            return found
        following = self._following(path) if self._missing else []
        question = self._ask(path, [one.name for one in following])
        self._asking.put(question)
        head = self._head(path)
        heads = [head, *(self._head_of(path, one) for one in following)] if head else []
        return await self._answers(path, heads)

    async def _answers(self, path: str, heads: Sequence[str]) -> Found | None:
        """Write the likeliest answer, then in turn what it nearly was, and samples.

        Where there are no drafts left, as where an endpoint tells no probabilities, samples only.
        """
        begun = f"```{language_of(path)}\n"
        first = [Draft(likelihood=_FREE if heads else 1.0, text="", is_free=True)]
        if heads:
            text, left = begun + heads[0], tuple(begun + one for one in heads[1:])
            first.insert(0, Draft(likelihood=1.0, text=text, heads=left))
        drafts = Drafts(path, first)
        for attempt in range(_ATTEMPTS):
            is_sample = attempt > 0 and attempt % 2 == 0
            draft, warmth = None if is_sample else drafts.next(), dict[str, Any]()
            if draft is None:
                draft = drafts.again()
                warmth = {"temperature": _WARMTH, "seed": attempt}
            await self._write(path, draft, drafts, warmth)
            await self._proving.settle()
            if self._proving.winner or (self._proving.has_progress and attempt >= _LEAST_ATTEMPTS):
                break
        return await self._proving.settle()

    async def _write(self, path: str, draft: Draft, drafts: Drafts, params: dict[str, Any]) -> None:
        """Let the model finish a draft, and note what it nearly was.

        What there is so far is submitted after each definition.
        """
        if not params and self._parts.has("race"):
            params = {"logprobs": True, "top_logprobs": ALTERNATIVES}
        if draft.heads:
            params["stop"] = _NEXT_DEFINITION
        params["max_tokens"] = most_tokens = self._most_tokens()
        if draft.is_free and self._missing:
            params["max_tokens"] = min(_MISSING_TOKENS, most_tokens)
            params["stop"] = _opening(self._text(path))
        tokens = 0
        while True:
            result = await self._asking.ask(draft.text, **params)
            if result is None:
                return
            drafts.nearly(draft, result.scores)
            if result.was_cut:
                return
            tokens += result.usage.output_tokens
            self._longest_tokens = max(self._longest_tokens, tokens)
            answer, text = result.answer.text, draft.text
            text += answer if draft.is_free else answer.split("\n```", 1)[0].rstrip() + "\n```\n\n"
            await self._submit(path, text)
            if not draft.heads:
                return
            head, *left = draft.heads
            draft = msgspec.structs.replace(draft, text=text + head, heads=tuple(left))

    def _most_tokens(self) -> int:
        """Return how long an answer may be: after the first, not much longer than those before."""
        if not self._longest_tokens:
            return ANSWER_TOKENS
        return min(ANSWER_TOKENS, max(_LEAST_TOKENS, _MOST_TIMES * self._longest_tokens))

    def _head(self, path: str) -> str:
        """Return how the answer begins: with the head of the one function that is missing.

        With its parameters where the goal names them.
        """
        holder, _, name = self._missing[0].rpartition(".") if self._missing else ("", "", "")
        if len(self._missing) != 1 or not name.isidentifier() or name[0].isupper():
            return ""
        parameters = parameters_in(self._parts.goal, name)
        if holder:
            return self._head_of_method(path, name, parameters)
        named = parameters is not None
        begun = f"{name}({parameters})" if named else f"{name}("
        match language_of(path):
            case "python":
                return f"def {begun}" + (":" if named else "")
            case "javascript":
                is_module = re.search(r"^export ", self._text(path), re.MULTILINE)
                word = "export function" if is_module else "function"
                return f"{word} {begun}" + (" {" if named else "")
            case _:
                return ""

    def _head_of_method(self, path: str, name: str, parameters: str | None) -> str:
        if language_of(path) != "python":
            return ""
        if parameters is None:
            return f"def {name}(self"
        own = [one.strip() for one in parameters.split(",") if one.strip() not in {"", "self"}]
        return f"def {name}({', '.join(['self', *own])}):"

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
        mark = fingerprint(path, text)
        if text != old and mark not in self._seen:
            self._seen.add(mark)
            name = self._missing[0] if len(self._missing) == 1 else ""
            await self._proving.submit({path: mend_imports(path, text)}, name)


def _opening(text: str) -> list[str]:
    """Return how a file begins behind its imports: an answer with that in it repeats the file."""
    lines = (line for line in text.split("\n") if len(line) >= _LEAST_OPENING)
    return [line for line in lines if not _IMPORT.match(line)][:_OPENING_LINES]


def _blocks(path: str, answer: str) -> Iterator[str]:
    parser = TextParser(default_path=path)
    for one in [*parser.feed(answer), *parser.finish()]:
        if isinstance(one.action, Define):
            yield one.action.code
