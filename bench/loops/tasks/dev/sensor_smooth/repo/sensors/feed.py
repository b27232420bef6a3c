"""Readings as they come from the device: `name=value;name=value`."""


def parse_packet(packet):
    """Return {name: value} of a packet; broken parts are left out."""
    values = {}
    for part in packet.strip().split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            continue
        try:
            values[name.strip()] = float(value)
        except ValueError:
            continue
    return values


def series(packets, name):
    """Return the readings of one sensor over several packets."""
    found = (parse_packet(packet).get(name) for packet in packets)
    return [value for value in found if value is not None]
