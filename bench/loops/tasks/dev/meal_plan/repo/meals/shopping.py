"""Shopping lists from several recipes."""


def shopping_list(recipes):
    """Return {(name, unit): amount} over all recipes, sorted by name."""
    totals = {}
    for recipe in recipes:
        for item in recipe.ingredients:
            key = (item.name, item.unit)
            totals[key] = totals.get(key, 0) + item.amount
    return dict(sorted(totals.items()))


def as_text(totals):
    """Return a shopping list as lines."""
    return "\n".join(f"{amount:g} {unit} {name}" for (name, unit), amount in totals.items())
