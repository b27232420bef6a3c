"""The conversation with one backend: requests that only grow, in a dialect that it understands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hotloop.actions.dialects import AnswerParser, dialect
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount, PrefixBreak, StepKind
from hotloop.levers.budget import MOST_TOKENS, hurry, limit_tokens
from hotloop.levers.prefill_ahead import LEAST_NEW_BYTES, MAX_TOKENS, PrefillAccount
from hotloop.levers.stable_prefix import Guard
from hotloop.loop.caller import CallResult
from hotloop.loop.capability import next_dialect, remember
from hotloop.loop.compaction import Compaction
from hotloop.loop.dispatch import Dispatch
from hotloop.loop.parts import Parts
from hotloop.loop.quoting import Quoting
from hotloop.loop.transcript import Transcript
from hotloop.loop.turn import Turn
from hotloop.tools.base import Tool

_THINK_TOKENS = 200
_DECODE_TOKENS_PER_S = 100.0
_THINK = "Think in at most three short sentences: what is wrong, and what comes next? Do not act."
_ACT = "Now act."


class Conversation:
    """Asks the model and keeps the transcript.

    `files` are the workspace's, as far as they were listed. `dialect_name` is how actions are
    written; `is_known` says that an action came in it already.
    """

    def __init__(
        self,
        parts: Parts,
        spoken: str,
        tools: Mapping[str, Tool],
        first: str,
        files: Sequence[str] = (),
    ) -> None:
        self._parts = parts
        self._tools = tools
        self._dialect = dialect(spoken, parts.has)
        self._thinks_apart = parts.config.think == "apart"
        self._first = f"{first}\n\n{_THINK}" if self._thinks_apart else first
        self._transcript = self._begin()
        self._quoting = Quoting(parts, self._first, files)
        self._compaction = Compaction(parts, parts.config.context_tokens)
        self._guard = Guard()
        self._prefills = PrefillAccount()
        self.tests_s = 0.0
        self._rate = _DECODE_TOKENS_PER_S
        self._has_answered = False
        self.is_known = parts.is_small

    @property
    def dialect_name(self) -> str:
        """Return the name of the dialect that is spoken."""
        return self._dialect.name

    async def close(self) -> None:
        """End what goes on in the background, and tell what the levers did."""
        await self._compaction.cancel()
        await self._quoting.close()
        if detail := self._quoting.detail:
            self._account("exact_edits", detail=detail)
        if detail := self._guard.detail:
            self._account("stable_prefix", detail=detail)
        if self._prefills.requests:
            saved_s, wasted_s = self._prefills.saved_s, self._prefills.wasted_s
            self._account("prefill_ahead", saved_s, wasted_s, f"{self._prefills.requests} requests")

    def _account(
        self, lever: str, saved_s: float = 0.0, wasted_s: float = 0.0, detail: str = ""
    ) -> None:
        clock = self._parts.clock
        clock.emit(
            LeverAccount(
                t_s=clock.now_s(), lever=lever, saved_s=saved_s, wasted_s=wasted_s, detail=detail
            )
        )

    def take(self, turn: Turn) -> None:
        """Take what came of an answer, also where it ends the session."""
        self._quoting.observed(turn.observed)

    async def tell(self, turn: Turn) -> None:
        """Put what came of an answer into the transcript, and keep that within the context."""
        told = [*turn.told, *self._hurry(), *([_THINK] if self._thinks_apart else [])]
        self._quoting.told(told)
        self._transcript.append(
            self._dialect.answered(turn.result.answer),
            *self._dialect.observed(turn.observed, told),
        )
        compacted = await self._compaction.apply(self._transcript, turn.result.usage)
        if compacted is not self._transcript:
            self._transcript = compacted
            self._guard.restart()

    async def ask(self, step: int) -> tuple[CallResult, Dispatch]:
        """Make one model call; actions run as they close. Falls to a simpler dialect if refused.

        Raises BackendError.
        """
        await self._quoting.settle()
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
                if not self._quoting.give_up(error):
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
        self._quoting.answered(self.dialect_name, result.timings)
        self._count(result)
        self._prefills.followed(result.marks)
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
        self._guard.restart()
        self._transcript = self._begin()

    def _hurry(self) -> list[str]:
        budget = self._parts.clock.budget
        if not self._parts.has("budget"):
            return []
        return [*filter(None, [hurry(budget.left_s, budget.total_s, self._rate, self.tests_s)])]

    def _body(self, number: int) -> bytes:
        left_s, limited = self._parts.clock.budget.left_s, self._parts.has("budget")
        tokens = limit_tokens(left_s, self._rate) if limited else MOST_TOKENS
        self._watch(number)
        held = self._dialect.params(self._quoting.held(self.dialect_name))
        return self._transcript.request({**_params(tokens), **held})

    def _watch(self, number: int) -> None:
        """Report where a request does not begin with the bytes of the one before it."""
        if not self._parts.has("stable_prefix"):
            self._tell_time()
            return
        found = self._guard.check(self._transcript.prefix)
        if found is not None:
            self._parts.clock.emit(
                PrefixBreak(
                    t_s=self._parts.clock.now_s(),
                    call=number,
                    offset=found.offset,
                    expected=found.expected,
                    got=found.got,
                    cause=found.cause,
                )
            )

    def _tell_time(self) -> None:
        """Say in the system message how much time is left, as agents do that show a clock."""
        left = f"Seconds left: {self._parts.clock.budget.left_s:.1f}"
        system = {"role": "system", "content": f"{left}\n{self._dialect.system()}"}
        self._transcript = self._transcript.continued(0, 1, system)

    def _count(self, result: CallResult) -> None:
        if self._parts.has("stable_prefix"):
            self._guard.count(result.usage)

    async def prefill(self, turn: Turn) -> None:
        """Have the server read what is known of the next request, where that is much.

        Cancelling it gives the request up.
        """
        observed = self._dialect.observed(turn.observed)
        new_bytes = sum(len(str(one["content"])) for one in observed)
        if new_bytes < LEAST_NEW_BYTES or not self._parts.has("prefill_ahead"):
            return
        branch = [self._dialect.answered(turn.result.answer), *observed]
        body = self._transcript.request({**_params(MAX_TOKENS), **self._dialect.params()}, branch)
        start_s = self._parts.clock.now_s()
        try:
            result = await self._parts.caller.call(body, step=-1, purpose="prefill_ahead")
        except asyncio.CancelledError:
            self._prefills.given_up(self._parts.clock.now_s() - start_s)
            raise
        except BackendError as error:
            self._parts.clock.note(f"nothing was read ahead: {error.cause}")
        else:
            self._prefills.sent(result.marks)

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
            self._watch(number)
            body = self._transcript.request(_params(_THINK_TOKENS))
            try:
                result = await self._parts.caller.call(body, step=step, number=number)
                self._count(result)
                return result
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
