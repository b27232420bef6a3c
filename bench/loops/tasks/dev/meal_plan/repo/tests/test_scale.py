import pytest

from meals import recipes
from meals.recipes import Ingredient, Recipe

PANCAKES = Recipe(
    "Pancakes",
    3,
    (Ingredient("flour", 250), Ingredient("milk", 500, "ml"), Ingredient("egg", 3, "pcs")),
)


def test_scale_up():
    assert recipes.scale(PANCAKES, 6) == [
        Ingredient("flour", 500),
        Ingredient("milk", 1000, "ml"),
        Ingredient("egg", 6, "pcs"),
    ]


def test_scale_rounds_to_one_decimal():
    flour, milk, egg = recipes.scale(PANCAKES, 4)
    assert flour.amount == 333.3
    assert milk.amount == 666.7
    assert egg.amount == 4


def test_scale_to_nobody():
    with pytest.raises(ValueError):
        recipes.scale(PANCAKES, 0)
