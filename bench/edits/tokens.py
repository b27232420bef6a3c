"""How many tokens the same action or change is in each form, by the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

import msgspec

from bench.levers.forms import Edit, smallest_edit
from bench.loops.suite import TASKS
from hotloop.backend.client import Client
from hotloop.workspace.definitions import Definition, definitions

_ACTIONS: dict[str, list[dict[str, Any]]] = {
    "read": [{"tool": "read", "path": "billing/invoice.py"}],
    "read lines": [{"tool": "read", "path": "billing/invoice.py", "start": 20, "end": 60}],
    "search": [{"tool": "search", "pattern": "def to_cents"}],
    "two reads": [
        {"tool": "read", "path": "billing/invoice.py"},
        {"tool": "read", "path": "billing/money.py"},
    ],
    "test": [{"tool": "test"}],
    "done": [{"tool": "done", "message": "to_cents rounds half up"}],
}
_BODIES = {"edit": ("old", "new"), "define": ("code",), "write": ("content",)}


class _Tokenized(msgspec.Struct):
    tokens: list[Any]


class Counter:
    """Counts tokens at an endpoint that has `/tokenize` (llama.cpp)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def count(self, text: str) -> int:
        """Return the number of tokens. Raises BackendError."""
        body = msgspec.json.encode({"content": text, "add_special": False})
        answer = await self._client.post("/tokenize", body)
        return len(msgspec.json.decode(answer, type=_Tokenized).tokens)


def native(actions: list[dict[str, Any]]) -> str:
    """Return actions as this model family writes tool calls, in JSON with blanks."""
    return "\n".join(f"<tool_call>\n{_call(one)}\n</tool_call>" for one in actions)


def _call(action: Mapping[str, Any]) -> str:
    import json  # writes the blanks that the chat template has

    arguments = {key: value for key, value in action.items() if key != "tool"}
    return json.dumps({"name": action["tool"], "arguments": arguments}, ensure_ascii=False)


def schema(actions: list[dict[str, Any]]) -> str:
    """Return actions as one compact JSON object."""
    return msgspec.json.encode({"actions": actions}).decode()


def text(actions: list[dict[str, Any]]) -> str:
    """Return actions as `terse` and `fenced` have them: code raw behind a header."""
    return "\n".join(part for one in actions for part in _text(one))


def _text(action: Mapping[str, Any]) -> Iterator[str]:
    bodies = _BODIES.get(action["tool"], ())
    header = {key: value for key, value in action.items() if key not in bodies}
    yield msgspec.json.encode(header).decode()
    for name in bodies:
        yield f"```\n{action[name].removesuffix(chr(10))}\n```"


FORMS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "native": native,
    "schema": schema,
    "text": text,
}


async def rows(counter: Counter) -> list[str]:
    """Return the table: tokens of single actions, and medians over the solutions' changes."""
    lines = [f"{'action':<22} " + " ".join(f"{name:>8}" for name in FORMS)]
    for name, actions in _ACTIONS.items():
        counts = [await counter.count(form(actions)) for form in FORMS.values()]
        lines.append(f"{name:<22} " + " ".join(f"{one:>8}" for one in counts))
    changes = [*_changes()]
    for tool in ("edit", "define", "write"):
        counts: list[float] = []
        for form in FORMS.values():
            own = [await counter.count(form([change[tool]])) for change in changes]
            counts.append(median(own))
        label = f"{tool} (median of {len(changes)})"
        lines.append(f"{label:<22} " + " ".join(f"{one:>8.0f}" for one in counts))
    return lines


def _changes() -> Iterator[dict[str, dict[str, Any]]]:
    """Yield each file's change by the tasks' solutions, as each of the three tools has it."""
    for solution in sorted((TASKS / "dev").glob("*/solution")):
        for file in sorted(path for path in solution.rglob("*") if path.is_file()):
            path = str(file.relative_to(solution))
            old, new = solution.with_name("repo") / path, file.read_text("utf-8")
            if old.is_file() and old.read_text("utf-8") != new:
                yield _forms(
                    smallest_edit(path, old.read_text("utf-8"), new), old.read_text("utf-8")
                )


def _forms(edit: Edit, before: str) -> dict[str, dict[str, Any]]:
    code = "\n\n\n".join(_changed(edit.path, before, edit.content))
    part = {"old": edit.old.removesuffix("\n"), "new": edit.new.removesuffix("\n")}
    return {
        "edit": {"tool": "edit", "path": edit.path, **part},
        "define": {"tool": "define", "path": edit.path, "code": code},
        "write": {"tool": "write", "path": edit.path, "content": edit.content},
    }


def _changed(path: str, before: str, after: str) -> list[str]:
    """Return the smallest definitions that a change touches, as they are afterwards."""
    known = {_slice(before, one) for one in definitions(path, before)}
    found = definitions(path, after)
    new = [one for one in found if _slice(after, one) not in known]
    inner = [one for one in new if not any(_is_inside(other, one) for other in new)]
    return [_slice(after, one) for one in inner]


def _is_inside(inner: Definition, outer: Definition) -> bool:
    within = outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte
    return within and inner is not outer


def _slice(source: str, one: Definition) -> str:
    return one.indent + source.encode()[one.start_byte : one.end_byte].decode()
