"""What goes into the bucket."""

from glaze import Glaze, in_percent

CENTS_PER_KILO = {"feldspar": 240, "nepheline": 310, "quartz": 160, "chalk": 95, "kaolin": 180}


def batch(glaze: Glaze, grams: int) -> dict[str, int]:
    """Return whole grams of each material and colour for a dry weight."""
    percent = in_percent(glaze)
    amounts = {**percent.parts, **percent.colour}
    return {material: round(grams * amount / 100) for material, amount in amounts.items()}


def price(glaze: Glaze, grams: int) -> int:
    """Return the cents that the materials of a batch cost, without the colours."""
    weights = batch(glaze, grams)
    return round(sum(weights[m] * CENTS_PER_KILO[m] / 1000 for m in glaze.parts))


def label(glaze: Glaze, grams: int) -> str:
    """Return the label of the bucket."""
    lines = [f"{glaze.name}, {grams} g"]
    lines += [f"{weight:>6} g {material}" for material, weight in batch(glaze, grams).items()]
    return "\n".join(lines)
