"""Courses have a number of places; who comes later is put on a waiting list."""

from dataclasses import dataclass, field


class NotEnrolled(Exception):
    """Somebody leaves a course they never joined."""


@dataclass
class Course:
    """One course; names are unique."""

    title: str
    places: int
    members: list = field(default_factory=list)
    waiting: list = field(default_factory=list)

    @property
    def free(self):
        return self.places - len(self.members)

    def join(self, name):
        """Tell whether there was a place; if not, the name is put on the waiting list."""
        if self.free > 0:
            self.members.append(name)
            return True
        self.waiting.append(name)
        return False

    def leave(self, name):
        """Take somebody out; returns who moves up from the waiting list, None if nobody does."""
        if name not in self.members + self.waiting:
            raise NotEnrolled(name)
        self.members.remove(name)
        if not self.waiting:
            return None
        self.members.append(self.waiting.pop(0))
        return self.members[-1]
