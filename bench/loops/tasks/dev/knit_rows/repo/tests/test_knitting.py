import pytest

from knitting.check import balance, problems
from knitting.pattern import PatternError, read_row


def row(text):
    return " ".join(read_row(text))


def test_counts():
    assert row("k2, p3, yo") == "k k p p p yo"


def test_digits_in_a_name():
    assert row("K2tog, k2, ssk") == "k2tog k k ssk"


def test_group():
    assert row("k1, [yo, k2tog] 3 times, p1") == "k yo k2tog yo k2tog yo k2tog p"


def test_twice():
    assert row("[yo, k2tog] twice, k1") == "yo k2tog yo k2tog k"
    assert row("p1, [K2] Twice") == "p k k k k"


@pytest.mark.parametrize("text", ["[k1] often", "[k1]", "[k1] x times", "[k1] 3"])
def test_unclear_repeat(text):
    with pytest.raises(PatternError, match="how often"):
        list(read_row(text))


@pytest.mark.parametrize("text", ["k2, q1", "k1 p1", "4k"])
def test_unknown_stitch(text):
    with pytest.raises(PatternError, match="unknown stitch"):
        list(read_row(text))


def test_empty_row():
    assert row("") == ""


def test_balance():
    assert balance("k1, kfb, [k2tog] 2 times") == (6, 5)


def test_lace_works_out():
    lace = ["k1, [yo, ssk] twice, k1", "p6", "[k2tog, yo] 3 times"]
    assert problems(lace, cast_on=6) == []


def test_problems():
    assert problems(["k6", "p4, kfb", "k6"], cast_on=6) == [
        "row 2 needs 5 stitches, there are 6"
    ]
