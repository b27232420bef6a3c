from datetime import date, timedelta

from seeds import Lot, SeedBank

TODAY = date(2024, 6, 1)


def lot(code, species, days_ago):
    return Lot(code, species, TODAY - timedelta(days=days_ago), 20.0)


def due(*lots):
    return [lot.code for lot in SeedBank(lots).due_for_test(TODAY)]


def test_interval_depends_on_the_species():
    assert due(lot("O1", "onion", 400), lot("T1", "tomato", 400)) == ["O1"]


def test_most_overdue_first():
    lots = [lot("L1", "lettuce", 730), lot("O1", "onion", 700), lot("P1", "parsnip", 500)]
    assert due(*lots) == ["O1", "P1", "L1"]


def test_equally_overdue_by_code():
    assert due(lot("O9", "onion", 400), lot("O10", "onion", 400)) == ["O10", "O9"]


def test_exactly_at_the_interval_is_not_due():
    assert due(lot("O1", "onion", 360)) == []
    assert due(lot("O1", "onion", 361)) == ["O1"]


def test_latest_test_counts():
    tested = lot("O1", "onion", 800)
    tested.record_test(TODAY - timedelta(days=30), 40, 50)
    assert due(tested) == []


def test_empty_bank():
    assert due() == []
