"""Candidates: what is code, what is the same, what a copy doubts, which imports are missing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.backend.types import TokenScore
from hotloop.levers.deviations import (
    LEAST_PROBABILITY,
    Deviation,
    block_of,
    completed,
    next_start,
    opens_block,
    read_copy,
    readings,
)
from hotloop.levers.slips import slips
from hotloop.loop.candidates import fingerprint, is_comment, is_valid
from hotloop.loop.focus import another, code, first_failure, focus_on, question
from hotloop.workspace.autoimport import mend_imports
from hotloop.workspace.failures import Failure
from hotloop.workspace.localise import Localisation, Suspect, SuspectDefinition
from hotloop.workspace.root import Workspace
from hotloop.workspace.testrun import TestOutcome as Outcome

SOURCE = "def f(a):\n    if a < 3:\n        return a\n    return a - 1"


# candidates -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "valid"),
    [
        ("a.py", SOURCE, True),
        ("a.py", "def f(:\n    pass", False),
        ("a.py", "x = '\x00'", False),
        ("a.py", " \n", False),
        ("a.py", "(" * 10_000, False),
        ("a.js", "function f() { return '}'; } // {", True),
        ("a.js", "function f() { return (1]; }", False),
        ("a.js", 'f(`{`, "(\\"", \'[\')', True),
        ("a.c", "int f(void) { /* } */ return 0; }", True),
        ("a.c", "int f(void) {", False),
        ("a.c", "}", False),
    ],
)
def test_only_what_can_be_code_is_valid(path: str, text: str, valid: bool) -> None:
    assert is_valid(path, text) is valid


def test_comments_are_told_by_language() -> None:
    assert is_comment("a.py", "  # why")
    assert not is_comment("a.py", "//")
    assert is_comment("a.js", " // why")
    assert is_comment("a.c", "/* why")
    assert not is_comment("a.js", "#")
    assert not is_comment("a.py", "x")


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("a.py", "x = 1", "x  =  1  # one"),
        ("a.py", 'def f():\n    """Say."""\n    return 1', "def f():\n    return (1)"),
        ("a.js", "f(1);", "f(1); // one"),
        ("a.c", "int x;", "int   x; /* one */\n"),
        ("a.txt", "a  b", "a b"),
    ],
)
def test_the_same_code_in_another_layout_has_the_same_fingerprint(
    path: str, one: str, other: str
) -> None:
    assert fingerprint(path, one) == fingerprint(path, other)


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("a.py", "x = 1", "x = 2"),
        ("a.py", "x = '# a'", "x = '# b'"),
        ("a.py", "if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
        ("a.js", "f(1);", "f(2);"),
        ("a.py", "x = (", "x = ["),
    ],
)
def test_other_code_has_another_fingerprint(path: str, one: str, other: str) -> None:
    assert fingerprint(path, one) != fingerprint(path, other)


# deviations -----------------------------------------------------------------


def score(text: str, *others: tuple[str, float], own: float = 0.9) -> TokenScore:
    return TokenScore(
        text, math.log(own), tuple((other, math.log(chance)) for other, chance in others)
    )


def tokens(text: str, size: int) -> list[TokenScore]:
    return [score(text[at : at + size]) for at in range(0, len(text), size)]


def at(needle: str) -> int:
    return SOURCE.index(needle)


def deviation(token: str, needle: str, original: str, *, is_line_start: bool = False) -> Deviation:
    return Deviation(
        probability=0.1,
        offset=at(needle),
        original=original,
        token=token,
        is_line_start=is_line_start,
    )


@given(size=st.integers(1, 12), start=st.integers(0, len(SOURCE)))
@settings(max_examples=60, deadline=None)
def test_a_faithful_copy_deviates_nowhere(size: int, start: int) -> None:
    copy = read_copy(SOURCE, start, tokens(SOURCE[start:], size))
    assert copy.end is None
    assert copy.deviations == ()


def test_what_the_model_would_rather_have_written_comes_likeliest_first() -> None:
    scores = [
        *tokens(SOURCE[: at(" <")], 3),
        score(" <", (" >", 0.02), (" <=", 0.3), (" == 3", LEAST_PROBABILITY / 2)),
        score(" 3", (" 4", 0.1)),
        score(":"),
    ]
    copy = read_copy(SOURCE, 0, scores)
    assert [(one.token, one.offset) for one in copy.deviations] == [
        (" <=", at(" <")),
        (" 4", at(" 3")),
        (" >", at(" <")),
    ]
    assert readings(SOURCE, copy.deviations[0])[0] == SOURCE.replace("a < 3", "a <= 3")


def test_the_token_that_leaves_the_source_is_a_deviation_and_the_end_of_the_copy() -> None:
    scores = [*tokens(SOURCE[: at(" - 1")], 4), score(" +", (" -", 0.3), own=0.6), score(" 1")]
    copy = read_copy(SOURCE, 0, scores)
    assert copy.end == at(" - 1")
    assert [one.token for one in copy.deviations] == [" +"]
    assert readings(SOURCE, copy.deviations[0])[0].endswith("return a + 1")
    assert next_start(SOURCE, at(" - 1")) == at(" - 1") + 2
    assert next_start(SOURCE, len(SOURCE)) == len(SOURCE) + 1


def test_a_longer_answer_than_the_source_is_a_copy_to_the_end() -> None:
    assert read_copy("ab", 0, [score("a"), score("b"), score("```")]).end is None


def test_a_token_with_a_line_end_ends_its_line() -> None:
    assert readings(SOURCE, deviation(" True:\n", " a < 3", " a")) == [
        SOURCE.replace("a < 3:", "True:")
    ]


def test_a_token_that_comes_later_on_the_line_says_that_what_is_before_it_was_too_much() -> None:
    source = "def f(a):\n    return -int(a) * 60 - int(a)"
    negative = Deviation(probability=0.5, offset=source.index(" -int"), original=" -", token=" int")
    assert source.replace("-int", "int", 1) in readings(source, negative)


def test_a_token_that_begins_the_next_line_says_that_the_line_was_too_much() -> None:
    doubted = deviation("return", "if a", "if", is_line_start=True)
    dropped = SOURCE.replace("    if a < 3:\n", "")
    assert dropped in readings(SOURCE, doubted)


def test_a_sign_or_a_not_may_have_been_missing() -> None:
    negated = deviation(" not", " a < 3", " a")
    assert SOURCE.replace("if a", "if not a") in readings(SOURCE, negated)
    word = deviation(" abs", " a < 3", " a")
    assert readings(SOURCE, word) == [SOURCE.replace("if a <", "if abs <")]


def test_at_the_start_of_a_line_both_readings_are_tried() -> None:
    start = at("return a\n")
    only = completed(SOURCE, deviation("a", "a < 3", "a"), " > 3:")
    assert only == [SOURCE.replace("a < 3", "a > 3")]
    instead, before = completed(
        SOURCE, deviation("print", "return a\n", "return", is_line_start=True), "(a)"
    )
    assert instead == SOURCE.replace("return a\n", "print(a)\n")
    assert before == SOURCE[:start] + "print(a)\n        " + SOURCE[start:]


def test_a_block_is_what_is_indented_below_its_opener() -> None:
    assert opens_block("if a:  ")
    assert opens_block("for (;;) {")
    assert not opens_block("return a")
    begun = "def f():\n    if a:"
    assert block_of(begun, "        b()\n\n        c()") == "\n        b()"
    assert block_of(begun, "        b()\n    c()") == "\n        b()"
    assert block_of(begun, "    c()") == ""
    assert block_of("  if (a) {", "    b();\n  }\n  c();") == "\n    b();\n  }"


# imports --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "mended"),
    [
        ("x = math.ceil(1.5)\n", "import math\nx = math.ceil(1.5)\n"),
        ('"""Doc."""\nx = math.pi\n', '"""Doc."""\nimport math\nx = math.pi\n'),
        (
            "from datetime import date\nx = timedelta(1)\n",
            "from datetime import date\nfrom datetime import timedelta\nx = timedelta(1)\n",
        ),
        (
            "import os\n\nx = json.dumps(os.name)\n",
            "import os\nimport json\n\nx = json.dumps(os.name)\n",
        ),
    ],
)
def test_missing_imports_are_added_where_there_is_no_doubt(source: str, mended: str) -> None:
    assert mend_imports("a.py", source) == mended


@pytest.mark.parametrize(
    "source",
    [
        "import math\nx = math.pi\n",
        "def f(json):\n    return json.x\n",
        "x = helper(1)\n",
        "x = queue\n",
        "try:\n    f()\nexcept E as copy:\n    copy.x\n",
        "match a:\n    case [*types]:\n        types.x\n    case {**token}:\n        token.x\n",
        "from local import thing\nx = other(1)\n",
        "x = (\n",
        "",
    ],
)
def test_all_else_is_left_as_it_is(source: str) -> None:
    assert mend_imports("a.py", source) == source


def test_other_languages_are_left_as_they_are() -> None:
    assert mend_imports("a.js", "x = math.ceil(1)") == "x = math.ceil(1)"


def test_mended_source_is_not_mended_again() -> None:
    once = mend_imports("a.py", "x = math.ceil(json.loads('1'))\n")
    assert mend_imports("a.py", once) == once


# focus ----------------------------------------------------------------------

MODULE = '''\
import re


class Cart:
    def total(self):
        """Return the sum."""
        value = 0
        return value

    def clear(self):
        pass
'''


def suspect(start_line: int = 5, end_line: int = 8) -> SuspectDefinition:
    return SuspectDefinition("cart.py", "Cart.total", start_line, end_line, 1.0)


def located(*lines: tuple[int, float]) -> Localisation:
    return Localisation(
        lines=tuple(Suspect(path="cart.py", line=line, score=value) for line, value in lines)
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "cart.py").write_text(MODULE)
    return Workspace(tmp_path)


def test_a_focus_is_the_definition_alone_and_goes_back_to_its_place(workspace: Workspace) -> None:
    focus = focus_on(workspace, suspect(), located())
    assert focus is not None
    assert focus.source.startswith("def total(self):\n    ")
    assert focus.file_with(focus.source) == MODULE
    changed = focus.file_with(focus.source.replace("value = 0", "value = 1"))
    assert changed == MODULE.replace("value = 0", "value = 1")
    assert focus.language == "python"


def test_the_fault_may_be_from_the_first_executed_line_on(workspace: Workspace) -> None:
    focus = focus_on(workspace, suspect(), located((8, 0.9), (7, 0.3)))
    assert focus is not None
    assert focus.source[focus.start :].startswith("    value = 0")
    assert focus.suspicion(focus.source.index("return value")) == pytest.approx(1.0)
    assert focus.suspicion(focus.source.index("value = 0")) == pytest.approx(0.2 + 0.8 / 3)
    assert focus.suspicion(0) == pytest.approx(0.2)
    whole = focus_on(workspace, suspect(), located((8, 0.9)), whole=True)
    assert whole is not None
    assert whole.start == 0


def test_a_class_or_a_long_definition_is_no_focus(workspace: Workspace) -> None:
    assert focus_on(workspace, suspect(start_line=4, end_line=11), located()) is None
    assert focus_on(workspace, suspect(end_line=5 + 80), located()) is None


def test_a_question_shows_goal_failure_definition_and_its_siblings(workspace: Workspace) -> None:
    focus = focus_on(workspace, suspect(), located())
    assert focus is not None
    failing = Failure(
        test_id="tests/test_cart.py::test_sum",
        message="assert 0 == 3",
        excerpt="FAIL tests/test_cart.py::test_sum line 9\nassert 0 == 3",
    )
    outcome = Outcome(green=False, command="pytest", status=1, failed=1, failures=(failing,))
    asked = question("Mend the cart", outcome, focus)
    assert "Mend the cart" in asked
    assert "test_sum\nassert 0 == 3" in asked
    assert "class Cart (with clear)" in asked
    assert asked.endswith(code(focus))
    assert code(focus) in another(focus)
    assert len(first_failure(outcome)) <= 600


def test_without_an_excerpt_the_end_of_the_output_is_shown() -> None:
    outcome = Outcome(green=False, command="make", status=2, output="boom\n" * 1_000)
    assert "boom" in first_failure(outcome)
    assert len(first_failure(outcome)) <= 700


SLIPS = '''def f(items, low):
    """Return 1 < 2 and so on."""
    for i in range(len(items)):
        if items[i] < low and not items[0]:  # a < b
            return "x < y"
    return min(low, i) - 1'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("items[i] < low", "items[i] <= low"),
        ("and not", "or not"),
        ("not items", "items"),
        ("range(len(items))", "range(len(items) + 1)"),
        ("items[i]", "items[i + 1]"),
        ("items[0]", "items[-1]"),
        ("min(low, i)", "min(i, low)"),
        (" - 1", ""),
        (" - 1", " - 2"),
    ],
)
def test_common_slips_are_undone(old: str, new: str) -> None:
    body = SLIPS.index("    for")
    head, tail = SLIPS[:body], SLIPS[body:]
    assert head + tail.replace(old, new, 1) in [one.text for one in slips(SLIPS, body)]


def test_slips_are_code_and_leave_strings_and_comments_alone() -> None:
    body = SLIPS.index("    for")
    for one in slips(SLIPS, body):
        assert one.text[: one.offset] == SLIPS[: one.offset]
        assert one.offset >= body
        assert '"x < y"' in one.text
        assert one.text.splitlines()[:2] == SLIPS.splitlines()[:2]
        assert "# a < b" in one.text
