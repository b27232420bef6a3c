"""One cue: a change of light or sound that somebody calls."""

from dataclasses import dataclass

DEPARTMENTS = {"LX": "light", "SQ": "sound", "FLY": "flies"}


@dataclass(frozen=True)
class Cue:
    department: str
    number: float
    at: str
    fade_s: float = 0.0
    note: str = ""

    @classmethod
    def from_block(cls, block):
        department, _, number = block["cue"].partition(" ")
        if department not in DEPARTMENTS:
            raise ValueError(f"unknown department {department!r}")
        return cls(
            department,
            float(number),
            block.get("at", "follow on"),
            float(block.get("fade", 0)),
            block.get("note", ""),
        )

    @property
    def name(self):
        return f"{self.department} {self.number:g}"


def by_department(cues):
    """Return {department in words: cue names}, numbers ascending."""
    groups = {}
    for cue in sorted(cues, key=lambda cue: cue.number):
        groups.setdefault(DEPARTMENTS[cue.department], []).append(cue.name)
    return groups
