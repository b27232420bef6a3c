"""The pace of a tool call as real servers stream it: not every token of it is shown."""

from __future__ import annotations

import asyncio

import pytest

from hotloop.backend.client import Client
from hotloop.probe.counting import Counter
from hotloop.probe.decode import token_s
from hotloop.probe.parts import Validity
from hotloop.probe.prompts import Prompts
from hotloop.probe.result import Result
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import Settings
from hotloop.probe.supports import choose_dialect
from hotloop.probe.toolpace import tool_token_s
from scripted_endpoint import DONE, HEAD, Call, chunked, event, finish, serve, text

TOKEN_S = 0.02
TOKENS = 20


def delta(**fields: object) -> bytes:
    return event(choices=[{"index": 0, "delta": fields}])


def called(arguments: str, name: str | None = None) -> bytes:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return delta(tool_calls=[{"index": 0, "id": "a" if name else None, "function": function}])


def samples(role_early: bool) -> tuple[Sample, Sample, Counter]:
    """Return a text and a tool call of 20 tokens each, of which the call shows only eight."""

    async def parsing(call: Call) -> None:
        is_tool = b'"tools"' in call.body
        await call.raw(HEAD)
        if role_early:
            await call.raw(chunked(delta(role="assistant", content="")))
        await asyncio.sleep(0.1)
        if not role_early:
            await call.raw(chunked(delta(role="assistant", content="")))
        for number in range(TOKENS):
            await asyncio.sleep(TOKEN_S if number else 0.0)
            match number:
                case _ if not is_tool:
                    await call.raw(chunked(text("word ")))
                case 6:
                    await call.raw(chunked(called("", "read_files")))
                case _ if 7 <= number < 15:
                    shown = '{"a":"' if number == 7 else '"}' if number == 14 else "x"
                    await call.raw(chunked(called(shown)))
                case _:
                    pass
        usage = {"prompt_tokens": 40, "completion_tokens": TOKENS}
        await call.raw(chunked(finish() + event(choices=[], usage=usage) + DONE))
        await call.raw(b"0\r\n\r\n")

    async def main() -> tuple[Sample, Sample, Counter]:
        async with serve(parsing) as (url, _):
            client = Client(url, "m", "", session_start_s=0.0)
            session = Session(client, Settings(), Prompts(1), None)
            await session.ask(session.prompts.new("Go on."), TOKENS, "the first one connects")
            plain = await session.ask(session.prompts.new("Go on."), TOKENS, "text")
            tool = await session.ask(session.prompts.new("Go on."), TOKENS, "call", tools=["t"])
            await client.aclose()
            return plain, tool, session.counter

    return asyncio.run(main())


def test_tokens_that_are_kept_back_count_where_the_role_marks_the_first() -> None:
    plain, tool, counter = samples(role_early=False)
    assert counter.trusted
    assert token_s(plain, counter) == pytest.approx(TOKEN_S, rel=0.2)
    assert tool_token_s(tool, [plain], counter, None) == pytest.approx(TOKEN_S, rel=0.2)
    shown_s = token_s(tool, counter)
    assert shown_s is not None
    assert shown_s < 0.6 * TOKEN_S  # what streams, over all tokens, says too little


def test_a_role_that_comes_at_once_marks_nothing() -> None:
    plain, tool, counter = samples(role_early=True)
    assert tool_token_s(tool, [plain], counter, None) == token_s(tool, counter)
    assert tool_token_s(plain, [plain], counter, None) is None  # no call


@pytest.mark.parametrize(
    ("schema", "tools", "dialect"),
    [
        (Validity(asked=4, valid=4), Validity(asked=5, valid=5), "schema"),
        (Validity(asked=4, cut_off=4), Validity(asked=5, valid=5), "native"),
        (Validity(asked=4, cut_off=4), Validity(asked=5, prose=5), "schema"),
    ],
)
def test_a_schema_whose_answers_never_end_is_second_to_tool_calls_that_do(
    schema: Validity, tools: Validity, dialect: str
) -> None:
    result = Result()
    result.supports.tools = result.supports.response_format = True
    result.structured.schema_enforced = True
    result.structured.schema_validity, result.structured.tool_validity = schema, tools
    assert choose_dialect(result, calls_by_itself=False) == dialect
