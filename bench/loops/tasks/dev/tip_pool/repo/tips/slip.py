"""The slip that hangs next to the till."""


def slip(shares):
    """Return one line for each person, the largest share on top."""
    width = max(map(len, shares), default=0)
    order = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return [f"{name:<{width}} {cents / 100:>7.2f}" for name, cents in order]
