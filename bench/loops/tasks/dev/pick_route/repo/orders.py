"""Order lines, collected per bin."""

from bins import Bin


def collect(lines):
    """Return {bin: pieces} of lines such as '3 x C-07-2'."""
    wanted = {}
    for line in lines:
        pieces, _, label = line.partition(" x ")
        place = Bin.read(label.strip())
        wanted[place] = wanted.get(place, 0) + int(pieces)
    return wanted
