"""The tools and what they cost, in cents."""

from typing import NamedTuple


class Tool(NamedTuple):
    name: str
    per_hour: int
    per_day: int
    deposit: int


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("hammer drill", 450, 2400, 10000),
        Tool("floor sander", 900, 4900, 20000),
        Tool("ladder", 200, 800, 5000),
    )
}


def get(name):
    try:
        return TOOLS[name.strip().lower()]
    except KeyError:
        known = ", ".join(sorted(TOOLS))
        raise KeyError(f"no tool {name!r}, there are: {known}") from None
