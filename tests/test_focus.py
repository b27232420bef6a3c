from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from copying_model import CopyingModel
from hotloop.loop.focus import body_line
from repair_session import repaired

SCRIPT = """/**
 * Return the shares.
 */
// of all
export function shares(counts) {
  const total = sum(counts);
  return total;
}"""


@pytest.mark.parametrize(
    ("path", "source", "line"),
    [
        ("a.js", SCRIPT, "  const total = sum(counts);"),
        ("a.js", "const half = (n) =>\n  n / 2;", "const half = (n) =>"),
        ("a.c", "/* Twice n. */\nint twice(int n) {\n  return n;\n}", "  return n;"),
        ("a.py", '@cache\ndef f():\n    """One.\n\n    Two."""\n    return 1', "    return 1"),
    ],
)
def test_a_body_begins_behind_the_head_and_what_stands_above_it(
    path: str, source: str, line: str
) -> None:
    assert source.split("\n")[body_line(path, source)] == line


@pytest.mark.parametrize(
    ("call", "begun"),
    [("total([None])", "```python\ndef total(rows):\n"), ("total([1], 2)", "```python\n")],
)
def test_the_head_is_doubted_only_where_a_call_does_not_fit_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, begun: str
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    code = "def total(rows):\n    return sum(int(row) for row in rows)\n"
    (root / "till.py").write_text(code)
    test = f"def test_total():\n    assert total([2]) == 2\n    assert {call} == 0\n"
    (root / "test_till.py").write_text(f"from till import total\n\n\n{test}")
    model = CopyingModel({})
    asyncio.run(repaired(root, model, "total() fails"))
    assert model.bodies[0]["messages"][-1]["content"] == begun
