"""The stars of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sky.angles import read_declination, read_right_ascension


@dataclass(frozen=True)
class Star:
    name: str
    right_ascension: float
    declination: float
    magnitude: float

    @property
    def half(self) -> str:
        """Return the half of the chart that the star is drawn in."""
        return "south" if self.declination < 0 else "north"


def read_stars(text: str) -> Iterator[Star]:
    """Yield the stars of lines such as 'Sirius | 06 45 08.9 | -16 42 58 | -1.46'."""
    for line in text.splitlines():
        if not line.strip():
            continue
        name, right_ascension, declination, magnitude = line.split("|")
        yield Star(
            name.strip(),
            read_right_ascension(right_ascension),
            read_declination(declination),
            float(magnitude),
        )


def brightest(stars: Iterable[Star], count: int) -> list[Star]:
    """Return the brightest stars; the smaller the magnitude, the brighter a star."""
    return sorted(stars, key=lambda star: (star.magnitude, star.name))[:count]


def always_up(stars: Iterable[Star], latitude: float) -> list[str]:
    """Return the names of the stars that never set at a latitude."""
    if latitude < 0:
        return [star.name for star in stars if star.declination < -90 - latitude]
    return [star.name for star in stars if star.declination > 90 - latitude]
