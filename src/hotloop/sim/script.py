"""What the simulated model says: a list of replies, and which of them answers a request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from hotloop.errors import UsageError
from hotloop.sim.files import read_data
from hotloop.sim.profile import Count, Fault, FaultKind
from hotloop.sim.wire import ChatRequest
from hotloop.sim.work import Work


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call. `arguments` is a table, or text that is sent as it is (broken JSON too)."""

    name: str
    arguments: dict[str, object] | str = {}

    def arguments_json(self) -> str:
        """Return the arguments as the text that goes over the wire."""
        if isinstance(self.arguments, str):
            return self.arguments
        return msgspec.json.encode(self.arguments).decode()


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer: reasoning, then text, then tool calls.

    `tokens` is its exact number of output tokens; without it they follow from its length.
    `finish` overrides the finish reason. `match` (a substring or regular expression) must be
    in the last message. `alternatives` answer the further choices of a request with `n`.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tokens: Count | None = None
    finish: str = ""
    fault: FaultKind | Fault | None = None
    match: str = ""
    alternatives: tuple[Reply, ...] = ()

    def choice(self, index: int) -> Reply:
        """Return what choice number `index` says; without alternatives all say the same."""
        if 0 < index <= len(self.alternatives):
            return self.alternatives[index - 1]
        return self

    def fits(self, last_message: str) -> bool:
        """Whether this reply may answer a conversation that ends with a message."""
        if not self.match or self.match in last_message:
            return True
        try:
            return re.search(self.match, last_message) is not None
        except re.error:
            return False


FINAL = Reply(text="That was all I had to say; nothing is left to do.")


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Replies and how they are chosen.

    `turn`: the number of assistant messages in the request says which reply answers, so that
    retries, warm-up requests and parallel sessions use none up; a reply whose `match` is not
    met is passed over. `match`: the first reply that fits answers, whatever the turn.
    `sequence`: every request takes the next one. With `work`, replies follow from what the
    request shows instead.
    """

    replies: tuple[Reply, ...] = ()
    order: Literal["turn", "match", "sequence"] = "turn"
    final: Reply = FINAL
    work: Work | None = None

    def answer(self, request: ChatRequest, requests: int) -> Reply:
        """Return the reply to a request, after `requests` others."""
        if self.work is not None:
            text, calls = self.work.answer(request)
            made = tuple(ToolCall(name=name, arguments=one) for name, one in calls)
            return Reply(text=text, tool_calls=made) if text or made else self.final
        return self.choose(request.turn, request.messages[-1].text(), requests)

    def choose(self, turn: int, last_message: str, requests: int) -> Reply:
        """Return the reply to a request with `turn` assistant messages, after `requests` others."""
        start = {"turn": turn, "match": 0, "sequence": requests}[self.order]
        candidates = self.replies[start:]
        return next((reply for reply in candidates if reply.fits(last_message)), self.final)


def load_script(path: str | Path) -> Script:
    """Return the script in a TOML or JSON file. Raises UsageError naming file and field."""
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"no script {path}", "give the path of a TOML or JSON file with replies")
    return read_data(path, Script)
