"""The incremental parsers of answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.actions.native import NativeParser
from hotloop.actions.parse import Parsed, TextParser
from hotloop.actions.types import (
    AnyAction,
    Define,
    Done,
    Edit,
    List,
    Read,
    Run,
    Search,
    Test,
    Write,
)
from hotloop.backend.types import ToolDelta
from parse_kit import QWEN, faults, parse

FENCE = "```"


def actions(text: str, **options: bool) -> list[AnyAction]:
    parsed = parse(text, **options)
    assert [one.fault for one in parsed if one.fault] == []
    return [one.action for one in parsed if one.action is not None]


def cut_up(text: str, places: Sequence[int]) -> list[str]:
    ends = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


HERMES = '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>'


DEFINE = '{"tool":"define","path":"a.py"}\n```python\ndef f():\n    return {"a": "}"}\n```\n'


EDIT = '{"tool":"edit","path":"a.py"}\n```\nold = "{"\n```\n```\nnew = "\\""\n```\n'


LIST = '{"actions":[{"tool":"read","path":"a.py"},{"tool":"search","pattern":"\\"}{"}]}'


README = (
    '{"tool":"write","path":"README.md"}\n```markdown\n# Title\n```bash\nmake\n```\nEnd\n```\n'
    '{"tool":"done","message":"written"}\n'
)


ANSWERS = [
    QWEN,
    HERMES,
    DEFINE,
    EDIT,
    LIST,
    README,
    "Let me look.\n" + QWEN + "\nand then\n" + EDIT,
    HERMES + "\n" + HERMES,
    "I will read {this} first: " + '{"tool":"read","path":"a.py"} and stop',
    '<think>\n{"tool":"run","command":"rm x"}\n</think>\n' + DEFINE,
    "calc.py:\n```python\ndef f():\n    return 1\n```",
    '{"tool":"read","path":"a.py"',
    '{"tool":"read","path":}\n{"tool":"list"}',
    "```\n" + LIST + "\n```\n",
]


@pytest.mark.parametrize("text", ANSWERS)
@given(places=st.lists(st.integers(0, 400), max_size=30))
@settings(max_examples=30, deadline=None)
def test_chunk_boundaries_of_answers_do_not_matter(text: str, places: list[int]) -> None:
    parser = TextParser()
    chunked = [one for piece in cut_up(text, places) for one in parser.feed(piece)]
    assert [*chunked, *parser.finish()] == parse(text)


@given(
    text=st.lists(
        st.sampled_from(
            [*ANSWERS, "{", "}", "[", '"', "\\", "`", FENCE, "\n", "{}", "a.py", " ", "<think>"]
        ),
        max_size=8,
    ).map("".join),
    places=st.lists(st.integers(0, 2_000), max_size=20),
    is_cut=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_chunk_boundaries_of_anything_do_not_matter(
    text: str, places: list[int], is_cut: bool
) -> None:
    parser = TextParser()
    chunked = [one for piece in cut_up(text, places) for one in parser.feed(piece)]
    assert [*chunked, *parser.finish(cut=is_cut)] == parse(text, cut=is_cut)


_CALLS = [
    ("read", '{"path":"a.py","start":1}'),
    ("edit", '{"path":"a.py","old":"x = \\"{\\"","new":"}\\n"}'),
    ("test", ""),
    ("run", '{"command": "echo ]}"}'),
    ("nope", "{}"),
    ("read", '{"path":'),
]


@given(
    calls=st.lists(st.sampled_from(_CALLS), max_size=4),
    places=st.lists(st.integers(0, 200), max_size=10),
    is_cut=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_fragments_of_native_calls_do_not_matter(
    calls: list[tuple[str, str]], places: list[int], is_cut: bool
) -> None:
    whole, pieces = NativeParser(), NativeParser()
    expected: list[Parsed] = []
    got: list[Parsed] = []
    for index, (name, arguments) in enumerate(calls):
        head = ToolDelta(index, "", name, f"id{index}")
        expected += [*whole.feed(head), *whole.feed(ToolDelta(index, arguments))]
        got += pieces.feed(head)
        for piece in cut_up(arguments, places):
            got += pieces.feed(ToolDelta(index, piece))
    assert [*got, *pieces.finish(cut=is_cut)] == [*expected, *whole.finish(cut=is_cut)]
    assert len(got) <= len(calls)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ('{"tool":"read","path":"a.py"} then I will think', '"a.py"}'),
        (LIST, '"a.py"}'),
        (f"```json\n{LIST}\n```", '"a.py"}'),
        ("<tool_call>" + '{"name":"read","arguments":{"path":"a.py"}}</tool_call>', "}}"),
        (DEFINE + "Some words follow.", "\n```\n"),
        (EDIT + "Some words follow.", '"\\""\n```\n'),
    ],
)
def test_an_action_is_told_with_its_last_character_and_not_later(text: str, closing: str) -> None:
    end = text.index(closing) + len(closing)
    parser = TextParser()
    assert parser.feed(text[: end - 1]) == []
    assert len(parser.feed(text[end - 1 : end])) == 1


def test_a_native_call_is_told_with_its_last_brace() -> None:
    parser = NativeParser()
    assert parser.feed(ToolDelta(0, '{"path":"a.py', "read", "c1")) == []
    assert parser.feed(ToolDelta(0, '"')) == []
    assert parser.feed(ToolDelta(0, "}")) == [Parsed(action=Read(path="a.py"), id="c1")]
    assert parser.finish() == []


@pytest.mark.parametrize(
    "text",
    [
        QWEN,
        HERMES,
        '{"name": "read", "arguments": {"path": "a.py"}}',
        '{"tool":"read","path":"a.py"}',
        '{"function":{"name":"read","arguments":"{\\"path\\":\\"a.py\\"}"}}',
        '{"type":"function","name":"read","parameters":{"path":"a.py"}}',
        '<|python_tag|>{"name": "read", "parameters": {"path": "a.py"}}',
        '[TOOL_CALLS][{"name": "read", "arguments": {"path": "a.py"}}]',
        '```\n{"tool":"read","path":"a.py"}\n```',
        '```json\n[{"tool":"read","path":"a.py"}]\n```',
        '```json {"tool":"read","path":"a.py"} ```',
        'Sure! I will call {"tool":"read","path":"a.py"} now.',
        '1. {"tool":"read_file","file_path":"a.py"}',
        '{"action": "view", "args": {"filename": "a.py"}}',
        'We use {braces}.\n{"tool":"read","path":"a.py"}',
        '{\n  "tool": "read",\n  "path": "a.py",\n}',
        'reasoning\n</think>\n{"tool":"read","path":"a.py"}',
        '<think>{"tool":"run","command":"ls"}</think>{"tool":"read","path":"a.py"}',
        '{"tool":"read","path":"a.py","start":null,"end":null}',
    ],
)
def test_a_read_is_understood_as_models_write_it(text: str) -> None:
    assert actions(text) == [Read(path="a.py")]


@pytest.mark.parametrize(
    "text",
    [
        '{"tool":"list"}{"tool":"test"}',
        '{"tool":"list"}, {"tool":"test"}',
        '[{"tool":"list"},{"tool":"test"}]',
        '{"actions":[{"tool":"list"},{"tool":"test"}]}',
        '{"tool_calls":[{"function":{"name":"list","arguments":"{}"}},{"function":{"name":"test"}}]}',
        "```json\n" + '[{"tool":"list"},{"tool":"test"}]' + "\n```",
        "<tool_call>" + '{"name":"list"}</tool_call><tool_call>{"name":"test"}</tool_call>',
        QWEN.replace("read", "list").replace("a.py", ".") + '\n\n```json\n{"tool":"test"}\n```',
    ],
)
def test_several_actions_in_one_answer(text: str) -> None:
    assert actions(text) == [List(), Test()]


def test_numbers_may_be_text_and_fields_may_have_other_names() -> None:
    assert actions('{"tool":"read","path":"a.py","start_line":"3","end_line":"9"}') == [
        Read(path="a.py", start=3, end=9)
    ]
    assert actions('{"tool":"str_replace","path":"a","old_str":"x","new_str":"y"}') == [
        Edit(path="a", old="x", new="y")
    ]
    assert actions('{"tool":"run","cmd":"ls"}') == [Run(command="ls")]
    assert actions('{"tool":"grep","query":"x"}') == [Search(pattern="x")]
    assert actions('{"tool":"finish","summary":"ok"}') == [Done(message="ok")]
    assert actions('{"tool":"write","path":"a","code":"x\\n"}') == [Write(path="a", content="x\n")]


def test_regular_expressions_need_no_double_backslashes() -> None:
    assert actions(r'{"tool":"search","pattern":"\bdef\s+\w+\("}') == [
        Search(pattern=r"\bdef\s+\w+\(")
    ]


def test_json_with_raw_line_ends_in_its_strings() -> None:
    assert actions('{"tool":"write","path":"a.py","content":"x = 1\ny = {}\n"}') == [
        Write(path="a.py", content="x = 1\ny = {}\n")
    ]


@given(old=st.text(), new=st.text(min_size=1))
@settings(max_examples=100, deadline=None)
def test_any_text_survives_in_json(old: str, new: str) -> None:
    text = json.dumps({"tool": "edit", "path": "a", "old": old, "new": new})
    assert actions(text) == [Edit(path="a", old=old, new=new)]


def test_prose_and_other_json_are_no_actions() -> None:
    assert parse('Look at {"name": "left-pad", "version": "1.0"} and {x}.\n') == []
    assert parse('```json\n{"name": "left-pad", "version": "1.0"}\n```\n') == []
    assert parse("{") == []
    assert parse("[") == []
    assert parse("") == []
    assert parse("The set {a, b} is `{}`.\n[1, 2]\n") == []


def test_deep_nesting_is_no_problem() -> None:
    assert parse('{"a":' * 20_000 + "}" * 20_000) == []
    assert parse("[" * 20_000 + "]" * 20_000) == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["`" * 3_000 + "x{", "a" * 50_000 + "\n```\nx\n```", "1" * 50_000 + "{"]
)
def test_no_line_takes_long_to_read(text: str) -> None:
    assert parse(text) == []


def test_code_follows_its_header_as_it_is() -> None:
    assert actions(DEFINE) == [Define(path="a.py", code='def f():\n    return {"a": "}"}\n')]
    assert actions(EDIT) == [Edit(path="a.py", old='old = "{"', new='new = "\\""')]


def test_the_header_may_be_fenced_and_in_the_form_of_a_call() -> None:
    for header in (
        '{"tool":"define","path":"a.py"}',
        '{"name":"define","arguments":{"path":"a.py"}}',
    ):
        assert actions(f"```json\n{header}\n```\n```python\nx = 1\n```") == [
            Define(path="a.py", code="x = 1\n")
        ]
        assert actions(f"{header} ```python\nx = 1\n```") == [Define(path="a.py", code="x = 1\n")]


def test_the_last_fence_may_be_missing_unless_the_answer_was_cut() -> None:
    text = DEFINE.rstrip().removesuffix(FENCE)
    assert len(actions(text)) == 1
    assert len(faults(text, cut=True)) == 1


def test_code_that_shows_fences_of_its_own() -> None:
    code = 'def f():\n    """Say.\n\n    ```python\n    f()\n    ```\n    """\n'
    assert actions(f'{{"tool":"define","path":"a.py"}}\n```python\n{code}```\n') == [
        Define(path="a.py", code=code)
    ]
    written, done = actions(README)
    assert written == Write(path="README.md", content="# Title\n```bash\nmake\n```\nEnd\n")
    assert done == Done(message="written")


def test_a_longer_fence_holds_shorter_ones() -> None:
    text = '{"tool":"write","path":"a.md"}\n````\n```\nx\n```\n````\n{"tool":"test"}'
    assert actions(text) == [Write(path="a.md", content="```\nx\n```\n"), Test()]
    text = '{"tool":"write","path":"a.md"}\n````\n```sh\nx\n````\n{"tool":"test"}'
    assert actions(text) == [Write(path="a.md", content="```sh\nx\n"), Test()]


def test_an_inner_block_that_stays_open_ends_with_the_outer_one() -> None:
    code = 'def f():\n    """Say:\n\n    ```python\n    f()\n    """\n'
    text = f'{{"tool":"define","path":"a.py"}}\n```python\n{code}```\n{{"tool":"test"}}'
    assert actions(text) == [Define(path="a.py", code=code), Test()]


def test_an_indented_block_loses_its_indentation() -> None:
    text = '- {"tool":"define","path":"a.py"}\n  ```python\n  def f():\n      pass\n  ```\n'
    assert actions(text) == [Define(path="a.py", code="def f():\n    pass\n")]


@pytest.mark.parametrize(
    "text",
    [
        "src/a.py\n```python\nx = 1\n```",
        "Here is the corrected `src/a.py`:\n```python\nx = 1\n```\n",
        "**src/a.py**\n\n```\nx = 1\n```",
        "```python src/a.py\nx = 1\n```",
        "```src/a.py\nx = 1\n```",
    ],
)
def test_a_bare_code_block_under_a_file_name_is_a_definition(text: str) -> None:
    assert actions(text) == [Define(path="src/a.py", code="x = 1\n")]


def test_a_bare_code_block_without_a_name_belongs_to_the_default_file_or_to_none() -> None:
    text = "Python 3.11 needs:\n```python\nx = 1\n```"
    assert parse(text) == []
    assert parse(text, default_path="b.py") == [Parsed(action=Define(path="b.py", code="x = 1\n"))]
    assert parse("Run this in a.py:\n```bash\nmake\n```", default_path="b.py") == []


def test_a_comment_on_the_first_line_may_name_the_file() -> None:
    assert actions("Fixed:\n```python\n# lib/b.py\nx = 1\n```") == [
        Define(path="lib/b.py", code="# lib/b.py\nx = 1\n")
    ]
