from __future__ import annotations

from pathlib import Path

from hotloop.loop.outline import offered, outlined
from hotloop.workspace.root import Workspace

PYTHON = '''LIMIT = 3


class Box:
    def add(self, card):
        """Add a card."""
        if len(self.cards) > LIMIT:
            self.cards.pop()
        self.cards.append(card)
        self.seen.add(card)
        return card

    def first(self):
        return self.cards[0]
'''
SCRIPT = """export function add(a, b) {
  if (a === null) {
    return b;
  }
  const sum = a + b;
  return sum;
}
"""


def test_a_long_function_that_is_not_named_loses_its_body() -> None:
    shown = outlined("box.py", PYTHON, {"first"})
    assert "def add(self, card):\n        ..." in shown
    assert "pop()" not in shown
    assert "return self.cards[0]" in shown
    assert shown.startswith("LIMIT = 3")


def test_a_function_that_is_named_stays_whole() -> None:
    assert outlined("box.py", PYTHON, {"add"}) == PYTHON


def test_how_long_a_function_may_be_is_a_choice() -> None:
    assert "return self.cards[0]" not in outlined("box.py", PYTHON, {"add"}, most_lines=1)


def test_braces_are_closed() -> None:
    assert outlined("add.mjs", SCRIPT, set()) == "export function add(a, b) {\n    ...\n}\n"


def test_classes_that_the_file_imports_are_told_by_their_members(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text("from lot import Lot\n\n\ndef due(lots):\n    pass\n")
    (tmp_path / "lot.py").write_text(
        "class Lot:\n    code: str\n\n    def __init__(self, day):\n        self.day = day\n"
        "        self._tests = []\n\n    @property\n    def viability(self):\n        return 1\n\n"
        "    def overdue(self, today, by=1):\n        return today - self.day\n\n\n"
        "class Jar:\n    size = 3\n"
    )
    told = offered(Workspace(tmp_path), "bank.py")
    assert told == "Lot in lot.py has code, day, viability, overdue(today, by=1)\n"
