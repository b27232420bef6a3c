from seats.plan import SeatPlan

__all__ = ["SeatPlan"]
