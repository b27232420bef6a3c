"""The loop for a small model: localise by tests, ask for one definition, search around its answer.

A small model is weak at choosing tools and at getting an edit right the first time, and cheap to
ask again. So the harness does the reading (the definitions that failing tests run, most suspect
first) and the judging (the tests), and the model only writes. After its answer, the candidates
it nearly wrote are tried in a copy of the workspace; the first that turns the tests green wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hotloop.actions.dialects import prompt
from hotloop.errors import ToolError
from hotloop.ledger.events import LeverAccount, StepKind
from hotloop.levers.trials import Trials
from hotloop.loop.focus import Focus, code, focus_on, question
from hotloop.loop.parts import Parts
from hotloop.loop.search import Found, Search
from hotloop.loop.testing import run_tests
from hotloop.loop.transcript import Transcript
from hotloop.loop.writing import Writing
from hotloop.tools.applying import apply_text
from hotloop.workspace.localise import Localisation, localise
from hotloop.workspace.testrun import TestOutcome

_MOST_DEFINITIONS = 4
_MOST_ROUNDS = 3
_LOOK_ELSEWHERE = "That is not it. What about this one?"


class Repair:
    """Repairs failing tests with a small model. `solved` tells whether the tests are green."""

    def __init__(self, parts: Parts, outcome: TestOutcome) -> None:
        self._parts = parts
        self._outcome = outcome
        self._transcript = small_transcript(parts)
        self.solved = False

    async def run(self) -> None:
        """Work until the tests are green, nothing is left to try, or the task is cancelled."""
        if self._parts.plan is None:
            return
        trials = Trials(
            self._parts.context,
            self._parts.plan,
            self._outcome,
            warm=self._parts.has("warm_tests"),
        )
        starting = asyncio.create_task(trials.start())
        try:
            for _ in range(_MOST_ROUNDS):
                if not await self._round(trials, starting):
                    return
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await trials.close()

    async def _round(self, trials: Trials, starting: asyncio.Task[None]) -> bool:
        """Mend one thing; return whether there is progress and still something to mend."""
        localisation = await asyncio.to_thread(self._localise)
        search = Search(self._parts, self._transcript, trials, starting, self._outcome)
        if localisation.missing:
            found = await Writing(search, self._outcome).run(localisation)
        else:
            found = await self._look(search, localisation)
        if found is None:
            return False
        return await self._apply(found, trials) and not self.solved

    def _localise(self) -> Localisation:
        workspace = self._parts.workspace
        return localise(self._outcome, workspace.root, workspace.files(), self._parts.goal)

    async def _look(self, search: Search, localisation: Localisation) -> Found | None:
        """Search definition after definition, the most suspect first, then all once more."""
        focuses = list(self._focuses(localisation))
        digest = self._outcome.digest()
        for index, focus in enumerate(focuses):
            text = (
                question(self._parts.goal, digest, focus)
                if len(self._transcript) <= 1
                else f"{_LOOK_ELSEWHERE}\n\n{code(focus)}"
            )
            share = 1.0 if index == len(focuses) - 1 else 0.55
            found = await search.definition(focus, text, share)
            if found is not None:
                return found
        return await Writing(search, self._outcome).run(localisation)

    def _focuses(self, localisation: Localisation) -> Sequence[Focus]:
        found: list[Focus] = []
        for suspect in localisation.definitions:
            try:
                focus = focus_on(self._parts.workspace, suspect, localisation)
            except ToolError:
                continue
            if focus is not None:
                found.append(focus)
            if len(found) == _MOST_DEFINITIONS:
                break
        return found

    async def _apply(self, found: Found, trials: Trials) -> bool:
        """Put a candidate into the workspace and judge it by a cold run of all tests.

        One that does not hold is taken back.
        """
        checkpoint = self._parts.context.checkpoint
        mark = checkpoint.mark()
        for path, text in found.texts.items():
            if (self._parts.workspace.root / path).exists():
                old = self._parts.workspace.read_text(path)
                apply_text(self._parts.context, path, old, text)
            else:
                checkpoint.write(path, text.encode())
        outcome, _ = await run_tests(self._parts, StepKind.VERIFY)
        if outcome is None or _bad(outcome) >= _bad(self._outcome):
            checkpoint.rollback_to(mark)
            return False
        self._transcript.append({"role": "assistant", "content": found.answer})
        self._outcome = outcome
        self.solved = outcome.green
        trials.accept({path: self._read(path) for path in found.texts}, outcome)
        return True

    def _read(self, path: str) -> bytes:
        return self._parts.workspace.read_bytes(path)


def small_transcript(parts: Parts) -> Transcript:
    """Return the transcript that a small model's repairs begin with: its fixed prefix."""
    transcript = Transcript({"model": parts.caller.backend.model})
    transcript.append({"role": "system", "content": prompt("repair")})
    return transcript


def _bad(outcome: TestOutcome) -> int:
    return outcome.failed + outcome.errors + (0 if outcome.passed else 1_000)


def account(parts: Parts, saved_s: float, wasted_s: float, detail: str) -> None:
    """Emit what the race lever saved and wasted."""
    parts.clock.emit(
        LeverAccount(
            t_s=parts.clock.now_s(),
            lever="race",
            saved_s=saved_s,
            wasted_s=wasted_s,
            detail=detail,
        )
    )
