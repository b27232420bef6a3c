from datetime import date

import pytest

from seeds import Lot, SeedBank

HARVEST = date(2022, 9, 1)


@pytest.fixture
def bank():
    names = [("T7", "tomato"), ("B2", "bean"), ("B1", "bean")]
    return SeedBank(Lot(code, species, HARVEST, 40.0) for code, species in names)


def test_by_species(bank):
    assert bank.by_species() == {"bean": ["B1", "B2"], "tomato": ["T7"]}


def test_code_is_taken(bank):
    with pytest.raises(ValueError):
        bank.add(Lot("B1", "bean", HARVEST, 10.0))


def test_withdraw(bank):
    bank.withdraw("B1", 15)
    assert bank["B1"].grams == 25
    with pytest.raises(ValueError, match="only 25 g"):
        bank.withdraw("B1", 26)
    bank.withdraw("B1", 25)
    assert len(bank) == 2


def test_poor_lots(bank):
    bank["B1"].record_test(date(2023, 3, 1), germinated=45, sown=50)
    bank["B1"].record_test(date(2024, 3, 1), germinated=25, sown=50)
    bank["B2"].record_test(date(2024, 3, 1), germinated=10, sown=50)
    assert [lot.code for lot in bank.poor_lots()] == ["B2", "B1"]


def test_test_before_harvest(bank):
    with pytest.raises(ValueError):
        bank["T7"].record_test(date(2022, 8, 1), 1, 2)
