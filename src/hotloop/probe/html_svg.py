"""Small pieces of SVG for the report: a canvas with scales, axes, bars, marks and text."""

from __future__ import annotations

import math
from html import escape

import msgspec

WIDTH = 720
_TICKS = 5


class Scale(msgspec.Struct, frozen=True):
    """A linear map from 0 … `most` to pixels `start` … `end`."""

    most: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        share = value / self.most if self.most else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values from 0 up to the scale's end, about five."""
        if self.most <= 0:
            return [0.0]
        rough = self.most / _TICKS
        power = 10 ** math.floor(math.log10(rough))
        step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * 0.999)
        return [step * index for index in range(int(self.most / step + 1e-9) + 1)]


class Canvas:
    """An SVG picture `height` high, `WIDTH` wide, that scales with its page."""

    def __init__(self, title: str, height: float) -> None:
        self._title = escape(title)
        self._height = height
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a line of a class."""
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._parts.append(f'<line class="{kind}" {ends}/>')

    def path(self, points: list[tuple[float, float]], kind: str) -> None:
        """Draw a line through points."""
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline class="{kind}" points="{drawn}"/>')

    def bar(
        self, x: float, y: float, width: float, height: float, kind: str, tip: str = ""
    ) -> None:
        """Draw a bar, at least one pixel wide, with a tip for the pointer."""
        size = f'width="{max(1.0, width):.1f}" height="{max(1.0, height):.1f}"'
        place = f'x="{x:.1f}" y="{y:.1f}"'
        self._parts.append(f'<rect class="{kind}" {place} {size} rx="2">{_tip(tip)}</rect>')

    def dot(self, x: float, y: float, kind: str, tip: str = "") -> None:
        """Draw a point."""
        place = f'cx="{x:.1f}" cy="{y:.1f}"'
        self._parts.append(f'<circle class="{kind}" {place} r="4.5">{_tip(tip)}</circle>')

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write text; `anchor` is start, middle or end."""
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._parts.append(f'<text class="{kind}" {place}>{escape(text)}</text>')

    def x_axis(self, scale: Scale, top: float, bottom: float, unit: str) -> None:
        """Draw vertical grid lines with their values below, and the unit at the last."""
        ticks = scale.ticks()
        for value in ticks:
            x = scale(value)
            self.line(x, top, x, bottom, "grid")
            said = f"{value:,g} {unit}" if value == ticks[-1] else f"{value:,g}"
            self.text(x, bottom + 16, said, "tick", "middle")

    def y_axis(self, scale: Scale, left: float, right: float, unit: str) -> None:
        """Draw horizontal grid lines with their values to the left."""
        ticks = scale.ticks()
        for value in ticks:
            y = scale(value)
            self.line(left, y, right, y, "grid")
            said = f"{value:,g} {unit}" if value == ticks[-1] else f"{value:,g}"
            self.text(left - 6, y + 4, said, "tick", "end")

    def legend(self, y: float, entries: list[tuple[str, str]], x: float = 60) -> None:
        """Draw swatches of classes with their meaning in one row."""
        for kind, text in entries:
            self.bar(x, y - 9, 10, 10, kind)
            self.text(x + 15, y, text, "key")
            x += 34 + 6.2 * len(text)

    def svg(self) -> str:
        """Return the picture."""
        box = f'viewBox="0 0 {WIDTH} {self._height:.0f}"'
        head = f'<svg {box} role="img" aria-label="{self._title}">'
        return f"{head}<title>{self._title}</title>{''.join(self._parts)}</svg>"


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
