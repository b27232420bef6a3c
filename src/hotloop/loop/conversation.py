"""The conversation with one backend: requests that only grow, in a dialect that it understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotloop.actions.dialects import AnswerParser, dialect
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.errors import BackendError
from hotloop.ledger.events import PrefixBreak, StepKind
from hotloop.loop.caller import CallResult
from hotloop.loop.capability import next_dialect, remember
from hotloop.loop.compaction import Compaction
from hotloop.loop.dispatch import Dispatch
from hotloop.loop.parts import Parts
from hotloop.loop.transcript import Transcript, first_difference
from hotloop.loop.turn import Turn
from hotloop.tools.base import Tool

_MOST_TOKENS = 4_096
_THINK_TOKENS = 200
_DECODE_TOKENS_PER_S = 100.0
_THINK = "Think in at most three short sentences: what is wrong, and what comes next? Do not act."
_ACT = "Now act."


class Conversation:
    """Asks the model and keeps the transcript.

    `dialect_name` is how actions are written; `is_known` says that an action came in it already.
    """

    def __init__(self, parts: Parts, spoken: str, tools: Mapping[str, Tool], first: str) -> None:
        self._parts = parts
        self._tools = tools
        self._dialect = dialect(spoken, parts.has)
        self._thinks_apart = parts.config.think == "apart"
        self._first = f"{first}\n\n{_THINK}" if self._thinks_apart else first
        self._transcript = self._begin()
        self._compaction = Compaction(parts, parts.config.context_tokens)
        self._sent = b""
        self._rate = _DECODE_TOKENS_PER_S
        self._has_answered = False
        self.is_known = parts.is_small

    @property
    def dialect_name(self) -> str:
        """Return the name of the dialect that is spoken."""
        return self._dialect.name

    async def close(self) -> None:
        """End what goes on in the background."""
        await self._compaction.cancel()

    async def tell(self, turn: Turn) -> None:
        """Put what came of an answer into the transcript, and keep that within the context."""
        told = [*turn.told, _THINK] if self._thinks_apart else turn.told
        self._transcript.append(
            self._dialect.answered(turn.result.answer),
            *self._dialect.observed(turn.observed, told),
        )
        compacted = await self._compaction.apply(self._transcript, turn.result.usage)
        if compacted is not self._transcript:
            self._transcript, self._sent = compacted, b""

    async def ask(self, step: int) -> tuple[CallResult, Dispatch]:
        """Make one model call; actions run as they close. Falls to a simpler dialect if refused.

        Raises BackendError.
        """
        while True:
            number = self._parts.clock.next_call()
            body = self._body(number)
            parser = self._dialect.parser()
            dispatch = Dispatch(
                self._parts, self._tools, number, step, eager=self._parts.has("eager")
            )
            try:
                result = await self._call(body, step, number, parser, dispatch)
            except BackendError as error:
                await dispatch.cancel()
                self._simplify(error)
                continue
            except BaseException:
                await dispatch.cancel()
                raise
            for parsed in parser.finish(cut=result.was_cut):
                dispatch.add(parsed)
            self._learn(result, dispatch)
            return result, dispatch

    async def _call(
        self, body: bytes, step: int, number: int, parser: AnswerParser, dispatch: Dispatch
    ) -> CallResult:
        def take(delta: TextDelta | ToolDelta) -> None:
            for parsed in parser.feed(delta):
                dispatch.add(parsed)

        return await self._parts.caller.call(body, step=step, number=number, on_delta=take)

    def _learn(self, result: CallResult, dispatch: Dispatch) -> None:
        self._has_answered = True
        self._rate = result.tokens_per_s or self._rate
        if not self.is_known:
            self.is_known = remember(
                self._parts.caller.backend, self._dialect.name, dispatch.parsed
            )

    def _simplify(self, error: BackendError) -> None:
        """Change to a simpler dialect; raises the error where that is not the cure.

        Only before the first answer, while nothing is written in the old one.
        """
        simpler = next_dialect(self._dialect.name, error)
        if simpler is None or self._has_answered or self._parts.config.dialect != "auto":
            raise error
        self._parts.clock.note(f"the endpoint refused {self._dialect.name}: using {simpler}")
        self._dialect = dialect(simpler, self._parts.has)
        self._sent = b""
        self._transcript = self._begin()

    def _body(self, number: int) -> bytes:
        tokens = self._parts.clock.budget.tokens(self._rate, _MOST_TOKENS)
        self._guard(number)
        return self._transcript.request({**_params(tokens), **self._dialect.params()})

    def _guard(self, number: int) -> None:
        """Report where a request does not begin with the bytes of the one before it."""
        prefix = self._transcript.prefix
        at = first_difference(self._sent, prefix)
        if at is not None:
            self._parts.clock.emit(
                PrefixBreak(
                    t_s=self._parts.clock.now_s(),
                    call=number,
                    offset=at,
                    expected=self._sent[at : at + 40].decode("utf-8", "replace"),
                    got=prefix[at : at + 40].decode("utf-8", "replace"),
                )
            )
        self._sent = prefix

    async def think(self) -> None:
        """Make a call of its own for thinking, as the article's `think` turns, if so configured."""
        if not self._thinks_apart:
            return
        with self._parts.clock.step(StepKind.REASON) as step:
            result = await self._thought(step.number)
        self._transcript.append(
            {"role": "assistant", "content": result.answer.text or "(nothing)"},
            {"role": "user", "content": _ACT},
        )

    async def _thought(self, step: int) -> CallResult:
        while True:
            number = self._parts.clock.next_call()
            self._guard(number)
            body = self._transcript.request(_params(_THINK_TOKENS))
            try:
                return await self._parts.caller.call(body, step=step, number=number)
            except BackendError as error:
                self._simplify(error)

    def _begin(self) -> Transcript:
        transcript = Transcript({"model": self._parts.caller.backend.model, **self._dialect.head()})
        transcript.append({"role": "system", "content": self._dialect.system()})
        transcript.append({"role": "user", "content": self._first})
        return transcript


def _params(max_tokens: int) -> dict[str, Any]:
    """Return the fields behind the messages, the same for every call but for their number."""
    return {
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
    }
