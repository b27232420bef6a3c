"""Letters to the passengers of the ferry."""

from booking import Booking, Sailing

SIGNATURE = "Your Skerry Line"


def greeting(booking: Booking) -> str:
    """Return the first line of a letter."""
    if booking.title:
        return f"Dear {booking.title} {booking.surname},"
    return f"Hello {booking.surname},"


def euros(cents: int) -> str:
    """Return an amount as text."""
    return f"{cents // 100}.{cents % 100:02d} EUR"


def sailing_line(sailing: Sailing) -> str:
    """Return the line of a letter that says where and when a ferry sails."""
    departure = sailing.departure.strftime("%d.%m.%Y %H:%M")
    return f"{sailing.origin} - {sailing.destination}, {departure}"


def confirmation(booking: Booking) -> str:
    """Return the letter that is sent after a booking."""
    people = "1 person" if booking.passengers == 1 else f"{booking.passengers} people"
    return "\n".join(
        [
            greeting(booking),
            f"we have booked {people} under {booking.code}:",
            sailing_line(booking.sailing),
            f"Price: {euros(booking.cents)}",
            SIGNATURE,
        ]
    )


def reminder(booking: Booking) -> str:
    """Return the letter that asks for the rest of the price."""
    if not booking.open_cents:
        raise ValueError(f"{booking.code} is paid")
    return "\n".join(
        [
            greeting(booking),
            f"please pay {euros(booking.open_cents)} for {booking.code} before you board:",
            sailing_line(booking.sailing),
            SIGNATURE,
        ]
    )
