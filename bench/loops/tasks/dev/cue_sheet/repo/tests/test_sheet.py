import pytest

from cues.cue import Cue, by_department
from cues.sheet import SheetError, fields, read_cues

FIRST = """cue: LX 1
at: house lights
fade: 4.5
note: warm wash,
  slowly from the left
"""
SECOND = """cue: SQ 2.5
at: "Who is there?"
"""


def test_fields():
    lines = ["Cue: LX 1", "", "note: a", "\tb"]
    assert list(fields(lines)) == [("cue", "LX 1"), None, ("note", "a b")]


def test_sheet_with_empty_line_at_the_end():
    first, second = read_cues(FIRST + "\n" + SECOND + "\n")
    assert first == Cue("LX", 1.0, "house lights", 4.5, "warm wash, slowly from the left")
    assert second.at == '"Who is there?"'


def test_sheet_without_empty_line_at_the_end():
    cues = read_cues(FIRST + "\n" + SECOND)
    assert [cue.name for cue in cues] == ["LX 1", "SQ 2.5"]


def test_only_one_cue():
    assert len(read_cues(SECOND.rstrip())) == 1


def test_many_empty_lines():
    assert len(read_cues("\n\n" + FIRST + "\n\n\n")) == 1


def test_empty_sheet():
    assert read_cues("") == []


@pytest.mark.parametrize("text", ["  lost", "cue LX 1"])
def test_errors_name_the_line(text):
    with pytest.raises(SheetError, match="line 2"):
        read_cues("\n" + text)


def test_unknown_department():
    with pytest.raises(ValueError, match="VID"):
        read_cues("cue: VID 3\n\n")


def test_by_department():
    cues = [Cue("LX", 10, "a"), Cue("SQ", 1, "b"), Cue("LX", 9.5, "c")]
    assert by_department(cues) == {"sound": ["SQ 1"], "light": ["LX 9.5", "LX 10"]}
