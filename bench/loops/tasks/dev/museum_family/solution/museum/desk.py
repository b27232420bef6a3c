"""The ticket desk: prices and the slots of the day."""

from datetime import datetime, time, timedelta

from museum.tariff import Tariff

GROUP_SIZE = 10
GROUP_PERCENT = 80


def price(party, entry, tariff=Tariff()):
    """Return what a party pays together, in cents. Large groups and late visits are cheaper."""
    cents = (
        party.adults * tariff.adult_cents
        + party.reduced * tariff.reduced_cents
        + party.children * tariff.child_cents
    )
    if party.size >= GROUP_SIZE:
        cents = cents * GROUP_PERCENT // 100
    elif 1 <= party.adults + party.reduced <= 2 and party.children >= 1:
        cents = min(cents, tariff.family_cents)
    if tariff.is_late(entry):
        cents = cents * tariff.late_percent // 100
    return cents


def slots(opens, closes, every=timedelta(minutes=30), stay=timedelta(hours=1)):
    """Yield the times of entry of a day; the last one leaves time for a visit."""
    day = datetime(2000, 1, 1)
    moment = datetime.combine(day, opens)
    while moment + stay <= datetime.combine(day, closes):
        yield moment.time()
        moment += every


class SlotBook:
    """How many people may still enter at each time."""

    def __init__(self, times, capacity):
        self.free = dict.fromkeys(times, capacity)

    def book(self, entry, party):
        """Take places; raises LookupError where the time is unknown or too few are left."""
        if self.free.get(entry, -1) < party.size:
            raise LookupError(f"no {party.size} places at {entry:%H:%M}")
        self.free[entry] -= party.size

    def next_free(self, after: time, size):
        """Return the next time at which a party of this size may enter, None if there is none."""
        fitting = (entry for entry, left in self.free.items() if left >= size)
        return next((entry for entry in fitting if entry >= after), None)
