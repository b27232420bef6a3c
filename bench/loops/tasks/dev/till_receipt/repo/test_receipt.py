import pytest

from basket import Article, Basket
from printer import COLUMNS, clip, money, receipt, row

BREAD = Article("Rye bread 750 g", 389, 7)
SOAP = Article("Olive oil soap with lavender, 100 g", 450, 19)


@pytest.fixture
def basket():
    basket = Basket()
    basket.scan(BREAD)
    basket.scan(BREAD)
    basket.scan(SOAP)
    return basket


def test_same_article_is_one_line(basket):
    assert basket.lines == [(BREAD, 2), (SOAP, 1)]


def test_void(basket):
    basket.void(BREAD)
    assert basket.lines == [(BREAD, 1), (SOAP, 1)]
    basket.void(SOAP)
    with pytest.raises(LookupError):
        basket.void(SOAP)


def test_sums(basket):
    assert basket.total() == 1228
    assert basket.vat() == {7: 51, 19: 72}


def test_money():
    assert money(1205) == "12.05"
    assert money(-5) == "-0.05"


def test_short_names_stay():
    assert clip("Soap", 10) == "Soap"
    assert clip("0123456789", 10) == "0123456789"
    assert row("Soap", "4.50", 20) == "Soap" + " " * 12 + "4.50"


def test_long_names_are_clipped():
    assert clip("0123456789A", 10) == "012345678…"


def test_receipt(basket):
    lines = receipt(basket, paid=2000)
    assert lines[2].endswith("7.78")
    assert lines[3] == "  2 x 3.89"
    assert lines[-3].split() == ["Change", "7.72"]


def test_receipt_fits_the_paper(basket):
    assert [line for line in receipt(basket) if len(line) > COLUMNS] == []
