"""Kinds of tea and how they like to be made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tea:
    name: str
    celsius: int
    seconds: int
    longer: int = 30


TEAS = {
    tea.name: tea
    for tea in (
        Tea("sencha", 70, 60, longer=15),
        Tea("oolong", 90, 125),
        Tea("assam", 100, 180),
        Tea("rooibos", 100, 420, longer=60),
    )
}


def steep_seconds(name: str, infusion: int = 1) -> int:
    """Return how long a tea steeps; every infusion after the first takes longer."""
    tea = TEAS[name]
    return tea.seconds + (infusion - 1) * tea.longer


def hottest_first() -> list[str]:
    """Return the names of all teas, those that need the hottest water first."""
    return sorted(TEAS, key=lambda name: (-TEAS[name].celsius, name))
