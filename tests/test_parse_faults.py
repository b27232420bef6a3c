from __future__ import annotations

import pytest

from hotloop.actions.native import NativeParser
from hotloop.actions.parse import Parsed
from hotloop.actions.types import (
    List,
    Read,
    Test,
)
from hotloop.backend.types import TextDelta, ToolDelta
from parse_kit import QWEN, faults, parse


def test_an_unknown_tool_is_named_with_those_there_are() -> None:
    (fault,) = faults('{"tool":"teleport","path":"a.py"}')
    assert "teleport" in fault
    assert "search" in fault


def test_wrong_arguments_come_with_the_right_form() -> None:
    (fault,) = faults('{"tool":"read","start":1}')
    assert "path" in fault
    assert '{"tool":"read"' in fault


def test_broken_json_says_so_and_what_follows_still_counts() -> None:
    parsed = parse('{"tool":"read","path":}\n{"tool":"list"}')
    assert "JSON" in parsed[0].fault
    assert parsed[1].action == List()


@pytest.mark.parametrize("is_cut", [False, True])
def test_json_that_does_not_close_is_a_fault(is_cut: bool) -> None:
    (fault,) = faults('{"tool":"read","path":"a.p', cut=is_cut)
    assert "did not close" in fault


@pytest.mark.parametrize(
    "text",
    [
        '{"tool":"edit","path":"a.py"}\n```\nold\n```\n```\nne',
        '{"tool":"edit","path":"a.py"}\n```\nold\n```\n',
        '{"tool":"define","path":"a.py"}\n```\ndef f():',
        '{"tool":"define","path":"a.py"}\n',
        "a.py:\n```python\ndef f():",
        '{"actions":[{"tool":"edit","path":"a.py","old":"x","new":"',
    ],
)
def test_what_the_length_limit_cut_is_one_fault_and_no_action(text: str) -> None:
    assert len(faults(text, cut=True)) == 1


def test_a_header_without_its_code_is_a_fault() -> None:
    parsed = parse('{"tool":"define","path":"a.py"}\n{"tool":"test"}')
    assert "code" in parsed[0].fault
    assert parsed[1].action == Test()


def native(*deltas: TextDelta | ToolDelta, cut: bool = False) -> list[Parsed]:
    parser = NativeParser()
    closed = [one for delta in deltas for one in parser.feed(delta)]
    return [*closed, *parser.finish(cut=cut)]


def test_calls_without_arguments_close_at_the_end() -> None:
    for arguments in ("", "null", "{}"):
        assert native(ToolDelta(0, arguments, "test", "c1")) == [Parsed(action=Test(), id="c1")]


def test_calls_are_kept_apart_where_the_endpoint_gives_all_the_same_index() -> None:
    parsed = native(
        ToolDelta(0, '{"path":"a"}', "read", "c1"), ToolDelta(0, '{"path":"b"}', "read", "c2")
    )
    assert parsed == [
        Parsed(action=Read(path="a"), id="c1"),
        Parsed(action=Read(path="b"), id="c2"),
    ]


def test_a_name_that_is_repeated_with_each_fragment_counts_once() -> None:
    parsed = native(ToolDelta(0, '{"path":', "read", "c1"), ToolDelta(0, '"a"}', "read", "c1"))
    assert parsed == [Parsed(action=Read(path="a"), id="c1")]


def test_a_missing_id_is_made_up() -> None:
    parsed = native(ToolDelta(0, "{}", "list"), ToolDelta(1, "{}", "test"))
    assert [one.id for one in parsed] == ["call_0", "call_1"]


def test_faults_of_native_calls_carry_their_id() -> None:
    for arguments, word in (("[1]", "object"), ('{"path":', "object"), ('{"p":1}', "path")):
        (parsed,) = native(ToolDelta(0, arguments, "read", "c1"))
        assert parsed.action is None
        assert parsed.id == "c1"
        assert word in parsed.fault
    (parsed,) = native(ToolDelta(0, '{"path":"a', "read", "c1"), cut=True)
    assert "cut off" in parsed.fault


def test_text_answers_count_where_no_tool_is_called_natively() -> None:
    assert native(TextDelta(QWEN)) == [Parsed(action=Read(path="a.py"))]
    assert native(TextDelta(QWEN, "reasoning")) == []
