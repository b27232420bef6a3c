"""A backend that answers on a timetable instead of from a model."""
