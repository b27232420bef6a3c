from beads import Necklace


def test_length():
    assert Necklace("Plain", "red10 gold2").millimetres() == 61


def test_length_with_single_beads():
    assert Necklace("Drop", "red5 gold pearl gold red5").millimetres() == 69


def test_symmetric():
    assert Necklace("Plain", "red2 (gold1 red1)x2 red1").is_symmetric()
    assert not Necklace("Plain", "red2 gold1").is_symmetric()


def test_order():
    assert Necklace("Plain", "gold1 (red2 blue1)x3").order() == "6 red, 3 blue, 1 gold"
