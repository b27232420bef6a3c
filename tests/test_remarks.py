from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotloop.levers.remarks import begun, places, rejoined, returns

SOURCE = """def last(days):
    found = []
    for day in days:
        found.append(day)
    return found[0]
"""
LINES = SOURCE.rstrip("\n").split("\n")
RETURN = SOURCE.index("    return")
LOOP = SOURCE.index("    for")


def test_a_comment_is_begun_at_the_line_with_its_indentation() -> None:
    assert begun(SOURCE, RETURN, "#") == SOURCE[:RETURN] + "    # Fix:"


def test_an_answer_to_the_end_stands_instead_of_the_rest() -> None:
    whole = rejoined(SOURCE, RETURN, " the last\n    return found[-1]", is_whole=True)
    assert whole[0] == SOURCE[:RETURN] + "    return found[-1]"


def test_an_answer_that_meets_the_source_again_goes_on_with_it() -> None:
    said = " newest first\n    days = days[::-1]\n    for day in days:\n        found"
    assert SOURCE.replace("    for", "    days = days[::-1]\n    for") in rejoined(
        SOURCE, LOOP, said, is_whole=False
    )


def test_an_answer_ends_where_two_lines_below_the_suspect_one_are_copied() -> None:
    assert returns(SOURCE, LOOP) == ["\n        found.append(day)\n    return found[0]\n"]
    assert returns(SOURCE, RETURN) == []
    long = "".join(f"    step({number})\n\n" for number in range(9))
    assert returns(long, 0)[0] == "\n    step(1)\n\n    step(2)\n"
    assert len(returns(long, 0)) == 3


def test_an_answer_that_was_ended_there_goes_on_with_the_source() -> None:
    lines = [f"    step({number})" for number in range(8)]
    made = rejoined("\n".join(lines), 0, " why\n    other()", is_whole=False, is_back=True)
    assert made[0] == "\n".join(["    other()", *lines[1:]])
    assert "\n".join(["    other()", *lines[3:]]) in made
    deleted = rejoined("\n".join(lines), 0, " why", is_whole=False, is_back=True)
    assert deleted[0] == "\n".join(lines[1:])


def test_an_answer_that_is_cut_stands_instead_of_its_line_or_before_it() -> None:
    made = rejoined(SOURCE, RETURN, " the last\n    return found[-1]", is_whole=False)
    old = "    return found[0]"
    assert SOURCE.replace(old, "    return found[-1]") in made
    assert SOURCE.replace(old, f"    return found[-1]\n{old}") in made


def test_lines_of_brackets_only_are_no_place_for_a_comment() -> None:
    source = "function f() {\n  g({\n    a: 1,\n  });\n\n}"
    assert [source[at:].split("\n")[0].strip() for at in places(source, 0)] == [
        "function f() {",
        "g({",
        "a: 1,",
    ]


@given(
    line=st.integers(0, len(LINES) - 1),
    answer=st.lists(st.sampled_from([*LINES, "    pass", ""]), max_size=6),
    is_whole=st.booleans(),
)
def test_what_is_before_the_line_stays_and_nothing_comes_twice(
    line: int, answer: list[str], is_whole: bool
) -> None:
    start = sum(len(one) + 1 for one in LINES[:line])
    made = rejoined(SOURCE, start, "\n".join([" why", *answer]), is_whole=is_whole)
    assert len(made) == len(set(made))
    assert all((one + "\n").startswith(SOURCE[:start]) for one in made)
    assert not any("why" in one for one in made)
