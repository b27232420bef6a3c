from datetime import time

import pytest

from museum.desk import price
from museum.tariff import Party, Tariff

NOON = time(12)


@pytest.mark.parametrize(
    "party", [Party(2, 0, 1), Party(adults=2, children=3), Party(adults=1, children=5)]
)
def test_family(party):
    assert price(party, NOON) == 2600


def test_adults_with_a_pass_count_as_adults():
    assert price(Party(adults=1, reduced=1, children=2), NOON) == 2600


@pytest.mark.parametrize(
    ("party", "cents"),
    [(Party(adults=1, children=2), 2000), (Party(reduced=2, children=1), 2000)],
)
def test_single_tickets_are_cheaper(party, cents):
    assert price(party, NOON) == cents


@pytest.mark.parametrize(
    ("party", "cents"),
    [
        (Party(adults=3, children=1), 4000),
        (Party(adults=2, reduced=1, children=1), 3600),
        (Party(children=8), 3200),
        (Party(adults=2, reduced=1), 3200),
    ],
)
def test_no_family(party, cents):
    assert price(party, NOON) == cents


def test_late_family():
    assert price(Party(adults=2, children=2), time(17)) == 1300


def test_other_tariff():
    assert price(Party(adults=2, children=1), NOON, Tariff(family_cents=2000)) == 2000
