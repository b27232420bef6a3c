from notes import box, bullets, wrap


def test_short_text_is_one_line():
    assert wrap("pack the tent", 20) == ["pack the tent"]


def test_breaks_between_words():
    assert wrap("pack the tent and the stove", 13) == ["pack the tent", "and the stove"]


def test_nothing():
    assert wrap("   ", 10) == []


def test_long_word_has_its_own_line():
    assert wrap("a incomprehensibilities b", 8) == ["a", "incomprehensibilities", "b"]


def test_indent_counts_towards_the_width():
    lines = wrap("one two three four five six", 12, indent="    ")
    assert lines == ["one two", "    three", "    four", "    five six"]
    assert max(len(line) for line in lines) <= 12


def test_bullets():
    assert bullets(["buy bread and milk", "call"], 12) == ["- buy bread", "  and milk", "- call"]


def test_box():
    assert box(["ab", "c"]) == ["+----+", "| ab |", "| c  |", "+----+"]
