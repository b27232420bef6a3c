"""Letters to the passengers of the ferry."""

from booking import Booking

SIGNATURE = "Your Skerry Line"


def confirmation(booking: Booking) -> str:
    """Return the letter that is sent after a booking."""
    if booking.title:
        hello = f"Dear {booking.title} {booking.surname},"
    else:
        hello = f"Hello {booking.surname},"
    sailing = booking.sailing
    departure = sailing.departure.strftime("%d.%m.%Y %H:%M")
    route = f"{sailing.origin} - {sailing.destination}, {departure}"
    total = f"{booking.cents // 100}.{booking.cents % 100:02d} EUR"
    people = "1 person" if booking.passengers == 1 else f"{booking.passengers} people"
    return "\n".join(
        [
            hello,
            f"we have booked {people} under {booking.code}:",
            route,
            f"Price: {total}",
            SIGNATURE,
        ]
    )


def reminder(booking: Booking) -> str:
    """Return the letter that asks for the rest of the price."""
    if not booking.open_cents:
        raise ValueError(f"{booking.code} is paid")
    if booking.title:
        hello = f"Dear {booking.title} {booking.surname},"
    else:
        hello = f"Hello {booking.surname},"
    sailing = booking.sailing
    departure = sailing.departure.strftime("%d.%m.%Y %H:%M")
    route = f"{sailing.origin} - {sailing.destination}, {departure}"
    rest = f"{booking.open_cents // 100}.{booking.open_cents % 100:02d} EUR"
    return "\n".join(
        [
            hello,
            f"please pay {rest} for {booking.code} before you board:",
            route,
            SIGNATURE,
        ]
    )
