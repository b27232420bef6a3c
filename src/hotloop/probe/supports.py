"""What else the endpoint can do, one small call each, and the dialect that suits it."""

from __future__ import annotations

from typing import Literal

from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.schemas import is_object, read_file_tool
from hotloop.probe.session import Session

TWO_READS = "Read the files {0}.py and {1}.py with the tool, both at once, in one answer."
JSON_TASK = 'Answer with a JSON object that has one key, "word". {0}'


class SupportsPart:
    """Asks for each feature once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reads: Sample | None = None
        self._choices: Sample | None = None
        self._scores: Sample | None = None
        self._json: Sample | None = None

    async def run(self) -> None:
        """Make the calls."""
        session, prompts = self._session, self._session.prompts
        task = prompts.new(TWO_READS.format(prompts.name(), prompts.name()))
        self._reads = await session.ask(
            task,
            120,
            "two tool calls in one answer",
            tools=[read_file_tool()],
            tool_choice="auto",
            parallel_tool_calls=True,
        )
        story = prompts.new(prompts.story())
        self._choices = await session.ask(story, 4, "two choices", n=2, temperature=1)
        story = prompts.new(prompts.story())
        self._scores = await session.ask(story, 4, "log-probabilities", logprobs=True)
        task = prompts.new(JSON_TASK.format(prompts.nonce()))
        kind = {"type": "json_object"}
        self._json = await session.ask(task, 48, "a JSON object", response_format=kind)

    def conclude(self, result: Result) -> None:
        """Write what was found into the result."""
        found = result.supports
        if reads := self._known("parallel_tool_calls", self._reads, result):
            found.parallel_tool_calls = reads.ok and len(reads.calls) > 1
        if choices := self._known("n", self._choices, result):
            found.n = choices.ok and choices.choices == 2
        if scores := self._known("logprobs", self._scores, result):
            found.logprobs = scores.ok and scores.scored
        if answer := self._known("json_object", self._json, result):
            found.json_object = answer.ok and _begins_object(answer)
        answered = [s for s in self._session.samples if s.ok]
        if answered:
            found.reasoning = any(s.reasoning for s in answered)
        if self._session.counter.trusted:
            found.cached_tokens = any(s.usage and s.usage.cached_tokens for s in answered)
        if found.context_tokens is None:
            key = "supports.context_tokens"
            result.missing[key] = "the endpoint's list of models does not say"

    def _known(self, name: str, sample: Sample | None, result: Result) -> Sample | None:
        """Return a call that came back or was refused; the reason why there is none is noted."""
        if sample is not None and (sample.ok or sample.refused):
            return sample
        reason = sample.error if sample is not None else "the part was not reached"
        result.missing[f"supports.{name}"] = reason
        return None

    def calls_by_itself(self) -> bool:
        """Whether the model called a tool when it was free to."""
        return self._reads is not None and self._reads.ok and bool(self._reads.calls)


def _begins_object(sample: Sample) -> bool:
    """Whether an answer is a JSON object, or would have been had its length sufficed."""
    cut = sample.finish == "length" and sample.text.lstrip().startswith("{")
    return cut or is_object(sample.text)


def choose_dialect(
    result: Result, calls_by_itself: bool
) -> Literal["native", "schema", "fenced"] | None:
    """Return how an agent should write actions for this endpoint; None without any evidence.

    A model that calls tools of its own accord is taken at its word; one that only does when
    forced is better held by a schema, if the endpoint enforces one and answers under it end.
    """
    supports, found = result.supports, result.structured
    validity = found.tool_validity
    if supports.tools is None and supports.response_format is None:
        return None
    works = validity.asked > 0 and validity.valid * 2 > validity.asked
    if calls_by_itself and works:
        return "native"
    held = found.schema_validity
    ends = not held.asked or held.valid * 2 > held.asked
    if found.schema_enforced and (ends or not works):
        return "schema"
    return "native" if works else "fenced"
