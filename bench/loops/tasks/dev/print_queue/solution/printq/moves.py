"""Which moves a print job can make."""

_TABLE = """
    queued    begin   printing
    queued    cancel  cancelled
    printing  pause   paused
    printing  finish  done
    printing  fail    failed
    printing  cancel  cancelled
    paused    resume  printing
    paused    cancel  cancelled
    failed    retry   queued
    failed    cancel  cancelled
"""


def _read(table):
    moves = {}
    for line in table.split("\n"):
        if line.strip():
            state, move, after = line.split()
            moves.setdefault(state, {})[move] = after
    return moves


MOVES = _read(_TABLE)


def is_final(state):
    """Tell whether nothing can happen to a job any more."""
    return state not in MOVES
