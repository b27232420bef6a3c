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


def scale(recipe, people):
    """Return the ingredients for a number of people, amounts rounded to one decimal."""
    if people < 1:
        raise ValueError("somebody has to eat")
    factor = people / recipe.people
    return [
        Ingredient(item.name, round(item.amount * factor, 1), item.unit)
        for item in recipe.ingredients
    ]


def find(recipes, title):
    """Return the recipe of a title, whatever its case."""
    for recipe in recipes:
        if recipe.title.lower() == title.lower():
            return recipe
    raise KeyError(title)
