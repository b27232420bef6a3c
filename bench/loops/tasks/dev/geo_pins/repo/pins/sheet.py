"""The list of pins beside a map."""

from collections.abc import Iterable
from dataclasses import dataclass

from pins.angle import format_angle, parse_angle


@dataclass(frozen=True)
class Pin:
    """A named place; north and east in degrees."""

    name: str
    north: float
    east: float

    @classmethod
    def from_line(cls, line: str) -> "Pin":
        """Read a line such as: Old mill; 48°12'30"N; 16°22'E"""
        name, north, east = line.split(";")
        return cls(name.strip(), parse_angle(north), parse_angle(east))

    def __str__(self) -> str:
        return f"{format_angle(self.north, 'NS')} {format_angle(self.east, 'EW')}"


def middle(pins: Iterable[Pin]) -> Pin:
    """Return the middle of some pins that lie close to each other."""
    pins = list(pins)
    north = sum(pin.north for pin in pins) / len(pins)
    east = sum(pin.east for pin in pins) / len(pins)
    return Pin("middle", north, east)


def sheet(pins: Iterable[Pin]) -> str:
    """Return the list, from north to south."""
    ordered = sorted(pins, key=lambda pin: -pin.north)
    width = max((len(pin.name) for pin in ordered), default=0)
    return "\n".join(f"{pin.name:<{width}}  {pin}" for pin in ordered)
