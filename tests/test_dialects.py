"""What is sent in each dialect: fixed part, answers, observations, grammar and schema."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.actions.dialects import Answer, dialect
from hotloop.actions.grammar import terse_grammar
from hotloop.actions.native import NativeParser
from hotloop.actions.parse import Parsed, TextParser
from hotloop.actions.schema import actions_schema
from hotloop.actions.types import AnyAction, Observation, Read
from hotloop.backend.types import TextDelta, ToolDelta

NAMES = ("native", "schema", "fenced", "terse")
TOOLS = {"read", "list", "search", "edit", "write", "define", "run", "test", "done"}
SEEN = Observation(tool="read", ok=True, text="a.py lines 1-1\nx")


def fixed_part(name: str) -> bytes:
    spoken = dialect(name)
    system = [{"role": "system", "content": spoken.system()}]
    return msgspec.json.encode({**spoken.head(), "messages": system, **spoken.params()})


@pytest.mark.parametrize("name", NAMES)
def test_the_fixed_part_is_at_most_1000_tokens_and_the_same_every_time(name: str) -> None:
    assert len(fixed_part(name)) / 4 <= 1_000
    assert fixed_part(name) == fixed_part(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_told_of_every_tool(name: str) -> None:
    told = fixed_part(name).decode()
    assert all(re.search(rf"\b{tool}\b", told) for tool in TOOLS)


def test_the_examples_of_the_text_prompt_are_what_the_parser_reads() -> None:
    parser = TextParser()
    parsed = [*parser.feed(dialect("fenced").system()), *parser.finish()]
    assert [one.fault for one in parsed if one.fault] == []
    kinds = {type(one.action).__name__.lower() for one in parsed}
    assert kinds == TOOLS


@pytest.mark.parametrize("name", NAMES)
def test_roles_alternate_whatever_else_there_is_to_tell(name: str) -> None:
    spoken = dialect(name)
    messages = spoken.observed([(Parsed(action=Read(path="a.py")), SEEN)], ["[test] red", "Go on."])
    assert [one["role"] for one in messages] == ["user"]
    assert messages[0]["content"] == f"[read] {SEEN.text}\n\n[test] red\n\nGo on."
    assert spoken.observed([], ["Call a tool."]) == [{"role": "user", "content": "Call a tool."}]


def test_native_calls_are_answered_one_by_one_and_the_rest_is_told_in_the_last() -> None:
    spoken = dialect("native")
    results = [(Parsed(action=Read(path=path), id=path), SEEN) for path in ("a", "b")]
    first, last = spoken.observed(results, ["[test] red"])
    assert first == {"role": "tool", "tool_call_id": "a", "content": SEEN.text}
    assert last["content"] == f"{SEEN.text}\n\n[test] red"


def answered(name: str, *deltas: TextDelta | ToolDelta) -> dict[str, Any]:
    answer = Answer()
    for delta in deltas:
        answer.feed(delta)
    return dialect(name).answered(answer)


def test_an_answer_goes_back_with_its_calls() -> None:
    message = answered(
        "native",
        TextDelta("thinking", "reasoning"),
        TextDelta("Look."),
        ToolDelta(0, '{"path":', "read", "c1"),
        ToolDelta(0, '"a"}'),
        ToolDelta(1, "", "test"),
    )
    assert message["content"] == "Look."
    assert message["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path":"a"}'}},
        {"id": "call_1", "type": "function", "function": {"name": "test", "arguments": "{}"}},
    ]


def test_ids_in_the_answer_are_those_that_observations_name() -> None:
    deltas = [
        ToolDelta(0, "{}", "list", "x"),
        ToolDelta(0, "{}", "test", "y"),
        ToolDelta(3, "{}", "done"),
    ]
    parser, answer = NativeParser(), Answer()
    parsed = [one for delta in deltas for one in parser.feed(delta)]
    for delta in deltas:
        answer.feed(delta)
    assert [one.id for one in parsed] == ["x", "y", "call_2"]
    assert [call["id"] for call in answer.calls] == ["x", "y", "call_2"]


@pytest.mark.parametrize("arguments", ['{"path":', "[1]", "}", '"text"'])
def test_arguments_that_a_server_could_not_render_do_not_go_back(arguments: str) -> None:
    message = answered("native", ToolDelta(0, arguments, "read", "c1"))
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_is_a_message_all_the_same(name: str) -> None:
    assert answered(name)["content"]


def test_calls_that_an_endpoint_makes_unasked_are_kept_as_text() -> None:
    message = answered("fenced", ToolDelta(0, '{"path":"a"}', "read", "c1"))
    assert json.loads(message["content"]) == {"name": "read", "arguments": {"path": "a"}}


# schema and grammar ---------------------------------------------------------


def test_the_schema_and_the_action_types_agree() -> None:
    variants = actions_schema()["properties"]["actions"]["items"]["anyOf"]
    assert {one["properties"]["tool"]["const"] for one in variants} == TOOLS
    for variant in variants:
        fields = variant["properties"]
        sample = {name: 1 if kind == {"type": "integer"} else "x" for name, kind in fields.items()}
        required = {name: sample[name] for name in variant["required"]}
        tool = fields["tool"]["const"]
        for given_fields in (sample, required):
            action = msgspec.convert({**given_fields, "tool": tool}, AnyAction)
            assert set(type(action).__struct_fields__) == set(fields) - {"tool"}


def test_the_engine_can_turn_the_schema_into_a_grammar() -> None:
    xllamacpp = pytest.importorskip("xllamacpp")
    grammar = xllamacpp.json_schema_to_grammar(actions_schema())
    assert "root ::=" in grammar or "%json" in grammar


_TOKEN = re.compile(r'\s+|"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+,\d+\}|[\w-]+|[()|*+?]')
_RULE = re.compile(r"^(\w+) ::= (.*)$")


def rules() -> dict[str, str]:
    found = [_RULE.match(line) for line in terse_grammar().split("\n")]
    assert all(found)
    return {match[1]: match[2] for match in found if match}


def as_regex(text: str, known: dict[str, str]) -> str:
    """Return a GBNF body as a regular expression; works as the grammar is not recursive."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, text[at:]
        token, at = match.group(), match.end()
        if token[0] == '"':
            parts.append(re.escape(json.loads(token)) if len(token) > 2 else "")
            parts[-1] = f"(?:{parts[-1]})"
        elif re.fullmatch(r"\w+", token):
            parts.append(f"(?:{as_regex(known[token], known)})")
        else:
            parts.append("(?:" if token == "(" else token.strip())
    return "".join(parts)


def test_the_grammar_defines_all_that_it_names() -> None:
    known = rules()
    assert re.compile(as_regex(known["root"], known))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_the_grammar_lets_through_is_parsed_without_a_fault(data: st.DataObject) -> None:
    known = rules()
    alphabet = st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029")
    text = data.draw(
        st.from_regex(as_regex(known["root"], known), fullmatch=True, alphabet=alphabet)
    )
    parser = TextParser()
    parsed = [*parser.feed(text), *parser.finish()]
    assert parsed
    assert [one.fault for one in parsed if one.fault] == []
    assert len(parsed) == len(re.findall(r'^\{"tool":', _without_blocks(text), re.MULTILINE))


def _without_blocks(text: str) -> str:
    return re.sub(r"^```\n(?:.*\n)*?```$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "text",
    [
        '{"tool":"read","path":"a.py","start":1,"end":40}',
        '{"tool":"define","path":"a.py"}\n```\ndef f(x):\n\n    return "`x`"\n```\n{"tool":"test"}',
        '{"tool":"edit","path":"a.py"}\n```\nold\n```\n```\nnew\n```\n',
    ],
)
def test_the_grammar_lets_good_answers_through(text: str) -> None:
    known = rules()
    assert re.fullmatch(as_regex(known["root"], known), text)
    assert not re.fullmatch(as_regex(known["root"], known), f"Sure!\n{text}")
