from fractions import Fraction

import pytest

from bakery.formula import batch, formula, grams
from bakery.lines import Item, read_item

BREAD = """
500 g wheat flour
1/2 kg rye flour
650 ml water
20 g salt
"""

BRIOCHE = """
1 pound wheat flour
2 tablespoons sugar
1 1/2 Teaspoons salt
8 ounces butter
"""


def test_item():
    assert read_item("1 1/2 cups rye flour") == Item(Fraction(3, 2), "cup", "rye flour")


@pytest.mark.parametrize("line", ["a pinch of salt", " g salt", "12"])
def test_unreadable(line):
    with pytest.raises(ValueError):
        read_item(line)


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        ("2 cups water", 480),
        ("1 Tbsp. water", 15),
        ("3/4 l water", 750),
        ("1 ounce yeast", 28.35),
        ("10 OZ butter", 283.5),
    ],
)
def test_grams(line, weight):
    assert grams(read_item(line)) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("line", "weight"),
    [("2 tablespoons sugar", 25.5), ("1 ounces butter", 28.35), ("1/2 Pounds wheat flour", 226.8)],
)
def test_plurals_of_long_forms(line, weight):
    assert grams(read_item(line)) == pytest.approx(weight)


def test_formula():
    assert formula(BREAD) == {"wheat flour": 50, "rye flour": 50, "water": 65, "salt": 2}


def test_formula_of_typed_recipe():
    assert formula(BRIOCHE) == {"wheat flour": 100, "sugar": 5.6, "salt": 2.0, "butter": 50}


def test_batch():
    assert batch(formula(BREAD), 1800)["water"] == 1170


def test_without_flour():
    with pytest.raises(ValueError, match="flour"):
        formula("2 l water")
