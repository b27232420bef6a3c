"""The loop for a model that chooses its own tools: call, act, observe, test, until done."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from typing import Any

import msgspec

from hotloop.actions.dialects import AnswerParser, Dialect, dialect
from hotloop.actions.parse import Parsed
from hotloop.actions.types import Define, Done, Edit, Observation, Test, Write
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.errors import BackendError
from hotloop.ledger.events import PrefixBreak, StepKind
from hotloop.loop.caller import CallResult
from hotloop.loop.capability import next_dialect, remember
from hotloop.loop.compaction import Compaction
from hotloop.loop.dispatch import Dispatch
from hotloop.loop.parts import Parts
from hotloop.loop.prefetch import Tests, suspect_code
from hotloop.loop.testing import run_tests
from hotloop.loop.transcript import Transcript, first_difference
from hotloop.tools.base import Tool
from hotloop.tools.registry import registry
from hotloop.tools.test import TestTool
from hotloop.workspace.testrun import TestOutcome

_MOST_TOKENS = 2_048
_THINK_TOKENS = 200
_DECODE_TOKENS_PER_S = 40.0
_MOST_NUDGES = 2
_MOST_REPEATS = 3
_NUDGE = "Call a tool, or call done when the goal is met."
_STILL_RED = "The tests still fail:\n{digest}"
_THINK = "Think in at most three short sentences: what is wrong, and what comes next? Do not act."
_ACT = "Now act."


class Turn(msgspec.Struct, kw_only=True):
    """One answer and what came of it."""

    result: CallResult
    observed: list[tuple[Parsed, Observation]]
    tests: TestOutcome | None

    @property
    def actions(self) -> list[object]:
        """Return the actions of the answer."""
        return [parsed.action for parsed, _ in self.observed if parsed.action is not None]

    @property
    def has_edited(self) -> bool:
        """Say whether an edit was applied."""
        return any(
            isinstance(parsed.action, Edit | Write | Define) and observation.ok
            for parsed, observation in self.observed
        )


class Agent:
    """Meets a goal with a model that calls tools. `solved` tells whether tests are green.

    `tests` is the first test run, which may still be under way when the first call is made.
    """

    def __init__(self, parts: Parts, spoken: str, tests: asyncio.Task[Tests] | None) -> None:
        self._parts = parts
        self._tests = tests
        self._dialect = dialect(spoken)
        self._tools: dict[str, Tool] = registry([TestTool(parts.plan)])
        self._latest: TestOutcome | None = None
        self._was_red = False
        self._edited = False
        self._nudges = 0
        self._repeats: Counter[str] = Counter()
        self._sent = b""
        self.solved = False
        self.message = ""

    async def run(self, context: str) -> None:
        """Work until done. `context` is what was looked up for the first message."""
        self._transcript = self._begin(self._first_message(context))
        compaction = Compaction(self._parts, self._parts.config.context_tokens)
        for number in range(self._parts.config.max_steps):
            turn = await self._step(number)
            if turn is None or await self._judge(turn):
                return
            compacted = await compaction.apply(self._transcript, turn.result.usage)
            if compacted is not self._transcript:
                self._transcript, self._sent = compacted, b""
        self._parts.clock.note(f"gave up after {self._parts.config.max_steps} steps", "warning")

    # one step ---------------------------------------------------------------

    async def _step(self, number: int) -> Turn | None:
        """Ask the model once, run what it asks for, and put both into the transcript."""
        if self._parts.config.think == "apart":
            await self._think()
        first = StepKind.PLAN if number == 0 else StepKind.REASON
        with self._parts.clock.step(first) as step:
            result, dispatch = await self._ask(step.number)
            step.kind = _kind(dispatch.parsed, number, self._latest)
            observed = await dispatch.finish()
        turn = Turn(result=result, observed=observed, tests=dispatch.tests)
        self._edited = self._edited or turn.has_edited
        self._transcript.append(self._dialect.answered(result.answer))
        extra = await self._after(turn)
        if not observed and not extra:
            return self._silent(turn)
        self._transcript.append(*self._dialect.observed(observed), *extra)
        return turn

    async def _after(self, turn: Turn) -> list[dict[str, Any]]:
        """Run the tests after an edit, and return what the model is told beside observations."""
        texts: list[str] = []
        if self._tests is not None and (self._tests.done() or turn.has_edited):
            first = await self._tests
            self._tests = None
            self._take(first.outcome)
            if first.outcome is not None and not turn.has_edited:
                texts.append(self._test_text(first.outcome))
        if turn.tests is not None:
            self._take(turn.tests)
        elif turn.has_edited and self._parts.plan is not None:
            outcome, observation = await run_tests(self._parts)
            self._take(outcome)
            texts.append(f"[test] {observation.text}")
        return [{"role": "user", "content": text} for text in texts]

    def _take(self, outcome: TestOutcome | None) -> None:
        if outcome is not None:
            self._latest = outcome
            self._was_red = self._was_red or not outcome.green

    async def _ask(self, step: int) -> tuple[CallResult, Dispatch]:
        """Make one model call; actions run as they close. Falls to a simpler dialect if refused."""
        while True:
            body = self._body()
            parser, number = self._dialect.parser(), self._parts.clock.next_call()
            dispatch = Dispatch(
                self._parts, self._tools, number, step, eager=self._parts.has("eager")
            )

            def take(
                delta: TextDelta | ToolDelta,
                parser: AnswerParser = parser,
                dispatch: Dispatch = dispatch,
            ) -> None:
                for parsed in parser.feed(delta):
                    dispatch.add(parsed)

            try:
                result = await self._parts.caller.call(
                    body, step=step, number=number, on_delta=take
                )
            except BackendError as error:
                await dispatch.cancel()
                simpler = next_dialect(self._dialect.name, error)
                if simpler is None or self._parts.config.dialect != "auto":
                    raise
                self._speak(dialect(simpler))
                continue
            except BaseException:
                await dispatch.cancel()
                raise
            for parsed in parser.finish(cut=result.was_cut):
                dispatch.add(parsed)
            remember(self._parts, self._dialect.name, dispatch.parsed)
            return result, dispatch

    def _body(self) -> bytes:
        tokens = self._parts.clock.budget.tokens(_DECODE_TOKENS_PER_S, _MOST_TOKENS)
        params = {
            "max_tokens": tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
            **self._dialect.params(),
        }
        self._guard()
        return self._transcript.request(params)

    def _guard(self) -> None:
        """Report where a request does not begin with the bytes of the one before it."""
        prefix = self._transcript.prefix
        at = first_difference(self._sent, prefix)
        if at is not None:
            self._parts.clock.emit(
                PrefixBreak(
                    t_s=self._parts.clock.now_s(),
                    call=0,
                    offset=at,
                    expected=self._sent[at : at + 40].decode("utf-8", "replace"),
                    got=prefix[at : at + 40].decode("utf-8", "replace"),
                )
            )
        self._sent = prefix

    async def _think(self) -> None:
        """Make a call of its own for thinking, as the article's `think` turns."""
        self._transcript.append({"role": "user", "content": _THINK})
        params = {
            "max_tokens": _THINK_TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
        }
        self._guard()
        with self._parts.clock.step(StepKind.REASON) as step:
            result = await self._parts.caller.call(
                self._transcript.request(params), step=step.number
            )
        self._transcript.append(
            {"role": "assistant", "content": result.answer.text},
            {"role": "user", "content": _ACT},
        )

    # judging ----------------------------------------------------------------

    async def _judge(self, turn: Turn) -> bool:
        """Say whether the session is at its end."""
        done = next((one for one in turn.actions if isinstance(one, Done)), None)
        green = self._latest is not None and self._latest.green
        if done is not None:
            self.message = done.message
            return await self._accept_done()
        if green and turn.has_edited and self._was_red and self._parts.has("finish"):
            self.solved = True
            return True
        return self._is_stuck(turn)

    async def _accept_done(self) -> bool:
        """Believe a model that says it is done only where the tests agree."""
        if self._parts.plan is None:
            return True
        if self._latest is None or not self._latest.green:
            outcome, _ = await run_tests(self._parts, StepKind.VERIFY)
            self._take(outcome)
        latest = self._latest
        if latest is not None and latest.green:
            self.solved = True
            return True
        self._nudges += 1
        digest = latest.digest() if latest is not None else "no tests could be run"
        self._transcript.append({"role": "user", "content": _STILL_RED.format(digest=digest)})
        return self._nudges > _MOST_NUDGES

    def _silent(self, turn: Turn) -> Turn | None:
        """Go on after an answer without an action: once more asked, then taken as the end."""
        self.message = turn.result.answer.text.strip()
        green = self._latest is not None and self._latest.green
        if green and self._edited:
            self.solved = True
            return None
        self._nudges += 1
        if self._nudges > _MOST_NUDGES:
            self._parts.clock.note("the model calls no tools", "warning")
            return None
        self._transcript.append({"role": "user", "content": _NUDGE})
        return turn

    def _is_stuck(self, turn: Turn) -> bool:
        """Say whether the same actions brought the same observations too often."""
        text = repr([(parsed.action, seen.text) for parsed, seen in turn.observed])
        mark = hashlib.sha256(text.encode()).hexdigest()
        self._repeats[mark] += 1
        if turn.observed and self._repeats[mark] >= _MOST_REPEATS:
            self._parts.clock.note("the model repeats itself: stopped", "warning")
            return True
        return False

    # messages ---------------------------------------------------------------

    def _first_message(self, context: str) -> str:
        texts = [f"Goal: {self._parts.goal}", context]
        if self._tests is not None and self._tests.done():
            first = self._tests.result()
            self._tests = None
            self._take(first.outcome)
            texts.append(
                self._test_text(first.outcome) if first.outcome else f"Tests: {first.text}"
            )
        return "\n\n".join(filter(None, texts))

    def _test_text(self, outcome: TestOutcome) -> str:
        if outcome.green:
            return f"[test] {outcome.digest()}"
        return f"[test] {outcome.digest()}\n\n{suspect_code(self._parts, outcome)}".rstrip()

    def _begin(self, first: str) -> Transcript:
        self._first = first
        transcript = Transcript({"model": self._parts.caller.backend.model, **self._dialect.head()})
        transcript.append({"role": "system", "content": self._dialect.system()})
        transcript.append({"role": "user", "content": first})
        return transcript

    def _speak(self, other: Dialect) -> None:
        """Change the dialect; only before the first answer, while nothing is written in the old."""
        self._parts.clock.note(f"the endpoint refused {self._dialect.name}: using {other.name}")
        self._dialect = other
        self._sent = b""
        self._transcript = self._begin(self._first)


def _kind(parsed: list[Parsed], number: int, latest: TestOutcome | None) -> StepKind:
    """Return what an answer's step was for, by what it asked for."""
    actions = [one.action for one in parsed if one.action is not None]
    if any(isinstance(one, Edit | Write | Define) for one in actions):
        return StepKind.GENERATE
    if any(isinstance(one, Done) for one in actions):
        return StepKind.VERIFY
    if actions and all(isinstance(one, Test) for one in actions) and latest is not None:
        return StepKind.VERIFY
    if number == 0:
        return StepKind.PLAN
    return StepKind.TOOL_CALLS if actions else StepKind.REASON
