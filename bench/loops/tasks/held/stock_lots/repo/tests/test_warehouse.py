import pytest

from warehouse.lots import NotEnough, Shelf
from warehouse.orders import fulfil, value


@pytest.fixture
def shelf():
    shelf = Shelf()
    shelf.store("L1", 5, 100)
    shelf.store("L2", 10, 120)
    return shelf


def test_from_one_lot(shelf):
    assert shelf.take(3) == [("L1", 3)]
    assert shelf.quantity == 12


def test_from_two_lots(shelf):
    assert shelf.take(8) == [("L1", 5), ("L2", 3)]
    assert [lot.number for lot in shelf.lots] == ["L2"]


def test_everything(shelf):
    shelf.take(15)
    assert shelf.lots == []


def test_more_than_there_is(shelf):
    with pytest.raises(NotEnough):
        shelf.take(16)
    assert shelf.quantity == 15


def test_value(shelf):
    assert value(shelf) == 1700


def test_order(shelf):
    assert fulfil({"nut": shelf}, {"nut": 2, "bolt": 1}) == ({"nut": [("L1", 2)]}, ["bolt"])


def test_order_that_is_too_large(shelf):
    taken, missing = fulfil({"nut": shelf, "cap": Shelf()}, {"cap": 1, "nut": 1})
    assert taken == {"nut": [("L1", 1)]}
    assert missing == ["cap"]
