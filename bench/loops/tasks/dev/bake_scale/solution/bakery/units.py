"""Kitchen units. Inside the program only the short forms are used."""

from fractions import Fraction

MILLILITRES = {"cup": 240, "tbsp": 15, "tsp": 5, "ml": 1, "l": 1000}
GRAMS = {"oz": Fraction(2835, 100), "lb": Fraction(4536, 10), "kg": 1000, "g": 1}

SHORT = {
    "tablespoon": "tbsp",
    "teaspoon": "tsp",
    "ounce": "oz",
    "pound": "lb",
    "gram": "g",
    "kilogram": "kg",
    "liter": "l",
    "litre": "l",
}


def canonical(unit):
    """Return the short form of a unit as somebody typed it: 'Cups', 'tbsp.', 'pounds'."""
    word = unit.lower().rstrip(".").removesuffix("s")
    return SHORT.get(word, word)
