"""Edits that can only quote their file: the grammar, who gets it, and what is told of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_session import BROKEN, DONE, FIX, READ, Run, run, says
from hotloop.actions.dialects import Held, dialect
from hotloop.actions.exact import MOST_CHARS, MOST_LINES, exact_json_grammar, exact_text_grammar
from hotloop.actions.parse import Parsed
from hotloop.actions.types import Edit, Observation, Read
from hotloop.errors import ToolError
from hotloop.ledger.events import CallStart, LeverAccount, Note
from hotloop.levers.exact_edits import ExactEdits
from hotloop.sim.profile import Fault
from hotloop.tools.matching import replace

GOOD = Observation(tool="edit", ok=True, text="", summary="edited a.py (+1 −1 lines)")
MISSED = Observation(tool="edit", ok=False, text="", summary="old is not in a.py")
LINES = st.lists(st.sampled_from(["a", "  a", "b = 1", "", "b = 12", "é“”\\n", '"x"']), min_size=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


# the grammar ------------------------------------------------------------------------------


def misses(grammar: str) -> set[str]:
    """Return the runs of lines that a grammar forbids as a quote."""
    found = re.search(r"^MISS0: (.*)$", grammar, re.MULTILINE)
    rest = found[1] if found else ""
    texts: set[str] = set()
    while rest:
        quoted = re.match(r'"(?:[^"\\]|\\.)*"', rest)
        assert quoted is not None
        texts.add(msgspec.json.decode(quoted[0]))
        rest = rest[quoted.end() :].removeprefix(" | ")
    return texts


@given(LINES)
def test_what_is_not_forbidden_is_a_quote_that_edit_finds(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    if not text.strip():
        return
    grammar = exact_text_grammar({"a.py": text})
    if "QUOTE0" not in grammar:  # nothing in it is there only once
        return
    forbidden = misses(grammar)
    for first in range(len(lines)):
        for last in range(first + 1, min(len(lines), first + MOST_LINES) + 1):
            if not (lines[first].strip() and lines[last - 1].strip()):
                continue
            for quote in {text.strip("\n") for text in quotes(lines[first:last])}:
                if quote in forbidden:
                    with pytest.raises(ToolError, match="old is"):
                        replace("a.py", text, quote, "new")
                else:
                    replace("a.py", text, quote, "new")


def quotes(lines: list[str]) -> list[str]:
    """Return the ways to quote lines: with and without the first one's indentation."""
    whole = "\n".join(lines).rstrip()
    return [whole, whole.lstrip()]


def chunks(grammar: str) -> list[str]:
    found = re.search(r"^RUN0: %regex (.*)$", grammar, re.MULTILINE)
    assert found is not None
    return msgspec.json.decode(found[1], type=dict[str, list[str]])["substring_chunks"]


def test_every_line_may_be_quoted_and_nothing_else() -> None:
    grammar = exact_text_grammar({"a.py": 'x = "`"\n\ty = 2 \n'})
    assert chunks(grammar) == ['x = "`"', "\n", "\t", "y = 2", " ", "\n"]
    assert grammar.startswith("%llguidance {}\n")


def test_in_json_the_lines_are_escaped() -> None:
    assert chunks(exact_json_grammar({"a.py": 'x = "\\n"\n'})) == ['x = \\"\\\\n\\"', "\\n"]


@pytest.mark.parametrize("make", [exact_text_grammar, exact_json_grammar])
def test_only_files_that_are_there_can_be_edited(make: Any) -> None:
    grammar = make({"a.py": "x = 1\n", "empty.py": ""}, ["a.py", "b.py"])
    (other,) = re.findall(r"^OTHER: (.*)$", grammar, re.MULTILINE)
    assert other == r'"\"empty.py\"" | "\"b.py\""'
    alone = make({"a.py": "x = 1\n"}, ["a.py"])
    assert "OTHER" not in alone
    assert "KNOWN" not in alone


@pytest.mark.parametrize(
    "text", ["", "\n \n", "a\n```\nb\n", "x" * (MOST_CHARS + 1), "a\n" * 9_000]
)
def test_files_that_cannot_be_quoted_stay_free(text: str) -> None:
    grammar = exact_text_grammar({"a.py": text, "b.py": "x = 1\n"})
    assert '"\\"b.py\\""' in grammar
    assert "a.py" not in grammar


@pytest.mark.parametrize("name", ["native", "fenced"])
def test_a_dialect_that_nothing_holds_ignores_the_files(name: str) -> None:
    assert dialect(name).params(Held({"a.py": "x = 1\n"})) == dialect(name).params()


def test_without_edits_there_is_nothing_to_hold() -> None:
    spoken = dialect("terse", lambda lever: lever != "terse")
    assert spoken.params(Held({"a.py": "x = 1\n"})) == spoken.params()


# the files that were seen -----------------------------------------------------------------


def seen(*, texts: dict[str, str] | None = None) -> ExactEdits:
    known = texts if texts is not None else {"a.py": "x = 1\n", "src/b.py": "y = 2\n"}

    def read(path: str) -> str:
        if path not in known:
            raise ToolError(f"there is no file {path}")
        return known[path]

    return ExactEdits(read)


def test_files_are_known_from_what_was_told_and_read() -> None:
    edits = seen()
    edits.told("Goal: x\n\nFiles:\nc.py\n\na.py:\nx = 1\nelse.py:\n\nsrc/b.py lines 3-4:\ny = 2")
    assert [*edits.files()] == ["src/b.py", "a.py"]
    edits.observed([(Parsed(action=Read(path="./a.py")), GOOD)])
    assert [*edits.files()] == ["a.py", "src/b.py"]


def test_a_file_is_quoted_as_it_is_now() -> None:
    texts = {"a.py": "x = 1\n"}
    edits = seen(texts=texts)
    edits.told("a.py:\nx = 1")
    texts["a.py"] = "x = 2\n"
    assert edits.files() == {"a.py": "x = 2\n"}


def test_only_edits_under_the_constraint_count() -> None:
    edits = seen()
    edit = Parsed(action=Edit(path="a.py", old="x = 1", new="x = 2"))
    edits.observed([(edit, MISSED)])
    assert edits.detail == ""
    edits.told("a.py:\nx = 1")
    assert edits.files()
    edits.observed([(edit, GOOD), (edit, MISSED)])
    assert edits.detail == "1 of 2 edits quoted one place of their file"


# the session ------------------------------------------------------------------------------

KEPT = says(text="held-to-it", match="Count to three")
BROKE = says(text="One, two, three.", match="Count to three")
REPLIES = [says(READ, match="Goal"), says(FIX, match=r"^\[read\]"), says(DONE)]


def grammars(ended: Run) -> list[str]:
    """Return the grammars of the requests, less that of the check."""
    return [
        str(one.get("grammar", ""))
        for one in ended.requests
        if "Count to three" not in str(one["messages"])
    ]


def checks(ended: Run) -> int:
    return sum(one.purpose == "exact_edits" for one in ended.of(CallStart))


def meet(root: Path, *replies: Any, **settings: Any) -> Run:
    root.mkdir(exist_ok=True)
    return run(root, [*replies], dialect="terse", without=("prefetch",), **settings)


def test_a_server_that_holds_grammars_is_found_once_and_then_used(tmp_path: Path) -> None:
    first = meet(tmp_path / "1", KEPT, *REPLIES)
    assert first.outcome == "solved"
    assert checks(first) == 1
    held = [one for one in grammars(first) if one.startswith("%llguidance")]
    (account,) = (one for one in first.of(LeverAccount) if one.lever == "exact_edits")
    assert held
    assert all(msgspec.json.encode(BROKEN.split("\n")[0]).decode() in one for one in held)
    assert account.detail == "1 of 1 edits quoted one place of their file"


@pytest.mark.parametrize("dialect", ["native", "fenced"])
def test_no_server_is_checked_for_what_would_not_be_used(tmp_path: Path, dialect: str) -> None:
    ended = run(tmp_path, [KEPT, *REPLIES], dialect=dialect)
    assert checks(ended) == 0


def test_a_server_that_ignores_grammars_gets_none(tmp_path: Path) -> None:
    ended = meet(tmp_path / "1", BROKE, *REPLIES)
    assert checks(ended) == 1
    assert not any(one.startswith("%llguidance") for one in grammars(ended))
    assert ended.outcome == "solved"


def test_a_server_that_refuses_a_grammar_later_on_is_asked_without(tmp_path: Path) -> None:
    read, fix, done = REPLIES
    failing = msgspec.structs.replace(fix, fault=Fault(kind="http_500", times=1))
    ended = meet(tmp_path / "1", KEPT, read, failing, done)
    assert ended.outcome == "solved"
    assert any("refused a grammar" in note.text for note in ended.of(Note))
    assert [one.startswith("%llguidance") for one in grammars(ended)][1:3] == [True, False]
