"""What a small model is asked about one failing run: a growing conversation, one call at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from hotloop.actions.dialects import prompt
from hotloop.ledger.events import StepKind
from hotloop.loop.caller import CallResult
from hotloop.loop.parts import Parts
from hotloop.loop.proving import Proving
from hotloop.loop.transcript import Transcript

if TYPE_CHECKING:
    from hotloop.loop.warming import Warming

ALTERNATIVES = 10
"""Tokens that the model did not write, told for each that it did."""
ANSWER_TOKENS = 700
_CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}


class Asking:
    """Puts questions and makes calls, which end early where a candidate in `proving` wins.

    `warming` prepares the engine for the first of them.
    """

    def __init__(self, parts: Parts, proving: Proving, warming: Warming) -> None:
        self._parts = parts
        self._proving = proving
        self._warming = warming
        self._transcript = small_transcript(parts)

    def put(self, question: str) -> None:
        """Let the following calls see one more question."""
        self._transcript.append({"role": "user", "content": question})

    async def ask(
        self, begun: str = "", *, or_progress: bool = False, **params: Any
    ) -> CallResult | None:
        """Make a model call in a step of its own; None when a candidate won meanwhile.

        `begun` is the beginning of the answer, if any. With `or_progress`, None also when a
        candidate made progress.
        """
        work = partial(self._call, self._body(begun, params))
        return await self._proving.until_won(work, or_progress=or_progress)

    def _body(self, begun: str, params: dict[str, Any]) -> bytes:
        # Some builds of llama-server go on with a begun answer unasked, but repeat it first.
        going_on = _CONTINUED if begun else {}
        branch = [{"role": "assistant", "content": begun}] if begun else []
        return self._transcript.request(
            {"stream": True, "temperature": 0, **going_on, **params}, branch
        )

    async def _call(self, body: bytes) -> CallResult:
        await self._warming.finish()
        with self._parts.clock.step(StepKind.GENERATE) as step:
            result = await self._parts.caller.call(body, step=step.number)
        self._warming.followed(result)
        return result


def small_transcript(parts: Parts) -> Transcript:
    """Return the transcript that a small model's repairs begin with: its fixed prefix."""
    transcript = Transcript({"model": parts.caller.backend.model})
    transcript.append({"role": "system", "content": prompt("repair")}, *_examples())
    return transcript


def _examples() -> Iterator[dict[str, str]]:
    """Yield the examples of the fixed prefix, which cost nothing once its KV state is kept."""
    for block in f"\n{prompt('repair_examples')}".split("\n=== ")[1:]:
        role, _, content = block.partition("\n")
        yield {"role": role, "content": content}
