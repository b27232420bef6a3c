"""Text for terminals: nothing in it can steer them, and numbers in few characters."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
# C0 and C1 controls, and the marks that reorder text or hide it.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def clean(text: str, encoding: str = "utf-8") -> str:
    """Return text without control and escape sequences, as `encoding` can show it."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", text)).replace("\t", "    ")
    return text.encode(encoding, "replace").decode(encoding)


def one_line(text: str, encoding: str = "utf-8", width: int = 200) -> str:
    """Return clean text on one line of at most `width` characters."""
    line = " ".join(clean(text, encoding).split())
    return line if len(line) <= width else line[: width - 3] + "..."


def seconds(value_s: float | None) -> str:
    """Return seconds for a table: `0.03 s`, `2.2 s`, `640 s`, or `-` for none."""
    if value_s is None:
        return "-"
    if abs(value_s) < 0.995:
        return f"{value_s:.2f} s"
    return f"{value_s:.1f} s" if abs(value_s) < 999.95 else f"{value_s:.0f} s"


def tokens(count: int) -> str:
    """Return a token count in at most six characters: `8,000`, `123k`, `1.2M`."""
    if count < 100_000:
        return f"{count:,}"
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def percent(share: float) -> str:
    """Return a share as a percentage: `12 %`."""
    return f"{share * 100:.0f} %"
