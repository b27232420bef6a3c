import pytest

from trails.paths import minutes, read_paths
from trails.planner import Way, fastest, within

MAP = """
Lake - Saddle 1:45 (forest path)
Lake - Mill 1:00
Mill - Saddle 1:30
Lake - Saddle 4:00/3:30 (ridge, only when dry)
Saddle - Summit 2:20/1:20

Old Barn - Chapel 0:20
""".splitlines()


@pytest.fixture
def network():
    return read_paths(MAP)


def test_minutes():
    assert minutes("2:05") == 125


def test_unreadable_path():
    with pytest.raises(ValueError, match="not a path"):
        read_paths(["Lake to Mill 1:00"])


def test_names_with_blanks(network):
    assert network["Old Barn"] == {"Chapel": 20}


def test_one_path(network):
    assert fastest(network, "Mill", "Lake") == Way(60, ("Mill", "Lake"))
    assert fastest(network, "Mill", "Mill") == Way(0, ("Mill",))


def test_forest_path_is_faster(network):
    assert fastest(network, "Lake", "Saddle") == Way(105, ("Lake", "Saddle"))
    assert fastest(network, "Saddle", "Lake") == Way(105, ("Saddle", "Lake"))


def test_up_and_down(network):
    assert str(fastest(network, "Mill", "Summit")) == "Mill > Saddle > Summit (3:50)"
    assert str(fastest(network, "Summit", "Mill")) == "Summit > Saddle > Mill (2:50)"


def test_down_to_the_lake(network):
    assert str(fastest(network, "Summit", "Lake")) == "Summit > Saddle > Lake (3:05)"


def test_no_way(network):
    with pytest.raises(LookupError, match="no way from Lake to Chapel"):
        fastest(network, "Lake", "Chapel")
    with pytest.raises(LookupError, match="no hut Moon"):
        fastest(network, "Lake", "Moon")


def test_within(network):
    assert within(network, "Lake", 120) == ["Mill", "Saddle"]
    assert within(network, "Lake", 59) == []
