"""The list that hangs in the office."""

from collections.abc import Iterable
from datetime import date

from lease import Lease


def free_plots(leases: Iterable[Lease], plots: int, day: date) -> list[int]:
    """Return the numbers of the plots that nobody has on a day."""
    taken = {lease.plot for lease in leases if lease.runs_on(day)}
    return [plot for plot in range(1, plots + 1) if plot not in taken]


def letters(leases: Iterable[Lease], day: date) -> list[str]:
    """Return a line for each tenant who has to be reminded by now, the most urgent first."""
    due = [lease for lease in leases if lease.remind_on() <= day < lease.end]
    due.sort(key=lambda lease: (lease.end, lease.plot))
    return [f"Plot {lease.plot}: {lease.tenant}, until {lease.end:%d.%m.%Y}" for lease in due]
