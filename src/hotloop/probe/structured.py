"""The same answer as free text, under a JSON schema and as a tool call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import msgspec

from hotloop.probe.contact import REJECTED
from hotloop.probe.decode import DecodePart, token_s
from hotloop.probe.figure import Figure, figure
from hotloop.probe.fit import Line, median, quicker
from hotloop.probe.parts import Structured, Validity
from hotloop.probe.prompts import DISOBEY
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.schemas import (
    TOOL,
    Json,
    classify_call,
    classify_text,
    keeps_shape,
    notes_schema,
    response_format,
    tool,
)
from hotloop.probe.session import LEAST_TOKEN_S, Session
from hotloop.probe.toolpace import in_one_piece, tool_token_s

ROUNDS = 6
MIN_ROUNDS = 2
ROUNDS_SHARE = 0.28
"""The least rounds may take this share of all the time that is left, a single one most of it."""
MOST_ROUND = 0.8
PACES = ((0.008, 3), (0.016, 2))
"""Below so many seconds per token an answer names so many files, else one."""
FREE_TOKENS = 24
MOST_TOKENS, SLOW_MOST_TOKENS = 224, 80
SLOW_S = 0.03
"""Above so many seconds per token an answer gets fewer: one file needs no more than seventy."""
PROOFS = 2
PROOF_TOKENS = 48
COMPILES_S = 0.005


class StructuredPart:
    """Asks in rounds: free, schema, tool, and a schema that the server has not seen."""

    def __init__(self, session: Session, decode: DecodePart) -> None:
        self._session = session
        self._decode = decode
        self._files = 1
        self.free: list[Sample] = []
        self.schema: list[Sample] = []
        self.tools: list[Sample] = []
        self._new_schema: list[Sample] = []
        self._proofs: list[Sample] = []
        self._sizes = True
        self._choice: object = "required"
        self.no_schema = ""
        self.no_tools = ""

    async def run(self) -> None:
        """Measure until the part's share is used up."""
        session = self._session
        self._files = next((count for pace, count in PACES if session.token_s < pace), 1)
        await self._first()
        needed = self._needed_rounds()
        for number in range(ROUNDS):
            if number >= needed and not session.room(self._round_s(), 4):
                break
            await self._round()

    def conclude(self, result: Result, line: Line | None) -> None:
        """Write what was found into the result; `line` is the fit of the time to first token."""
        found, counter = result.structured, self._session.counter
        self._rates(found, line)
        self._compile(found)
        self._calls(found)
        found.schema_validity = _validity(self.schema, schema=True)
        found.tool_validity = _validity(self.tools, schema=False)
        self._enforced(found)
        result.supports.response_format = _accepted((*self.schema, *self._new_schema))
        if (accepted := _accepted(self.tools)) is not None:
            result.supports.tools = accepted and any(s.ok and s.calls for s in self.tools)
        self._explain(result)
        if counter.doubt and found.schema_ratio is not None:
            result.missing["structured.tokens"] = counter.doubt

    def _rates(self, found: Structured, line: Line | None) -> None:
        """Set times per token and their ratios.

        The ratios are those of the quicker calls: a few calls are slow as a whole by chance.
        """
        counter = self._session.counter
        told = (*self.free, *self._decode.novel)
        plain = _known(token_s(s, counter) for s in told)
        held = _known(token_s(s, counter) for s in (*self._new_schema[:1], *self.schema))
        called = _known(tool_token_s(s, told, counter, line) for s in self.tools)
        found.free_token_s = self._figure(plain)
        found.schema_token_s = self._figure(held)
        found.tool_token_s = self._figure(called)
        usual_s = quicker(plain) if plain else 0.0
        if usual_s > LEAST_TOKEN_S:
            found.schema_ratio = quicker(held) / usual_s if held else None
            found.tool_ratio = quicker(called) / usual_s if called else None

    def _figure(self, values: Sequence[float]) -> Figure | None:
        doubt = self._session.counter.doubt
        return figure(values, enough=4, sure="low" if doubt else None, why=doubt)

    def _compile(self, found: Structured) -> None:
        cold = [s.ttft_s for s in self._new_schema if s.timed]
        warm = [s.ttft_s for s in self.schema if s.timed]
        found.schema_cold_s = figure(cold, enough=4)
        found.schema_warm_s = figure(warm, enough=4)
        if cold and warm:
            more_s = median(cold) - median(warm)
            found.compile_s = more_s if more_s > COMPILES_S else 0.0

    def _calls(self, found: Structured) -> None:
        made = [s for s in self.tools if s.timed and s.calls]
        names = [s.calls[0].name_s - s.start_s for s in made if s.calls[0].name_s]
        closed = [s.calls[0].closed_s - s.start_s for s in made if s.calls[0].closed_s]
        found.name_s = figure(names, enough=4)
        found.first_call_s = figure(closed, enough=4)
        if made:
            bursts = sum(in_one_piece(s) for s in made)
            found.arguments = "burst" if 2 * bursts > len(made) else "streamed"

    def _enforced(self, found: Structured) -> None:
        proofs = [s for s in self._proofs if s.ok and s.text]
        if not proofs or self.no_schema:
            return
        found.schema_enforced = all(keeps_shape(s.text, s.finish == "length") for s in proofs)
        asked = "asked to answer in plain words under a schema, it "
        said = proofs[0].text.strip().replace("\n", " ")[:60]
        found.enforcement = asked + ("kept to the schema" if found.schema_enforced else f"{said!r}")

    def _explain(self, result: Result) -> None:
        found, missing = result.structured, result.missing
        if found.schema_ratio is None:
            missing["structured.schema_ratio"] = self.no_schema or "no answer could be timed"
        if found.schema_enforced is None:
            missing["structured.schema_enforced"] = self.no_schema or "no answer had text"
        if found.tool_ratio is None:
            missing["structured.tool_ratio"] = self.no_tools or "no tool call could be timed"
        if found.compile_s is None:
            missing["structured.compile_s"] = self.no_schema or "no schema could be timed"

    async def _first(self) -> None:
        """Find out in which form the endpoint takes schemas and tools at all."""
        warm_up = await self._ask_schema()
        if warm_up.status in REJECTED:
            self._sizes = False
            warm_up = await self._ask_schema()
        (self._new_schema if warm_up.ok else self.schema).append(warm_up)
        self.no_schema = warm_up.error if warm_up.refused else ""
        first = await self._ask_tool()
        if first.status in REJECTED:
            self._choice = "auto"
            first = await self._ask_tool()
        self.no_tools = first.error if first.refused else ""
        self.tools.append(first)
        if not self.no_schema:
            await self._prove()

    def _needed_rounds(self) -> int:
        """Return how many rounds to make in any case: fewer where they take far too long."""
        session = self._session
        left_s, round_s = session.ends_s - time.monotonic(), self._round_s()
        if MIN_ROUNDS * round_s <= ROUNDS_SHARE * left_s:
            return MIN_ROUNDS
        session.economise()
        return int(round_s <= MOST_ROUND * left_s)

    def _round_s(self) -> float:
        """Return what a round took so far, or should take."""
        lasts = [
            median(seconds)
            for some in (self.free, self.schema, self._new_schema, self.tools)
            if (seconds := [s.latency_s for s in some if s.timed])
        ]
        return sum(lasts)

    async def _round(self) -> None:
        session, prompts = self._session, self._session.prompts
        task = prompts.files(self._files)
        free = await session.ask(prompts.new(task), FREE_TOKENS, "an answer as free text")
        self.free.append(free)
        if not self.no_schema:
            self.schema.append(await self._ask_schema())
            self._new_schema.append(await self._ask_schema(prompts.nonce()))
        if not self.no_tools:
            self.tools.append(await self._ask_tool())

    async def _prove(self) -> None:
        session, prompts = self._session, self._session.prompts
        for number in range(PROOFS):
            if number and self._needed_rounds() < MIN_ROUNDS:
                return
            task = DISOBEY.format(prompts.nonce())
            fields = response_format(notes_schema(1, strict_sizes=False))
            text = "a schema against the prompt's words"
            self._proofs.append(await session.ask(prompts.new(task), PROOF_TOKENS, text, **fields))

    async def _ask_schema(self, salt: str = "") -> Sample:
        session, prompts = self._session, self._session.prompts
        fields = response_format(notes_schema(self._files, self._sizes, salt))
        task = prompts.new(prompts.files(self._files))
        text = "the same under a new schema" if salt else "the same under a schema"
        return await session.ask(task, 1 if salt else self._limit(), text, **fields)

    async def _ask_tool(self) -> Sample:
        session, prompts = self._session, self._session.prompts
        parameters: Json = notes_schema(self._files, self._sizes)
        about = f"Read files. Request {prompts.nonce()}."
        fields: Json = {"tools": [tool(TOOL, about, parameters)], "tool_choice": self._choice}
        task = f"{prompts.files(self._files)}\nGive the answer as a call of {TOOL}."
        return await session.ask(
            prompts.new(task), self._limit(), "the same as a tool call", **fields
        )

    def _limit(self) -> int:
        return SLOW_MOST_TOKENS if self._session.token_s > SLOW_S else MOST_TOKENS


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _accepted(samples: Sequence[Sample]) -> bool | None:
    """Whether the server takes such requests; None where no call came back or was refused."""
    if any(sample.ok for sample in samples):
        return True
    return False if any(sample.refused for sample in samples) else None


def _validity(samples: Sequence[Sample], *, schema: bool) -> Validity:
    found = Validity(asked=len(samples))
    counts = {name: 0 for name in msgspec.structs.asdict(found) if name != "asked"}
    for sample in samples:
        counts[_class(sample, schema)] += 1
    return msgspec.structs.replace(found, **counts)


def _class(sample: Sample, schema: bool) -> str:
    if not sample.ok:
        return "http_500" if sample.status >= 500 else "other_error"
    calls = sample.calls
    if schema:
        form = classify_text(sample.text)
    else:
        name, arguments = (calls[0].name, calls[0].arguments) if calls else ("", "")
        form = classify_call(name, arguments, sample.text, len(calls))
    cut = sample.finish == "length" and form in ("wrong_arguments", "prose")
    return "cut_off" if cut else form
