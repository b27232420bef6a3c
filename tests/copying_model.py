"""A backend that copies the definition it is asked about, and doubts where a test says so."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from hotloop.backend.types import Delta, Finish, Report, TextDelta, TokenScore, Watch
from hotloop.ledger.events import Marks, Usage

Doubts = Mapping[str, tuple[str, float]]


class CopyingModel:
    """Answers with the definition that was shown last; `doubts` maps a token to another one.

    A begun answer is gone on with; asked for no more than that, it is repeated first, as by some
    builds of llama-server. Where the request stops at the line's end, the rest of the
    line is what `endings` has for its beginning. Behind a comment begun it says `remark`, if any.
    """

    base_url = "http://127.0.0.1:1/v1"
    model = "copying"

    def __init__(
        self, doubts: Doubts, endings: Mapping[str, str] | None = None, remark: str = ""
    ) -> None:
        self.doubts = doubts
        self.remark = remark
        self.endings = endings or {}
        self.bodies: list[dict[str, Any]] = []

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        request = json.loads(body)
        self.bodies.append(request)
        last = request["messages"][-1]
        if last["role"] == "user":
            return CopyingStream([TextDelta(f"```\n{self._shown(request)[0]}\n```")])
        repeated = [] if request.get("continue_final_message") else [TextDelta(last["content"])]
        begun = last["content"].split("\n", 1)[-1]
        return CopyingStream([*repeated, *self._continued(request, begun)])

    def _continued(self, request: dict[str, Any], begun: str) -> list[TextDelta]:
        if request.get("stop") == ["\n"]:
            line = begun.rsplit("\n", 1)[-1].strip()
            return [TextDelta(self.endings.get(line, ""))]
        if self.remark and begun.endswith(" Fix:"):
            return [TextDelta(_stopped(self.remark, request["stop"]))]
        # behind a comment begun it sees nothing to fix
        bare = re.sub(r"(?:^|\n) *(?:#|//) Fix:$", "", begun)
        source = next(code for code in self._shown(request) if code.startswith(bare))
        tokens = re.findall(r"\s*\w+|\s*[^\w\s]+|\s+", source[len(bare) :])
        return [self._delta(token) for token in tokens]

    def _shown(self, request: dict[str, Any]) -> list[str]:
        *before, last = request["messages"]
        shown = [*before, last] if last["role"] == "user" else before
        text = "\n".join(message["content"] for message in shown)
        return re.findall(r"```\w*\n(.*?)\n```", text, re.DOTALL)[::-1]

    def _delta(self, token: str) -> TextDelta:
        other = self.doubts.get(token.strip())
        alternatives = ((f" {other[0]}", math.log(other[1])),) if other else ()
        return TextDelta(token, scores=(TokenScore(token, -0.01, alternatives),))

    async def post(self, path: str, body: bytes) -> bytes:
        return b"{}"

    async def aclose(self) -> None:
        return None


def _stopped(text: str, stop: list[str]) -> str:
    ends = [text.find(one) for one in stop if one in text]
    return text[: min(ends)] if ends else text


class CopyingStream:
    def __init__(self, deltas: list[TextDelta]) -> None:
        self.marks = Marks(first_token_s=0.0, last_token_s=0.0)
        usage = Usage(input_tokens=10, output_tokens=len(deltas))
        self._deltas: list[Delta] = [*deltas, Finish("stop"), Report(usage)]

    def __aiter__(self) -> CopyingStream:
        return self

    async def __anext__(self) -> Delta:
        if not self._deltas:
            raise StopAsyncIteration
        return self._deltas.pop(0)

    async def aclose(self) -> None:
        self._deltas = []
