from itinerary.legs import Leg, parse_leg
from itinerary.rules import Problem, check

__all__ = ["Leg", "Problem", "check", "parse_leg"]
