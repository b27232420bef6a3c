import ast
from pathlib import Path

import pytest

import garage
from garage import Garage, UnknownPlate, price


def test_in_and_out():
    house = Garage(2)
    assert house.entry("k-ab 123", 0)
    assert house.leave("K AB-123", 90) == 500


def test_same_car_twice():
    house = Garage(2)
    house.entry("K-AB 123", 0)
    assert not house.entry("kab123", 5)


def test_full():
    house = Garage(1)
    house.entry("A 1", 0)
    assert not house.entry("B 2", 1)


def test_no_plate():
    with pytest.raises(ValueError):
        Garage(1).entry(" - ", 0)


def test_unknown_car():
    with pytest.raises(UnknownPlate):
        Garage(1).leave("A 1", 10)


def test_price():
    assert [price(m) for m in (15, 16, 60, 61, 1440, 1500)] == [0, 250, 250, 500, 1800, 2050]


def test_normalize_plate():
    assert garage.normalize_plate("k-ab 123") == "KAB123"


def test_clean_up_is_written_once():
    source = Path(garage.__file__).read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls]
    assert names.count("normalize_plate") == 2
    assert names.count("upper") <= 1
