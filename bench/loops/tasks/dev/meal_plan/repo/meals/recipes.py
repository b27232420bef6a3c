"""Recipes: ingredients in grams, millilitres or pieces, for a number of people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ingredient:
    name: str
    amount: float
    unit: str = "g"


@dataclass(frozen=True)
class Recipe:
    title: str
    people: int
    ingredients: tuple


def find(recipes, title):
    """Return the recipe of a title, whatever its case."""
    for recipe in recipes:
        if recipe.title.lower() == title.lower():
            return recipe
    raise KeyError(title)
