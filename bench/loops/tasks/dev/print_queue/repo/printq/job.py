"""One print job and its history."""

from printq.moves import MOVES, is_final


class BadMove(Exception):
    """A job cannot do this in its state."""


class Job:
    def __init__(self, name, grams):
        self.name = name
        self.grams = grams
        self.history = ["queued"]

    @property
    def state(self):
        return self.history[-1]

    @property
    def attempts(self):
        return self.history.count("printing") - self._resumed()

    def _resumed(self):
        pairs = zip(self.history, self.history[1:])
        return sum(pair == ("paused", "printing") for pair in pairs)

    def move(self, name):
        try:
            after = MOVES[self.state][name]
        except KeyError:
            raise BadMove(f"cannot {name} {self.name}, it is {self.state}") from None
        self.history.append(after)

    def is_over(self):
        return is_final(self.state)

    def __repr__(self):
        return f"<Job {self.name} {self.state}>"
