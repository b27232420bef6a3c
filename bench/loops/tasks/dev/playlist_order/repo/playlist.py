"""Playlists: order tracks so that an artist does not come twice in a row."""

from collections import namedtuple

Track = namedtuple("Track", "title artist seconds")


def interleave(tracks):
    """Return the tracks in an order that avoids the same artist twice in a row.

    Always takes the first waiting track of another artist, or simply the first.
    """
    waiting = tracks
    ordered = []
    while waiting:
        last = ordered[-1].artist if ordered else None
        choice = next((t for t in waiting if t.artist != last), waiting[0])
        waiting.remove(choice)
        ordered.append(choice)
    return ordered


def repeats(tracks):
    """Return how often an artist follows themselves."""
    return sum(1 for a, b in zip(tracks, tracks[1:]) if a.artist == b.artist)


def length(tracks):
    """Return the playing time as "m:ss"."""
    minutes, seconds = divmod(sum(t.seconds for t in tracks), 60)
    return f"{minutes}:{seconds:02}"


def fit(tracks, limit):
    """Return the longest beginning of a playlist that plays at most `limit` seconds."""
    chosen = []
    total = 0
    for track in tracks:
        if total + track.seconds > limit:
            break
        total += track.seconds
        chosen.append(track)
    return chosen
