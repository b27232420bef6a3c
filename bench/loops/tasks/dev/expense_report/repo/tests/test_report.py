from expenses.model import Expense, read_expense
from expenses.report import read_report, render, summarize

TEXT = """\
2026-01-09, Taxi, 18.50
2026-01-09, hotel, 120, eur
2026-01-10, taxi, 30.4, CHF

2026-01-10, meal, 22.00, CHF
"""


def test_read_expense():
    assert read_expense("2026-01-09, Taxi, 18.5") == Expense("2026-01-09", "taxi", 1850, "EUR")


def test_summary_of_everything():
    assert summarize(read_report(TEXT)) == {"hotel": 12000, "taxi": 4890, "meal": 2200}


def test_summary_of_one_currency():
    assert summarize(read_report(TEXT), currency="CHF") == {"taxi": 3040, "meal": 2200}


def test_summary_of_an_absent_currency():
    assert summarize(read_report(TEXT), currency="SEK") == {}


def test_render():
    assert render({"hotel": 12000, "taxi": 4890}) == ["hotel   120.00", "taxi     48.90"]
