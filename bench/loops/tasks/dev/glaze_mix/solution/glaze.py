"""Glazes: materials in parts."""

from __future__ import annotations

from dataclasses import dataclass, field


class GlazeError(ValueError):
    """A glaze that cannot be mixed."""


@dataclass(frozen=True)
class Glaze:
    name: str
    parts: dict[str, float]
    colour: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Return the sum of the parts; colours come on top and do not count."""
        return sum(self.parts.values())


def in_percent(glaze: Glaze) -> Glaze:
    """Return the same glaze with parts that add up to 100."""
    if not glaze.total:
        raise GlazeError(f"{glaze.name} is empty")
    factor = 100 / glaze.total
    return Glaze(
        glaze.name,
        {material: round(parts * factor, 2) for material, parts in glaze.parts.items()},
        {oxide: round(parts * factor, 2) for oxide, parts in glaze.colour.items()},
    )


def blend(one: Glaze, other: Glaze, share: float = 0.5) -> Glaze:
    """Return a mixture of two glazes; `share` is that of the first one."""
    if not 0 <= share <= 1:
        raise GlazeError("a share is between 0 and 1")
    parts: dict[str, float] = {}
    colour: dict[str, float] = {}
    for glaze, weight in ((in_percent(one), share), (in_percent(other), 1 - share)):
        for material, amount in glaze.parts.items():
            parts[material] = parts.get(material, 0) + amount * weight
        for oxide, amount in glaze.colour.items():
            colour[oxide] = colour.get(oxide, 0) + amount * weight
    return Glaze(f"{one.name} / {other.name}", parts, colour)


def substitute(glaze: Glaze, old: str, new: str, factor: float = 1.0) -> Glaze:
    """Return a glaze with one material in place of another, its parts times a factor."""
    if old not in glaze.parts:
        raise GlazeError(f"there is no {old} in {glaze.name}")
    parts = dict(glaze.parts)
    amount = parts.pop(old) * factor
    parts[new] = parts.get(new, 0) + amount
    return Glaze(glaze.name, parts, glaze.colour)
