from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.actions.types import (
    Define,
    Write,
)
from hotloop.errors import ToolError
from hotloop.ledger.events import EditApplied
from hotloop.tools.matching import replace
from tools_bench import SOURCE, Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    return Bench(tmp_path)


def test_an_exact_edit(bench: Bench) -> None:
    seen = bench.edit("return a - b", "return a + b")
    assert bench.get() == SOURCE.replace("a - b", "a + b")
    assert seen.text == ("edited shop.py (+1 −1 lines)\n\ndef add(a, b):\n    return a + b\n\n")
    assert bench.events == [
        EditApplied(t_s=1.5, action="a1", path="shop.py", added_lines=1, removed_lines=1)
    ]


@pytest.mark.parametrize(
    ("old", "new", "repaired", "expected"),
    [
        pytest.param(
            "def add(a, b):  \n    return a - b\t\n",
            "def add(a, b):\n    return a + b\n",
            "white space at line ends",
            ("    return a - b", "    return a + b"),
            id="trailing white space",
        ),
        pytest.param(
            "def add(a, b):\r\n    return a - b\r\n",
            "def add(a, b):\r\n    return a + b\r\n",
            "",
            ("    return a - b", "    return a + b"),
            id="line endings",
        ),
        pytest.param(
            "def label(self):\n    return 'the shop'",
            "def label(self):\n    name = 'the mall'\n\n    return name",
            "indentation",
            ("        return 'the shop'", "        name = 'the mall'\n\n        return name"),
            id="indented too little",
        ),
        pytest.param(
            "    def add(a, b):\n        return a - b",
            "    def add(a, b):\n        return a + b",
            "indentation",
            ("    return a - b", "    return a + b"),
            id="indented too much",
        ),
        pytest.param(
            "return 'the shop'",
            "if self:\n    return 'mall'\nreturn ''",
            "indentation",
            (
                "        return 'the shop'",
                "        if self:\n            return 'mall'\n        return ''",
            ),
            id="one flat line becomes several",
        ),
        pytest.param(
            "        for item in items:\n            result += item.price\n",
            "        for item in items:\n            result += item.cost\n",
            "blank lines",
            (
                "items:\n\n            result += item.price",
                "items:\n            result += item.cost",
            ),
            id="blank lines",
        ),
        pytest.param(
            "    def label(self):\n        return ‘the shop’",
            "    def label(self):\n        return 'x'",
            "look-alike characters",
            ("'the shop'", "'x'"),
            id="typographic quotes",
        ),
        pytest.param(
            "4: def add(a, b):\n5:     return a - b",
            "4: def add(a, b):\n5:     return a + b",
            "line numbers removed",
            ("    return a - b", "    return a + b"),
            id="numbers with colon",
        ),
        pytest.param(
            "  4|def add(a, b):\n  5|    return a - b",
            "def add(a, b):\n    return a + b",
            "line numbers removed",
            ("    return a - b", "    return a + b"),
            id="numbers with bar",
        ),
        pytest.param(
            "    def total(self, item):\n        result = 0.0\n        for item in items:",
            "    def total(self, item):\n        result = 1\n        for item in items:",
            "nearest region, 97% similar",
            ("result = 0", "result = 1"),
            id="misquoted words",
        ),
    ],
)
def test_near_misses_are_repaired(
    bench: Bench, old: str, new: str, repaired: str, expected: tuple[str, str]
) -> None:
    seen = bench.edit(old, new)
    assert seen.ok, seen.text
    assert expected[0] in SOURCE
    assert bench.get() == SOURCE.replace(*expected)
    assert [event.repaired for event in bench.events if isinstance(event, EditApplied)] == [
        repaired
    ]
    assert (f"repaired: {repaired}" in seen.text) is bool(repaired)


def test_a_repair_gives_tabs_back(bench: Bench) -> None:
    bench.put("m.go", "func f() {\n\tif x {\n\t\ty()\n\t}\n}\n")
    seen = bench.edit(
        "    if x {\n        y()\n    }", "    if z {\n        y()\n        w()\n    }", "m.go"
    )
    assert bench.get("m.go") == "func f() {\n\tif z {\n\t\ty()\n\t\tw()\n\t}\n}\n", seen.text


def test_a_repair_leaves_lines_it_does_not_change_as_they_are(bench: Bench) -> None:
    bench.put("t.txt", "one  \ntwo\nthree “x”\n")
    bench.edit('one\ntwo\nthree "x"\n', 'one\n2\nthree "x"\n', "t.txt")
    assert bench.get("t.txt") == "one  \n2\nthree “x”\n"


def test_line_endings_mark_and_missing_last_newline_are_kept(bench: Bench) -> None:
    bench.put("w.txt", "\ufeffone\r\ntwo\r\nthree")
    assert bench.edit("two\nthree\n", "2\nthree\n", "w.txt").ok
    assert bench.get("w.txt") == "\ufeffone\r\n2\r\nthree"


def test_several_matches_are_listed(bench: Bench) -> None:
    bench.put("t.txt", "x = 1\ny\nx = 1\nz\n    x = 1\n")
    for old in ("x = 1", "x = 1  "):
        seen = bench.edit(old, "x = 2", "t.txt")
        assert not seen.ok
        assert "at lines 1, 3" in seen.text
    assert bench.get("t.txt").count("x = 1") == 3
    seen = bench.edit("z\n    x = 1", "z\n    x = 2", "t.txt")
    assert bench.get("t.txt") == "x = 1\ny\nx = 1\nz\n    x = 2\n", seen.text


def test_no_match_quotes_the_nearest_region(bench: Bench) -> None:
    seen = bench.edit("        for thing in self.things:\n            sum += 1", "pass")
    assert not seen.ok
    assert "most similar lines are 8-16" in seen.text
    assert "            result += item.price" in seen.text
    assert bench.get() == SOURCE
    assert "nor anything like it" in bench.edit("zzz qqq", "x").text


def test_two_regions_that_are_alike_are_not_guessed_between(bench: Bench) -> None:
    block = "def handler_{0}(event):\n    log.info('got event {0}')\n    return event.value\n\n"
    bench.put("h.txt", block.format("a") + block.format("b"))
    seen = bench.edit(
        "def handler_c(event):\n    log.info('got event c')\n    return event.value", "x", "h.txt"
    )
    assert not seen.ok
    assert "most similar" in seen.text


def test_an_edit_that_changes_nothing_or_quotes_nothing_is_refused(bench: Bench) -> None:
    assert "changes nothing" in bench.edit("a - b", "a - b").text
    assert "old is empty" in bench.edit(" \n", "x").text


def test_python_that_would_no_longer_parse_is_refused(bench: Bench) -> None:
    seen = bench.edit("return a - b", "return (a - b")
    assert not seen.ok
    assert "would not parse: line 5" in seen.text
    assert bench.get() == SOURCE
    assert not bench.events
    bench.put("broken.py", "def f(:\n    pass\n")
    assert bench.edit("pass", "return 1", "broken.py").ok


def test_edits_outside_and_of_missing_files_are_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    for path in ("../outside.txt", str(tmp_path / "outside.txt"), ".git/config", "missing.py"):
        assert not bench.edit("secret", "x", path).ok
        if path != "missing.py":
            assert not bench.do(Write(path=path, content="x")).ok
    assert (tmp_path / "outside.txt").read_text() == "secret"
    assert not (bench.root / ".git").exists()


_CODE = st.lists(
    st.sampled_from(["a = 1", "  b", "\tc()", "", "d  ", "return x", "é"]), min_size=1, max_size=8
)


@given(lines=_CODE, start=st.integers(0, 7), count=st.integers(1, 3), new=_CODE)
def test_an_exact_unique_quote_replaces_just_that(
    lines: list[str], start: int, count: int, new: list[str]
) -> None:
    text = "".join(f"{n}:{line}\n" for n, line in enumerate(lines))
    old = "".join(f"{n}:{line}\n" for n, line in list(enumerate(lines))[start : start + count])
    replacement = "".join(f"{line}\n" for line in new)
    if not old or old == replacement:
        return
    before, _, after = text.partition(old)
    assert replace("f", text, old, replacement).text == before + replacement + after


@given(
    text=st.text(alphabet="ab \n\t(1:", max_size=60), old=st.text(alphabet="ab \n1:", max_size=20)
)
def test_replace_either_changes_the_text_or_says_why_not(text: str, old: str) -> None:
    try:
        outcome = replace("f", text, old, "NEW").text
    except ToolError as error:
        outcome = f"NEW: {error.next_step}" if error.next_step else ""
    assert "NEW" in outcome


def test_the_nearest_region_of_a_long_file_is_found_quickly(bench: Bench) -> None:
    body = "".join(f"value_{n} = compute({n}, scale={n % 7})\n" for n in range(8000))
    bench.put("long.txt", body + "def special_case(argument):\n    return argument.missing\n")
    seen = bench.edit(
        "def special_case(arg):\n    return argument.missing",
        "def special():\n    pass",
        "long.txt",
    )
    assert "nearest region" in seen.text
    assert bench.get("long.txt").endswith("def special():\n    pass\n")


def test_write_creates_folders_and_replaces(bench: Bench) -> None:
    seen = bench.do(Write(path="new/deep/x.py", content="a = 1\nb = 2\n"))
    assert seen.text == "created new/deep/x.py (2 lines)"
    assert bench.get("new/deep/x.py") == "a = 1\nb = 2\n"
    seen = bench.do(Write(path="new/deep/x.py", content="a = 1\nb = 3\nc = 4\n"))
    assert seen.text == "replaced new/deep/x.py (+2 −1 lines)"
    same = bench.do(Write(path="new/deep/x.py", content="a = 1\nb = 3\nc = 4\n"))
    assert "nothing changed" in same.text
    assert len(bench.events) == 2
    bench.context.checkpoint.rollback_to(0)
    assert not (bench.root / "new").exists()


def test_write_refuses_to_empty_or_break_a_file(bench: Bench) -> None:
    assert "not replaced with nothing" in bench.do(Write(path="shop.py", content="\n")).text
    assert "would not parse" in bench.do(Write(path="shop.py", content="def f(:\n")).text
    assert bench.get() == SOURCE
    bench.put("small.txt", "x\n")
    assert bench.do(Write(path="small.txt", content="")).ok
    new = bench.do(Write(path="n.py", content="def f(:\n"))
    assert new.ok
    assert "does not parse: line 1" in new.text


def test_write_keeps_line_endings(bench: Bench) -> None:
    bench.put("w.txt", "one\r\ntwo\r\n")
    bench.do(Write(path="w.txt", content="one\n2\n"))
    assert bench.get("w.txt") == "one\r\n2\r\n"


def test_define_replaces_and_adds(bench: Bench) -> None:
    code = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
    seen = bench.do(Define(path="shop.py", code=code))
    assert seen.ok, seen.text
    text = bench.get()
    assert "return a + b" in text
    assert "def sub(a, b):\n    return a - b\n" in text
    assert "class Shop:" in text
    assert len(bench.events) == 1
    same = bench.do(Define(path="shop.py", code="def add(a, b):\n    return a + b\n"))
    assert "changes nothing" in same.text


def test_define_of_broken_code_leaves_the_file(bench: Bench) -> None:
    assert not bench.do(Define(path="shop.py", code="def add(a, b:\n    return (a\n")).ok
    assert bench.get() == SOURCE
