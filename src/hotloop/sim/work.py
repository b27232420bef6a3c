"""A simulated model with work to do: what it says follows from what the request shows.

Its thoughts, the files it wants to see and the changes it makes are fixed. What is not fixed is
how many messages that takes, which is the loop's doing: a file whose text stands in the
conversation is not asked for, several things go into one message unless the request forbids it,
a change is an edit where the request offers that tool and the whole file where it does not, and
a verdict is given where one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotloop.sim.wire import ChatRequest, Message

Calls = list[tuple[str, str]]
"""Tool calls as their name and the JSON text of their arguments."""


class _Function(msgspec.Struct):
    name: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of all items of work. `text` is what the model says with it."""

    text: str = ""


class Say(Item, frozen=True, kw_only=True, tag="say"):
    """Words. Where `asked` is given, they are said only if it stands in the last message."""

    asked: str = ""


class Look(Item, frozen=True, kw_only=True, tag="look"):
    """A tool call without effect, left out where all of `answers` stand in the conversation."""

    tool: str
    arguments: dict[str, object]
    answers: tuple[str, ...]


class Change(Item, frozen=True, kw_only=True, tag="change"):
    """A change of a file: `old` becomes `new`, or all of it becomes `content`."""

    path: str
    content: str
    old: str
    new: str


class Work(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items in their order. `single` in the system message means one item per message."""

    items: tuple[Say | Look | Change, ...] = ()
    single: str = ""

    def answer(self, request: ChatRequest) -> tuple[str, Calls]:
        """Return words and calls for a request, both empty when nothing is left to say."""
        taken = list(self._next(request))
        tool = "edit" if _offers_edit(request) else "write"
        words = "\n".join(item.text for item in taken if item.text)
        return words, [_call(item, tool) for item in taken if not isinstance(item, Say)]

    def _next(self, request: ChatRequest) -> Iterator[Say | Look | Change]:
        """Yield the items of one message: up to a change, or to what needs answers first."""
        shown = [one.text() for one in request.messages if one.role != "assistant"]
        single = bool(self.single) and self.single in request.messages[0].text()
        has_looked = False
        for item in self.items[self._said(request) :]:
            match item:
                case Say(asked=asked) if asked and asked not in shown[-1]:
                    continue
                case Look(answers=answers) if all(_in_any(one, shown) for one in answers):
                    continue
                case Say() | Change() if has_looked:
                    return
                case _:
                    yield item
            has_looked = has_looked or isinstance(item, Look)
            if single or isinstance(item, Change):
                return

    def _said(self, request: ChatRequest) -> int:
        """Return how many items are behind the conversation: up to the last that was said."""
        answers = [one for one in request.messages if one.role == "assistant"]
        said = [at for at, item in enumerate(self.items, 1) if _is_in(item, answers)]
        return max(said, default=0)


def _in_any(text: str, shown: list[str]) -> bool:
    return any(text in one for one in shown)


def _is_in(item: Say | Look | Change, answers: list[Message]) -> bool:
    if isinstance(item, Say):
        return any(item.text in one.text() for one in answers)
    calls = [_call(item, tool) for tool in ("edit", "write")]
    return any(_makes(one, name, arguments) for one in answers for name, arguments in calls)


def _makes(answer: Message, name: str, arguments: str) -> bool:
    """Say whether an answer makes a call, natively or written as text."""
    made = [(one.function.name, one.function.arguments) for one in answer.tool_calls or ()]
    return (name, arguments) in made or arguments in answer.text()


def _call(item: Look | Change, tool: str) -> tuple[str, str]:
    """Return an item's call; `tool` is what changes are made with."""
    match item:
        case Look():
            name, fields = item.tool, item.arguments
        case Change() if tool == "edit":
            name, fields = tool, {"path": item.path, "old": item.old, "new": item.new}
        case Change():
            name, fields = tool, {"path": item.path, "content": item.content}
    return name, msgspec.json.encode(fields).decode()


def _offers_edit(request: ChatRequest) -> bool:
    """Say whether a request offers the tool `edit`, natively or in its system message."""
    if request.tools:
        functions = [msgspec.convert(one.get("function", {}), _Function) for one in request.tools]
        return any(one.name == "edit" for one in functions)
    return '"tool":"edit"' in request.messages[0].text()
