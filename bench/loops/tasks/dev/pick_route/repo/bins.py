"""Places in the hall: aisle, bay along the aisle, shelf. Written like C-07-2."""

import re
from dataclasses import dataclass

LABEL = re.compile(r"([A-Z])-(\d{2})-(\d)")


@dataclass(frozen=True)
class Bin:
    aisle: int
    bay: int
    shelf: int

    @classmethod
    def read(cls, label):
        match = LABEL.fullmatch(label)
        if match is None:
            raise ValueError(f"no such bin: {label}")
        letter, bay, shelf = match.groups()
        return cls(ord(letter) - ord("A"), int(bay), int(shelf))

    def __str__(self):
        return f"{chr(ord('A') + self.aisle)}-{self.bay:02}-{self.shelf}"
