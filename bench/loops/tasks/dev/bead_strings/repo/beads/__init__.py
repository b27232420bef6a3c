from beads.necklace import Necklace
from beads.notation import threaded

__all__ = ["Necklace", "threaded"]
