"""Ports and how far their tides are off those of the reference port."""

from dataclasses import dataclass

from tides.clock import to_minutes


@dataclass(frozen=True)
class Port:
    name: str
    high: int
    low: int


def read_ports(text):
    """Read lines of `name; correction of high water; correction of low water`."""
    ports = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, high, low = (part.strip() for part in line.split(";"))
        ports[name] = Port(name, to_minutes(high), to_minutes(low))
    return ports
