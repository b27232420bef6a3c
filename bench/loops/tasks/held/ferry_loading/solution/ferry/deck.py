"""The car deck of a ferry: lanes with a length, and a weight limit for all of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vehicle:
    plate: str
    length_m: float
    weight_t: float


@dataclass
class Lane:
    length_m: float
    vehicles: list = field(default_factory=list)

    @property
    def free_m(self):
        return self.length_m - sum(v.length_m for v in self.vehicles)


class Deck:
    """Lanes are filled in order; a vehicle takes the first lane it fits in."""

    def __init__(self, lane_lengths, limit_t):
        self.lanes = [Lane(length) for length in lane_lengths]
        self.limit_t = limit_t

    @property
    def weight_t(self):
        return sum(v.weight_t for lane in self.lanes for v in lane.vehicles)

    def fits(self, vehicle, lane):
        """Tell whether a vehicle may drive into a lane."""
        light_enough = self.weight_t + vehicle.weight_t <= self.limit_t
        return vehicle.length_m <= lane.free_m and light_enough

    def load(self, vehicle):
        """Put a vehicle on the deck; returns the number of its lane, None if there is no room."""
        for number, lane in enumerate(self.lanes, start=1):
            if self.fits(vehicle, lane):
                lane.vehicles.append(vehicle)
                return number
        return None
