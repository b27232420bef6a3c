"""Postcards to the owners."""

from collections.abc import Iterable
from datetime import date, timedelta

from vet.shots import Animal


def due_soon(
    animals: Iterable[Animal], today: date, within: timedelta = timedelta(days=30)
) -> list[tuple[date, Animal, str]]:
    """Return (day, animal, illness) of boosters that are overdue or due within some days."""
    found = [
        (day, animal, against)
        for animal in animals
        for against, day in animal.next_shots().items()
        if day <= today + within
    ]
    return sorted(found, key=lambda entry: (entry[0], entry[1].name))


def postcards(animals: Iterable[Animal], today: date) -> dict[str, list[str]]:
    """Return {owner: lines}, one line for each booster."""
    cards: dict[str, list[str]] = {}
    for day, animal, against in due_soon(animals, today):
        verb = "was" if day < today else "is"
        line = f"{animal.name}: {against} {verb} due on {day.day} {day:%b %Y}"
        cards.setdefault(animal.owner, []).append(line)
    return cards
