"""The members of a choir."""

from dataclasses import dataclass

VOICES = ["soprano", "alto", "tenor", "bass"]


@dataclass(frozen=True, order=True)
class Singer:
    surname: str
    first_name: str
    voice: str

    def __post_init__(self):
        if self.voice not in VOICES:
            raise ValueError(f"{self.voice} is no voice of this choir")

    @classmethod
    def parse(cls, line):
        """Read "Moreau, Chloe (alto)"."""
        name, _, voice = line.rstrip(" )").rpartition("(")
        surname, _, first_name = name.partition(",")
        return cls(surname.strip(), first_name.strip(), voice)

    @property
    def short(self):
        return f"{self.first_name} {self.surname[:1]}."
