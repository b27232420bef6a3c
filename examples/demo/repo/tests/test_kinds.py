from tea.kinds import hottest_first, steep_seconds


def test_first_infusion():
    assert steep_seconds("oolong") == 125


def test_later_infusions_take_longer():
    assert steep_seconds("sencha", infusion=3) == 90


def test_hottest_first():
    assert hottest_first() == ["assam", "rooibos", "oolong", "sencha"]
