import pytest

from parcels.bands import TooHeavy, band_for
from parcels.quote import billed_weight, quote


def test_inside_a_band():
    assert band_for(640).name == "small"


def test_at_the_limit_of_a_band():
    assert band_for(1000).name == "small"
    assert band_for(1001).name == "medium"


def test_heaviest_parcel_is_taken():
    assert quote(20000, (10, 10, 10), "50667") == ("large", 1250)


def test_too_heavy():
    with pytest.raises(TooHeavy):
        band_for(20001)


def test_volume_counts():
    assert billed_weight(500, (50, 40, 20)) == 8000
    assert quote(500, (50, 40, 20), "10115") == ("large", 1250)


def test_island_surcharge():
    assert quote(80, (20, 10, 1), "26465") == ("letter", 560)


def test_weight_must_be_positive():
    with pytest.raises(ValueError):
        band_for(0)
