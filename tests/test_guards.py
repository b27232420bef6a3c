from __future__ import annotations

import pytest

from hotloop.levers.slips import slips
from hotloop.levers.slips.guards import Crash

DUE = """def due(cards, today):
    found = []
    for card in cards:
        if card.seen and card.box == 0:
            continue
        found.append(card.next.day - today)
    return found
"""
NEXT = """  next() {
    if (this.finished) return null;
    this.position += 1;
    while (this.closed.has(this.stops[this.position].room)) {
      this.position += 1;
    }
    return this.current;
  }"""


def _crash(source: str, line: str, message: str) -> Crash:
    return Crash(source.index(line), message)


def _texts(source: str, language: str = "python", crash: Crash | None = None) -> list[str]:
    return [one.text for one in slips(source, 0, language, crash)]


def test_a_condition_gets_a_term_of_another_one() -> None:
    old = "while (this.closed"
    assert NEXT.replace(old, "while (!this.finished && this.closed") in _texts(NEXT, "javascript")
    assert NEXT.replace(old, "while (this.finished || this.closed") in _texts(NEXT, "javascript")


def test_a_term_of_a_condition_is_dropped() -> None:
    texts = _texts(DUE)
    assert DUE.replace("card.seen and ", "") in texts
    assert DUE.replace(" and card.box == 0", "") in texts


@pytest.mark.parametrize("leaving", ["continue", "return []", "return None", "return found"])
def test_what_is_none_is_left_out_before_the_line_that_crashed(leaving: str) -> None:
    line = "        found.append"
    crash = _crash(DUE, line, "AttributeError: 'NoneType' object has no attribute 'day'")
    guard = f"        if card.next is None:\n            {leaving}\n"
    assert DUE.replace(line, guard + line) in _texts(DUE, crash=crash)


@pytest.mark.parametrize(
    ("source", "message", "made"),
    [
        ("def f(a, k):\n    return a[k]\n", "KeyError: 'x'", "return a.get(k)"),
        ("def f(a, k):\n    return a[k]\n", "KeyError: 'x'", "if k not in a:\n        return None"),
        ("def f(a, i):\n    return a[i]\n", "IndexError: list index out of range", "i >= len(a)"),
        ("def f(a):\n    return 1 / a\n", "ZeroDivisionError: division by zero", "if not a:"),
        ("def f(a):\n    return 1 / a\n", "ZeroDivisionError: division by zero", "1 / (a or 1)"),
        (
            "def f(a):\n    return int(a)\n",
            "ValueError: invalid literal for int() with base 10: ''",
            "return int(a or 0)",
        ),
        (
            "def f(a):\n    return a.index(3)\n",
            "ValueError: 3 is not in list",
            "    try:\n        return a.index(3)\n    except ValueError:\n        return None",
        ),
        (
            "def f(a):\n    return max(a)\n",
            "ValueError: max() arg is an empty sequence",
            "default=0",
        ),
    ],
)
def test_the_exception_says_what_to_guard_against(source: str, message: str, made: str) -> None:
    crash = _crash(source, "    return", message)
    assert any(made in text for text in _texts(source, crash=crash))
    assert not any(made in text for text in _texts(source))


def test_javascript_asks_before_it_reads_of_undefined() -> None:
    message = "TypeError: Cannot read properties of undefined (reading 'room')"
    texts = _texts(NEXT, "javascript", _crash(NEXT, "    while", message))
    assert any("if (!this.stops[this.position]) return null;" in text for text in texts)
    assert NEXT.replace("].room", "]?.room") in texts


def test_a_generator_is_left_without_a_value() -> None:
    source = "def days(a):\n    first = next(a)\n    yield first\n"
    texts = _texts(source, crash=_crash(source, "    first", "RuntimeError: StopIteration"))
    assert any("        return\n" in text for text in texts)
    assert not any("return None" in text for text in texts)


def test_an_exception_is_handled_only_where_its_name_is_known() -> None:
    source = "def f(a):\n    return a.load()\n"
    assert not any("except" in one for one in _texts(source, crash=Crash(9, "shop.Gone: late")))


BOARD = """push(stroke) {
  this.strokes.push(stroke);
}"""
BESIDE = (
    """  clear() {
    this.strokes = [];
    this.undone = [];
    this.last = stroke;
    this.show({
      all: true,
    });
  }""",
)


def test_what_other_methods_do_to_the_state_is_done_here_too() -> None:
    texts = [one.text for one in slips(BOARD, 0, "javascript", beside=BESIDE)]
    assert BOARD.replace("\n}", "\n  this.undone = [];\n}") in texts
    assert BOARD.replace("{\n", "{\n  this.undone = [];\n", 1) in texts
    assert not any("this.last" in one or "show" in one for one in texts)


def test_a_change_of_state_goes_before_what_is_returned() -> None:
    source = "def pop(self):\n    value = self.rows.pop()\n    return value"
    beside = ["    def clear(self):\n        self.rows = []\n        self._sum = None\n"]
    texts = [one.text for one in slips(source, 0, "python", beside=beside)]
    assert source.replace("    return", "    self._sum = None\n    return") in texts
