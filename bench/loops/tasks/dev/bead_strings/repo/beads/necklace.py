"""A necklace: beads on a thread with a clasp."""

from collections import Counter

from beads.notation import threaded

MILLIMETRES = {"pearl": 8, "gold": 3}
USUAL_MILLIMETRES = 4
CLASP_MILLIMETRES = 15


class Necklace:
    def __init__(self, name: str, notation: str):
        self.name = name
        self.beads = threaded(notation)

    def millimetres(self) -> int:
        """Return the length of the closed necklace."""
        lengths = (MILLIMETRES.get(bead, USUAL_MILLIMETRES) for bead in self.beads)
        return sum(lengths) + CLASP_MILLIMETRES

    def is_symmetric(self) -> bool:
        return self.beads == self.beads[::-1]

    def order(self) -> str:
        """Return how many beads of each kind it takes, the most frequent first."""
        counts = Counter(self.beads)
        return ", ".join(f"{count} {bead}" for bead, count in counts.most_common())
