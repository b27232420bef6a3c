"""The diary beside the kiln."""


def ready_at(firing, start_min):
    """Return when a firing is over, as a clock time; `start_min` is minutes since midnight."""
    end = start_min + firing.total()
    return f"{end // 60 % 24}:{end % 60:02}"


def entry(firing):
    """Return one line for a firing."""
    return f"{firing.name}: {len(firing.segments)} segments, up to {firing.peak_c} C"
