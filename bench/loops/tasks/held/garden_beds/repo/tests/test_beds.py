from beds import column, happy, is_friend, neighbours, parse, row, uniform_columns

BED = parse("""
corn bean carrot
corn leek onion
""")


def test_parse_and_row():
    assert row(BED, 1) == ["corn", "leek", "onion"]


def test_column():
    assert column(BED, 0) == ["corn", "corn"]
    assert column(BED, 2) == ["carrot", "onion"]


def test_neighbours():
    assert neighbours(BED, 0, 0) == ["bean", "corn"]
    assert neighbours(BED, 1, 1) == ["bean", "corn", "onion"]


def test_friends():
    assert is_friend("tomato", "basil")
    assert not is_friend("leek", "corn")


def test_happy():
    assert happy(BED) == 4


def test_uniform_columns():
    assert uniform_columns(BED) == [0]
