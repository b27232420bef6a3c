"""Forms of code that become a function: before and after, everything does the same."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.levers.extraction import Wanted, extracted

VALUES = [-3, 0, 2, 5, 40]


def changed(source: str, wanted: Wanted) -> list[str]:
    return [one["a.py"] for one in extracted("a.py", {"a.py": source}, wanted)]


def loaded(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(source, names)
    return names


def outcome(function: Callable[..., object], *given: object) -> object:
    try:
        return function(*given)
    except (ArithmeticError, LookupError, TypeError, ValueError, NameError) as error:
        return type(error), str(error)


def behaviour(source: str) -> list[object]:
    """Return what `one` and `two` return or raise for pairs of numbers, with what they append."""
    names, found = loaded(source), list[object]()
    for function, first, second in itertools.product(("one", "two"), VALUES, VALUES):
        names["log"] = []
        found += [outcome(names[function], first, second), names["log"]]
    return found


def calls(source: str) -> list[str]:
    """Return which functions call `made`."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and ast.unparse(part.func) == "made"
    ]


def pair(one: str, two: str) -> str:
    """Return two functions with these bodies."""
    bodies = ("\n".join(f"    {line}" for line in body.split("\n")) for body in (one, two))
    first, second = bodies
    return f"log = []\n\n\ndef one(x, y):\n{first}\n\n\ndef two(x, y):\n{second}\n"


LEAD = "a = abs(x) + 1\nb = a * a - x"
TAILS = [
    "return a + b * 2",
    "total = a + b * 2\nreturn [total, y]",
    "total = y\ntotal += a + b * 2\nreturn total",
    "log.append(a + b * 2)",
    "if a + b * 2 > 9:\n    return y\nreturn -y",
    "for i in range(a + b * 2):\n    y += i\nreturn y",
    "return (y, (a + b * 2) % 7)",
    "return a + b * 2 or y",
    "raise ValueError(a + b * 2)",
]


@pytest.mark.parametrize(("one", "two"), [*itertools.combinations(TAILS, 2)])
def test_statements_lead_to_a_value_whatever_is_done_with_it(one: str, two: str) -> None:
    between = two.replace("total = y\n", "")
    before = "total = y\n" if between != two else ""
    source = pair(f"{LEAD}\n{one}", f"{before}{LEAD}\n{between}")
    if "total = y" in one:
        lines = one.removeprefix("total = y\n")
        source = pair(f"total = y\n{LEAD}\n{lines}", f"{LEAD}\n{two}")
    texts = changed(source, Wanted("made", ("x",)))
    assert calls(texts[0]) == ["one", "two"]
    assert "abs" not in ast.unparse(ast.parse(texts[0]).body[1])
    for text in texts:
        assert behaviour(text) == behaviour(source)


LATE = [
    "return y > 2 and a + b * 2",
    "return a + b * 2 if y > 2 else y",
    "return [a + b * 2 for _ in range(y)]",
    "return lambda: a + b * 2",
    "while a + b * 2 > y:\n    y += 7\nreturn y",
    "return (log.append(y), a + b * 2)",
    "return a + b * 2 + min(a, 0)",
]


@pytest.mark.parametrize("late", LATE)
def test_a_value_that_is_not_computed_at_once_stays_where_it_is(late: str) -> None:
    lead = f"log.append(x)\n{LEAD}"
    source = pair(f"{lead}\n{late}", f"{lead}\nreturn a + b * 2")
    for text in changed(source, Wanted("made")):
        if "lambda" not in late:
            assert behaviour(text) == behaviour(source)


BRANCHES = [
    "if x < y:\n    v = x * x + y\nelse:\n    v = (\n        x - y\n    )\nreturn [v]",
    "if x < y:\n    return x * x + y\nreturn x - y",
    "if x < y:\n    log.append(x * x + y)\nelse:\n    log.append(x - y)",
    "t = 5\nif x < y:\n    t += x * x + y\nelse:\n    t += x - y\nreturn t",
    "if x < y:\n    return x * x + y\nelse:\n    return x - y",
]


@pytest.mark.parametrize(("one", "two"), [*itertools.combinations(BRANCHES, 2)])
def test_branches_that_give_a_value_are_one_function(one: str, two: str) -> None:
    source = pair(one, two)
    texts = changed(source, Wanted("made", ("x", "y")))
    assert calls(texts[0]) == ["one", "two"]
    assert loaded(texts[0])["made"](2, 5) == 9
    for text in texts:
        assert behaviour(text) == behaviour(source)


def test_an_attempt_gives_a_value_as_well() -> None:
    source = pair(
        "try:\n    v = 90 // (x - y)\nexcept ZeroDivisionError:\n    v = 8\nreturn [v]",
        "try:\n    return 90 // (x - y)\nexcept ZeroDivisionError:\n    return 8",
    )
    text = changed(source, Wanted("made", ("x", "y")))[0]
    assert calls(text) == ["one", "two"]
    assert behaviour(text) == behaviour(source)


def test_a_parameter_can_be_bound_anew() -> None:
    source = pair(
        "x = abs(x)\nx = x * 3 - 1\nlog.append(x)\nreturn x",
        "y = abs(y)\ny = y * 3 - 1\nif y > x:\n    return y",
    )
    text = changed(source, Wanted("made", ("number",)))[0]
    assert calls(text) == ["one", "two"]
    assert loaded(text)["made"](-2) == 5
    assert behaviour(text) == behaviour(source)


def test_names_that_are_taken_are_changed() -> None:
    source = pair(
        "made = x * x - 3 * x\nmade = made + 1\nreturn f'{made} {y}'",
        "n = x * x - 3 * x\nn = n + 1\nlog.append(n)",
    )
    texts = changed(source, Wanted("made", ("n",)))
    assert calls(texts[0]) == ["one", "two"]
    for text in texts:
        assert behaviour(text) == behaviour(source)


def test_texts_in_strings_are_no_parameters() -> None:
    source = pair("a = x * y\nreturn f'{a:>5} of {x}'", "b = x * y\nlog.append(f'{b:>7} von {x}')")
    for text in changed(source, Wanted("made")):
        assert behaviour(text) == behaviour(source)


def test_a_generator_among_the_brackets_of_a_call() -> None:
    source = pair(
        "return sum(i * i for i in range(x) if i != y)",
        "log.append(max((i * i for i in range(x) if i != y), default=0))",
    )
    texts = changed(source, Wanted("made", ("x", "y")))
    assert calls(texts[0]) == ["one", "two"]
    for text in texts:
        assert behaviour(text) == behaviour(source)


STATEMENTS = st.sampled_from(
    [
        "a = x * 3 - y",
        "b = a + x",
        "x = x + a",
        "if x > y:\n    a = x\nelse:\n    a = y - 1",
        "if x < 0:\n    raise ValueError(x)",
        "for i in range(3):\n    a += i",
        "a, b = b, a + 1",
        "log.append(a)",
        "b = [a * i for i in range(3)][1]",
        "if a > b:\n    return b",
        "if y == 2:\n    b = a * 2",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STATEMENTS, min_size=2, max_size=5),
    st.sampled_from(["return a + b", "log.append(a * b)", "x += a - b\nreturn x", "return b"]),
    st.sampled_from(["return a + b", "total = a * b\nreturn total", "if a > b:\n    return y"]),
)
def test_whatever_is_made_a_function_everything_stays(lines: list[str], one: str, two: str) -> None:
    lead = "\n".join(["a = b = 1", *lines])
    source = pair(f"{lead}\n{one}", f"{lead}\n{two}")
    before = behaviour(source)
    for text in changed(source, Wanted("made")):
        assert behaviour(text) == before


def test_the_text_between_the_braces_of_a_format_string_is_no_parameter() -> None:
    source = """class Lot:
    def place(self, bidder, amount):
        if self.closed:
            raise ValueError(f"{self.title} is closed")
        if self.highest == bidder:
            raise ValueError(f"{bidder} leads already")
        self.highest = bidder
"""
    for text in changed(source, Wanted("check", holder="Lot")):
        assert 'f"{self.title} is closed"' in text
