import pytest

from meals.recipes import Ingredient, Recipe, find
from meals.shopping import as_text, shopping_list

SOUP = Recipe("Soup", 4, (Ingredient("leek", 400), Ingredient("stock", 1000, "ml")))
QUICHE = Recipe("Quiche", 6, (Ingredient("leek", 600), Ingredient("egg", 4, "pcs")))


def test_find():
    assert find([SOUP, QUICHE], "quiche") is QUICHE
    with pytest.raises(KeyError):
        find([SOUP], "cake")


def test_shopping_list():
    totals = shopping_list([SOUP, QUICHE])
    assert totals == {("egg", "pcs"): 4, ("leek", "g"): 1000, ("stock", "ml"): 1000}


def test_text():
    assert as_text(shopping_list([SOUP])) == "400 g leek\n1000 ml stock"
