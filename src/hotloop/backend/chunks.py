"""Decode the chunks of a chat completion into deltas.

Written for the OpenAI format and what llama.cpp, vLLM, SGLang, DeepSeek and others make of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotloop.backend.types import Delta, Finish, Report, TextDelta, TokenScore, ToolDelta
from hotloop.ledger.events import ServerTimings, Usage


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, object] | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct):
    index: int | None = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None


class ErrorObject(msgspec.Struct):
    """An error inside an answer. `code` may be an HTTP status, or a word."""

    message: str | None = None
    code: int | str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    timings: ServerTimings | None = None
    error: ErrorObject | str | None = None
    object: str | None = None
    message: str | None = None
    code: int | str | None = None


_DECODER = msgspec.json.Decoder(_Chunk)


class ErrorChunk(Exception):
    """The server reports an error inside its answer. `status` is 0 where it names none."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class _ToolIndex:
    """Gives each tool call of a choice a number, also where a server numbers them badly.

    Some send no index, some send 0 for all; then the id or a new name marks a new call.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._by_wire: dict[int, int] = {}

    def place(self, call: _ToolCall, position: int, fragments: int) -> int:
        """Return the number of the call that a fragment is of.

        It stands at `position` among the `fragments` of its chunk.
        """
        call_id = call.id or ""
        name = (call.function and call.function.name) or ""
        if call.index is not None:
            return self._by_index(call.index, call_id, name)
        if call_id and call_id in self._ids:
            return self._ids.index(call_id)
        if call_id or name or not self._ids:
            return self._add(call_id)
        latest = len(self._ids) - 1
        return min(position, latest) if fragments > 1 else latest

    def _by_index(self, wire: int, call_id: str, name: str) -> int:
        known = self._by_wire.get(wire)
        another = known is not None and name and call_id and call_id != self._ids[known]
        if known is None or another:
            known = self._by_wire[wire] = self._add(call_id)
        return known

    def _add(self, call_id: str) -> int:
        self._ids.append(call_id)
        return len(self._ids) - 1


class ChunkDecoder:
    """Turns the chunks of one answer into deltas, in order.

    llama.cpp counts the output of each choice apart, always with timings; it is summed here.
    """

    def __init__(self) -> None:
        self._tools: dict[int, _ToolIndex] = {}
        self._usage: _Usage | None = None
        self._timings: ServerTimings | None = None
        self._latest_choice = 0
        self._output_tokens: dict[int, int] = {}

    def decode(self, data: bytes) -> list[Delta]:
        """Decode one chunk, or the one object of an answer that is not streamed.

        Raises msgspec.DecodeError for what is not a chunk, ErrorChunk for a reported error.
        """
        chunk = _DECODER.decode(data)
        if chunk.error is not None or chunk.object == "error":
            raise _error(chunk)
        deltas: list[Delta] = []
        for choice in chunk.choices or ():
            self._add_choice(choice, deltas)
        if chunk.usage is not None or chunk.timings is not None:
            deltas.append(self._report(chunk.usage, chunk.timings))
        return deltas

    def _report(self, usage: _Usage | None, timings: ServerTimings | None) -> Report:
        self._usage = usage or self._usage
        self._timings = timings or self._timings
        said = _usage(self._usage, self._timings)
        if said is None or timings is None:
            return Report(said, self._timings)
        self._output_tokens[self._latest_choice] = said.output_tokens
        summed = sum(self._output_tokens.values())
        return Report(msgspec.structs.replace(said, output_tokens=summed), timings)

    def _add_choice(self, choice: _Choice, deltas: list[Delta]) -> None:
        number = choice.index or 0
        message = choice.delta or choice.message
        if message is not None:
            if reasoning := message.reasoning_content or message.reasoning:
                deltas.append(TextDelta(reasoning, "reasoning", number))
            if message.content:
                deltas.append(TextDelta(message.content, "text", number, _scores(choice)))
            if message.tool_calls:
                self._add_tools(message.tool_calls, number, deltas)
        if choice.finish_reason:
            deltas.append(Finish(choice.finish_reason, number))
        self._latest_choice = number

    def _add_tools(self, calls: list[_ToolCall], choice: int, deltas: list[Delta]) -> None:
        places = self._tools.setdefault(choice, _ToolIndex())
        for position, call in enumerate(calls):
            function = call.function or _Function()
            arguments = function.arguments or ""
            if not isinstance(arguments, str):
                arguments = msgspec.json.encode(arguments).decode()
            deltas.append(
                ToolDelta(
                    index=places.place(call, position, len(calls)),
                    arguments=arguments,
                    name=function.name or "",
                    id=call.id or "",
                    choice=choice,
                )
            )


def _scores(choice: _Choice) -> tuple[TokenScore, ...]:
    if choice.logprobs is None or not choice.logprobs.content:
        return ()
    return tuple(score for one in choice.logprobs.content for score in _parted(one))


def _parted(one: _Token) -> Iterator[TokenScore]:
    """Yield a token's score; before it what llama-server had held back, which has no other score.

    A token that a stop string may begin with comes with the one behind it, as one text with the
    score of the last.
    """
    alternatives = tuple((other.token, other.logprob) for other in one.top_logprobs)
    same = (text for text, logprob in alternatives if logprob == one.logprob)
    own = next((text for text in same if text and one.token.endswith(text)), one.token)
    if held := one.token.removesuffix(own):
        yield TokenScore(held, 0.0)
    yield TokenScore(own, one.logprob, alternatives)


def _error(chunk: _Chunk) -> ErrorChunk:
    match chunk.error:
        case ErrorObject(message=message, code=code):
            text = message or str(code or "no reason given")
        case str() as text:
            code = chunk.code
        case None:
            text, code = chunk.message or "no reason given", chunk.code
    status = int(code) if code is not None and str(code).isdecimal() else 0
    return ErrorChunk(text, status if 400 <= status < 600 else 0)


def _usage(usage: _Usage | None, timings: ServerTimings | None) -> Usage | None:
    """Join what the server says; llama.cpp's `timings` fill in what `usage` lacks."""
    reused = timings.cache_n if timings else None
    if usage is not None:
        details, out = usage.prompt_tokens_details, usage.completion_tokens_details
        cached = details.cached_tokens if details else None
        known = (cached, usage.prompt_cache_hit_tokens, reused)
        return Usage(
            input_tokens=usage.prompt_tokens or 0,
            cached_tokens=next((count for count in known if count is not None), 0),
            output_tokens=usage.completion_tokens or 0,
            reasoning_tokens=(out.reasoning_tokens if out else None) or 0,
        )
    if timings is None or timings.prompt_n is None or timings.predicted_n is None:
        return None
    return Usage(
        input_tokens=timings.prompt_n + (reused or 0),
        cached_tokens=reused or 0,
        output_tokens=timings.predicted_n,
    )
