"""The conversation with one backend: requests that only grow, in a dialect that it understands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hotloop.actions.dialects import AnswerParser, dialect
from hotloop.backend.types import Backend, TextDelta, ToolDelta
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.levers.prefill_ahead import LEAST_NEW_BYTES, MAX_TOKENS, PrefillAccount
from hotloop.levers.stable_prefix import Guard
from hotloop.loop.caller import CallResult, Unwanted
from hotloop.loop.capability import knows_dialect, next_dialect, remember
from hotloop.loop.compaction import Compaction, is_full
from hotloop.loop.deadline import Deadline
from hotloop.loop.dispatch import Dispatch
from hotloop.loop.parts import Parts
from hotloop.loop.quoting import Quoting
from hotloop.loop.transcript import Transcript
from hotloop.loop.turn import Turn
from hotloop.tools.base import Tool

if TYPE_CHECKING:
    from hotloop.levers.roles import Role

_THINK_TOKENS = 200
_THINK = "Think in at most three short sentences: what is wrong, and what comes next? Do not act."
_ACT = "Now act."


class Conversation:
    """Asks the model and keeps the transcript.

    `files` are the workspace's, as far as they were listed. `dialect_name` is how actions are
    written; `is_known` says that an action came in it already. `deadline` limits what is said.
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
        self._may_leave = bool(parts.routes) and knows_dialect(parts.config, parts.caller.backend)
        self._read_ahead_by: Backend | None = None
        self.deadline = Deadline(parts)
        self._has_answered = False
        self.is_known = parts.is_small

    @property
    def dialect_name(self) -> str:
        """Return the name of the dialect that is spoken."""
        return self._dialect.name

    async def close(self) -> None:
        """End what goes on in the background, and tell what the levers did."""
        await self._compaction.cancel()
        self._parts.caller.close()
        if self._parts.routes is not None:
            self._parts.routes.close()
        await self._quoting.close()
        if detail := self._quoting.detail:
            self._account("exact_edits", detail=detail)
        if detail := self._guard.detail:
            self._account("stable_prefix", detail=detail)
        if (sent := self._prefills).requests:
            self._account("prefill_ahead", sent.saved_s, sent.wasted_s, f"{sent.requests} requests")
        self.deadline.close()

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
        told = [*turn.told, *self.deadline.hurry()]
        if self._thinks_apart and not self.deadline.is_short:
            told.append(_THINK)
        self._quoting.told(told)
        self._transcript.append(
            self._dialect.answered(turn.result.answer),
            *self._dialect.observed(turn.observed, told),
        )
        self._go_on_with(await self._compaction.apply(self._transcript, turn.result.usage))

    def _go_on_with(self, transcript: Transcript) -> None:
        if transcript is not self._transcript:
            self._guard.restart()
        self._transcript = transcript

    def _make_room(self, error: BackendError) -> bool:
        """Shorten the transcript if the endpoint refused it for its length; say whether it was."""
        shorter = self._compaction.make_room(self._transcript) if is_full(error) else None
        if shorter is not None:
            self._go_on_with(shorter)
        return shorter is not None

    async def ask(self, step: int, role: Role) -> tuple[CallResult, Dispatch]:
        """Make one model call; actions run as they close. Falls to a simpler dialect if refused.

        `role` is what it is asked for; code that another model is to write is asked of that again.
        Raises BackendError.
        """
        await self._quoting.settle()
        while True:
            number = self._parts.clock.next_call()
            to = self._to(role)
            body = self._body(number, to)
            parser = self._dialect.parser()
            dispatch = Dispatch(
                self._parts, self._tools, number, step, eager=self._parts.has("eager")
            )
            try:
                result = await self._call(body, parser, dispatch, to, role)
            except Unwanted:
                await dispatch.cancel()
                role = "generate"
                continue
            except BackendError as error:
                await dispatch.cancel()
                if self._make_room(error):
                    continue
                if to is not None or not self._quoting.give_up(error):
                    self._give_up(to, error)
                continue
            except BaseException:
                await dispatch.cancel()
                raise
            for parsed in parser.finish(cut=result.was_cut):
                dispatch.add(parsed)
            self._learn(result, dispatch, to, role)
            return result, dispatch

    async def _call(
        self, body: bytes, parser: AnswerParser, dispatch: Dispatch, to: Backend | None, role: Role
    ) -> CallResult:
        routes = self._parts.routes
        code = routes.code_watch(role, to) if routes else None

        def take(delta: TextDelta | ToolDelta) -> None:
            if code is not None and code.begins(delta):
                raise Unwanted("it began to write code, which another model does")
            for parsed in parser.feed(delta):
                dispatch.add(parsed)

        start_s = self._parts.clock.now_s()
        try:
            return await self._parts.caller.call(
                body, step=dispatch.step, number=dispatch.call, on_delta=take, to=to, role=role
            )
        except Unwanted:
            if routes is not None:
                routes.handed_over(to, self._transcript.prefix, self._parts.clock.now_s() - start_s)
            raise

    def _to(self, role: Role) -> Backend | None:
        """Return the backend that is asked, None for the session's own.

        That one answers first where it is not known which dialect it understands.
        """
        routes = self._parts.routes
        if routes is None or not self._may_leave:
            return None
        return routes.choose(role, self._transcript.prefix, self.deadline.tests_s)

    def _give_up(self, to: Backend | None, error: BackendError) -> None:
        """Go on without a role's backend that failed, or in a simpler dialect.

        Raises the error where neither is the cure.
        """
        if self._parts.routes is not None and to is not None:
            self._parts.routes.failed(to, error)
        else:
            self._simplify(error)

    def _learn(
        self, result: CallResult, dispatch: Dispatch, to: Backend | None, role: Role
    ) -> None:
        self._has_answered = True
        if to is None:
            self._quoting.answered(self.dialect_name, result.timings)
        self._count(result, to, role)
        self.deadline.answered(result)
        if to is None and not self.is_known:
            backend = self._parts.caller.backend
            self.is_known = remember(backend, self._dialect.name, dispatch.parsed)

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

    def _body(self, number: int, to: Backend | None) -> bytes:
        routes = self._parts.routes
        limit = self.deadline.limit(routes.tokens_per_s(to) if routes else None)
        self._watch(number)
        quoting = self._quoting.held(self.dialect_name) if to is None else None
        params = _params(limit) | self._dialect.params(quoting)
        return self._transcript.request(params, model=to.model if to else None)

    def _watch(self, number: int) -> None:
        """Report where a request does not begin with the bytes of the one before it."""
        if not self._parts.has("stable_prefix"):
            self._tell_time()
            return
        found = self._guard.check(self._transcript.prefix)
        if found is not None:
            self._parts.clock.emit(found.event(number, self._parts.clock.now_s()))

    def _tell_time(self) -> None:
        """Say in the system message how much time is left, as agents do that show a clock."""
        left = f"Seconds left: {self._parts.clock.budget.left_s:.1f}"
        system = {"role": "system", "content": f"{left}\n{self._dialect.system()}"}
        self._transcript = self._transcript.continued(0, 1, system)

    def _count(self, result: CallResult, to: Backend | None, role: Role) -> None:
        """Take what an answer says of its backend."""
        if self._parts.routes is not None:
            self._parts.routes.took(role, to, self._transcript.prefix, result)
        if to is self._read_ahead_by:
            self._prefills.followed(result.marks)
        if to is None:
            self._may_leave = True
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
        routes = self._parts.routes
        to = self._read_ahead_by = routes.backend_of("generate") if routes else None
        params = {**_params(MAX_TOKENS), **self._dialect.params()}
        body = self._transcript.request(params, branch, to.model if to else None)
        start_s = self._parts.clock.now_s()
        try:
            result = await self._parts.caller.call(body, step=-1, purpose="prefill_ahead", to=to)
        except asyncio.CancelledError:
            self._prefills.given_up(self._parts.clock.now_s() - start_s)
            raise
        except BackendError as error:
            self._parts.clock.note(f"nothing was read ahead: {error.cause}")
        else:
            self._prefills.sent(result.marks)
            if routes is not None:
                routes.read(to, self._transcript.request({}, branch))

    async def think(self) -> None:
        """Make a call of its own for thinking, as the article's `think` turns, if so configured.

        Where time is short, the model was told to act, and thinks no more.
        """
        if not self._thinks_apart:
            return
        if self.deadline.is_short:
            self.deadline.unthought()
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
            to = self._to("reason")
            self._watch(number)
            body = self._transcript.request(_params(_THINK_TOKENS), model=to.model if to else None)
            call = self._parts.caller.call(body, step=step, number=number, to=to, role="reason")
            try:
                result = await call
            except BackendError as error:
                self._give_up(to, error)
                continue
            self._count(result, to, "reason")
            return result

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
