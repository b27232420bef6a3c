from ringing.book import RingBook, UnknownRing
from ringing.sighting import Sighting, read_sightings

__all__ = ["RingBook", "Sighting", "UnknownRing", "read_sightings"]
