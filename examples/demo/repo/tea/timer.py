"""A timer that counts down while the tea steeps."""

from tea.kinds import steep_seconds


def clock(seconds: int) -> str:
    """Return seconds as minutes and seconds, such as "12:30"."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest}"


def display(name: str, infusion: int, elapsed: int) -> str:
    """Return what the timer shows after some seconds."""
    left = steep_seconds(name, infusion) - elapsed
    if left <= 0:
        return f"{name} is ready"
    return f"{name} {clock(left)}"
