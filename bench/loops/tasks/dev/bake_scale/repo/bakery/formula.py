"""Bakers' formulas: every ingredient in percent of the flour."""

from bakery.lines import read_item
from bakery.units import GRAMS, MILLILITRES

# grams of a millilitre
DENSITY = {"flour": 0.53, "sugar": 0.85, "butter": 0.91, "salt": 1.2, "yeast": 0.6}


def density(what):
    """Return the density of an ingredient by its last word; water's where it is unknown."""
    return DENSITY.get(what.split()[-1], 1.0)


def grams(item):
    """Return what an item weighs."""
    if item.unit in GRAMS:
        return float(item.amount * GRAMS[item.unit])
    return float(item.amount * MILLILITRES[item.unit]) * density(item.what)


def formula(text):
    """Return {ingredient: percent of the flour} of a recipe, rounded to one decimal."""
    weights = {}
    for item in map(read_item, text.strip().splitlines()):
        weights[item.what] = weights.get(item.what, 0) + grams(item)
    flour = sum(weight for what, weight in weights.items() if what.endswith("flour"))
    if not flour:
        raise ValueError("a formula needs flour")
    return {what: round(100 * weight / flour, 1) for what, weight in weights.items()}


def batch(percents, flour_g):
    """Return {ingredient: whole grams} of a formula for an amount of flour."""
    return {what: round(flour_g * percent / 100) for what, percent in percents.items()}
