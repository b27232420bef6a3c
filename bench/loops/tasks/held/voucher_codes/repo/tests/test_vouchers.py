import pytest

from vouchers.redeem import redeem, redeem_all
from vouchers.store import Store, UnknownVoucher


@pytest.fixture
def store():
    store = Store()
    store.issue("KX4-7PQ", 500)
    store.issue("M80-C1T", 1000)
    return store


def test_redeem(store):
    assert redeem(store, "KX4-7PQ", 1200) == 700


def test_worth_more_than_the_price(store):
    assert redeem(store, "M80-C1T", 300) == 0


def test_lookalikes(store):
    assert redeem(store, "MBO-CIT", 1500) == 500


def test_lower_case_and_blanks(store):
    assert redeem(store, " kx4-7pq ", 600) == 100


def test_lower_case_lookalikes(store):
    assert redeem(store, "m8o-cit", 1000) == 0


def test_used_before(store):
    redeem(store, "KX4-7PQ", 100)
    with pytest.raises(ValueError):
        redeem(store, "KX4-7PQ", 100)


def test_unknown(store):
    with pytest.raises(UnknownVoucher):
        redeem(store, "AAA-AAA", 100)


def test_several(store):
    assert redeem_all(store, ["M80-C1T", "KX4-7PQ"], 1000) == (0, 1)
