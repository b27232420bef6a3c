from decimal import Decimal

from billing.invoice import Invoice
from billing.money import percent, to_amount, to_cents


def test_reads_thousands():
    assert to_amount(" 1,204.50 ") == Decimal("1204.50")


def test_rounds_to_the_nearest_cent():
    assert to_cents(Decimal("3.4151")) == Decimal("3.42")
    assert to_cents(Decimal("3.414")) == Decimal("3.41")


def test_half_a_cent_rounds_up():
    assert to_cents(Decimal("0.025")) == Decimal("0.03")
    assert to_cents(Decimal("0.035")) == Decimal("0.04")


def test_percent():
    assert percent(Decimal("0.50"), Decimal(5)) == Decimal("0.03")


def test_line_and_total():
    invoice = Invoice("2026-17")
    invoice.add("Cable", "3", "4.20")
    assert invoice.net == Decimal("12.60")
    assert invoice.total == Decimal("14.99")


def test_taxes_by_rate():
    invoice = Invoice("2026-18")
    invoice.add("Book", "1", "20.00", "7")
    invoice.add("Lamp", "2", "10.00")
    assert invoice.taxes() == {Decimal(7): Decimal("1.40"), Decimal(19): Decimal("3.80")}


def test_empty_invoice():
    assert Invoice("2026-19").total == Decimal(0)
