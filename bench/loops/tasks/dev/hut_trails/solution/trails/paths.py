"""The network of paths between huts.

A line is `Lake - Saddle 1:30` where the way back takes as long, or with the time of the way
back `Lake - Summit 3:10/2:00`. What follows in brackets is a comment.
"""

import re
from collections.abc import Iterable

LINE = re.compile(
    r"(?P<here>.+?) - (?P<there>.+?) (?P<time>\d+:\d\d)(?:/(?P<back>\d+:\d\d))?(?: \(.*\))?"
)

# {hut: {next hut: minutes}}
Network = dict[str, dict[str, int]]


def minutes(text: str) -> int:
    """Return the minutes of a time such as 1:45."""
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def read_paths(lines: Iterable[str]) -> Network:
    """Return the network of some lines; all paths can be walked in both directions."""
    network: Network = {}
    for line in lines:
        if not line.strip():
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"not a path: {line.strip()!r}")
        here, there = match["here"], match["there"]
        connect(network, here, there, minutes(match["time"]))
        connect(network, there, here, minutes(match["back"] or match["time"]))
    return network


def connect(network: Network, here: str, there: str, time: int) -> None:
    """Put one direction of a path into a network; of several paths the fastest counts."""
    paths = network.setdefault(here, {})
    paths[there] = min(time, paths.get(there, time))
    network.setdefault(there, {})
