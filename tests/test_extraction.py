"""Functions made of what others in a file both spell out."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import TextDelta, Watch
from hotloop.config import Config
from hotloop.levers.extraction import Wanted, extracted
from repair_session import repaired

SHOP = '''"""A shop — prices in cents."""

RATES = {"tea": 3, "rye": 5}


class Bill:
    def __init__(self, rows, tax):
        self.rows = rows
        self.tax = tax

    def net(self):
        total = 0
        for row in self.rows:
            if row > 1:
                total += row
        return total - 1

    def gross(self):
        """Return it all — taxed."""
        amount = 0
        for line in self.rows:
            if line > 1:
                amount += line
        return amount * (1 + self.tax)


def label(name, width):
    if name not in RATES:
        raise ValueError(f"no — {name!r}")
    return name.ljust(width)


def price(what, count=1):
    "The price."
    if what not in RATES:
        raise ValueError(f"no — {what!r}")
    return RATES[what] * count


def near(p, q):
    d = ((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) ** 0.5
    return d < 3


def nearest(a, b, c):
    if ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 < (
        (a[0] - c[0]) ** 2 + (a[1] - c[1]) ** 2
    ) ** 0.5:
        return b
    return c
'''


def changed(source: str, wanted: Wanted, path: str = "a.py") -> list[str]:
    return [one[path] for one in extracted(path, {path: source}, wanted)]


def first(wanted: Wanted, source: str = SHOP) -> str:
    return changed(source, wanted)[0]


def loaded(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(source, names)
    return names


def outcomes(source: str) -> list[object]:
    """Return what the shop's functions return, or raise."""
    shop = loaded(source)
    bill = shop["Bill"]([1, 2, 3], 0.5)
    found: list[object] = [bill.net(), bill.gross(), shop["near"]((0, 0), (1, 1))]
    found.append(shop["nearest"]((0, 0), (5, 5), (1, 1)))
    for name in ("tea", "jam"):
        for call in (
            lambda name=name: shop["label"](name, 5),
            lambda name=name: shop["price"](name),
        ):
            try:
                found.append(call())
            except ValueError as error:
                found.append(str(error))
    return found


def callers(source: str, name: str) -> list[str]:
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name != name
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and ast.unparse(part.func).rpartition(".")[2] == name
    ]


def test_statements_become_a_function_that_takes_what_differs() -> None:
    result = first(Wanted("total_of", ("rows",), words=frozenset(["net", "gross"])))
    assert callers(result, "total_of") == ["net", "gross"]
    assert loaded(result)["total_of"]([0, 4, 5]) == 9
    assert outcomes(result) == outcomes(SHOP)


def test_a_check_without_a_result_is_called_for_itself() -> None:
    result = first(Wanted("check", ("name",), words=frozenset(["label", "price"])))
    assert callers(result, "check") == ["label", "price"]
    with pytest.raises(ValueError, match="no — 'jam'"):
        loaded(result)["check"]("jam")
    assert outcomes(result) == outcomes(SHOP)


def test_an_expression_is_found_wherever_it_stands() -> None:
    result = first(Wanted("distance", ("p", "q")))
    assert callers(result, "distance") == ["near", "nearest", "nearest"]
    assert loaded(result)["distance"]((0, 0), (3, 4)) == 5
    assert outcomes(result) == outcomes(SHOP)


def test_a_method_is_made_in_its_class() -> None:
    result = first(Wanted("total", None, "Bill"))
    assert callers(result, "total") == ["net", "gross"]
    assert loaded(result)["Bill"]([2, 3], 0).total() == 5
    assert outcomes(result) == outcomes(SHOP)


def test_parameters_are_found_by_what_stands_there_and_keep_their_order() -> None:
    source = """def one(a, cart):
    return [a * line.price for line in cart.lines if line.open]


def two(b, cart):
    return [b * line.price for line in cart.lines if line.open]
"""
    result = first(Wanted("prices", ("cart", "factor")), source)
    assert list(inspect.signature(loaded(result)["prices"]).parameters) == ["cart", "factor"]
    assert "return prices(cart, a)" in result
    assert "return prices(cart, b)" in result


@pytest.mark.parametrize("wanted", [Wanted("total", ("rows",)), Wanted("spare", None)])
def test_every_text_does_what_the_file_did(wanted: Wanted) -> None:
    texts = changed(SHOP, wanted)
    assert texts
    for text in texts:
        assert outcomes(text) == outcomes(SHOP)


APART = """def one(rows):
    found = []
    for row in rows:
        {}
        found.append(row)
    return found


def two(rows):
    kept = []
    for row in rows:
        {}
        kept.append(row)
    return len(kept)
"""


@pytest.mark.parametrize(
    "line", ["found = 1", "if row: break", "yield row", "count += row", "if row: return row"]
)
def test_what_a_function_of_its_own_could_not_do_is_left_in_its_place(line: str) -> None:
    source = APART.format(line, line.replace("found", "kept"))
    for text in changed(source, Wanted("rows_of", None)):
        (made,) = (node for node in ast.parse(text).body if getattr(node, "name", "") == "rows_of")
        assert ("break" in line) <= ("for" in ast.unparse(made)) or "break" not in ast.unparse(made)
        assert "yield" not in ast.unparse(made)
        assert "count" not in ast.unparse(made)


def test_what_stands_in_one_place_is_found_by_what_it_reads() -> None:
    source = """def summary(lines):
    votes = {}
    for line in lines:
        votes[line.strip()] = votes.get(line.strip(), 0) + 1
    best = max(votes, key=votes.get)
    return f"{best}: {votes[best]}"
"""
    texts = changed(source, Wanted("count", ("lines",), words=frozenset(["summary"])))
    counts = [loaded(text)["count"](["a ", "b", "a"]) for text in texts]
    assert {"a": 2, "b": 1} in counts
    assert {loaded(text)["summary"](["a ", "b", "a"]) for text in texts} == {"a: 2"}
    assert changed(source, Wanted("count")) == []


def test_another_condition_of_a_statement_is_left_in_its_place() -> None:
    source = """def one(a):
    if a < 0:
        return -1
    elif a > 100 and a % 7 == 0:
        a = a * 3 - 1
    return a


def two(b):
    if b > 100 and b % 7 == 0:
        b = b * 3 - 1
    return [b]
"""
    for text in changed(source, Wanted("made")):
        for value in (-3, 5, 105):
            assert loaded(text)["one"](value) == loaded(source)["one"](value)
            assert loaded(text)["two"](value) == loaded(source)["two"](value)


def test_without_anything_in_common_there_is_nothing() -> None:
    assert changed("def a():\n    return 1\n\n\ndef b():\n    pass\n", Wanted("c")) == []
    assert changed("def a(:\n", Wanted("c")) == []
    assert changed(SHOP, Wanted("c"), "a.js") == []


NUMBERS = st.sampled_from(["x", "y", "3", "x + 1", "len(str(y))", "min(x, y)"])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("+-*"), NUMBERS), min_size=2, max_size=4),
    st.lists(NUMBERS, min_size=4, max_size=4),
)
def test_whatever_is_made_a_function_the_results_stay(
    terms: list[tuple[str, str]], others: list[str]
) -> None:
    def code(values: list[str]) -> str:
        sums = " ".join(
            f"{sign} ({value})" for (sign, _), value in zip(terms, values, strict=False)
        )
        return f"    total = (x {sums}) * 2\n    return [total, x]\n"

    source = (
        f"def one(x, y):\n{code([value for _, value in terms])}\n\ndef two(y, x):\n{code(others)}"
    )
    before = loaded(source)
    for text in changed(source, Wanted("made")):
        after = loaded(text)
        for name in ("one", "two"):
            assert after[name](5, 7) == before[name](5, 7)


TESTS = """import inspect

import pytest

import bands


def test_clean():
    assert bands.clean(" A ") == "a"


def test_used():
    for function in (bands.first, bands.second):
        assert "clean(" in inspect.getsource(function)


def test_first():
    assert bands.first(" A ") == "a!"
"""
BANDS = """def first(text):
    return text.strip().lower() + "!"


def second(word):
    return [word.strip().lower()]
"""


class Mute(CopyingModel):
    """Has nothing to say."""

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        self.bodies.append(json.loads(body))
        return CopyingStream([TextDelta("\n```")])


@pytest.mark.parametrize("without", [(), ("slips",)])
def test_a_missing_function_is_made_without_asking_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(BANDS)
    (root / "test_bands.py").write_text(TESTS)
    goal = "first() and second() clean a text alike. Pull that out into clean(text)."
    model = Mute({})
    ended = asyncio.run(repaired(root, model, goal, config=Config(without=without)))
    assert ended.solved == (not model.bodies) == (not without)
    made = callers((root / "bands.py").read_text(), "clean")
    assert made == ([] if without else ["first", "second"])


class Knowing(CopyingModel):
    """Writes the right body, whatever the head."""

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        self.bodies.append(json.loads(body))
        return CopyingStream([TextDelta("\n    return text.upper()\n```")])


def test_code_that_is_there_twice_but_is_not_what_is_missing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(BANDS)
    (root / "test_bands.py").write_text(
        "import bands\n\n\ndef test_first():\n    assert bands.first('A') == 'a!'\n\n\n"
        "def test_loud():\n    assert bands.loud('a') == 'A'\n"
    )
    model = Knowing({})
    ended = asyncio.run(repaired(root, model, "Add loud(text).", config=Config()))
    assert ended.solved
    assert model.bodies
    assert (root / "bands.py").read_text().startswith(BANDS)
