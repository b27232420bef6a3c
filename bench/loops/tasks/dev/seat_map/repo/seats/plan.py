"""A hall as rows of seats. In its text form '.' is a free seat, '#' a sold one, ' ' an aisle."""

FREE = "."
SOLD = "#"


class SeatPlan:
    """Seats of a hall; rows are lettered from A, seats numbered from 1."""

    def __init__(self, text):
        self.rows = [list(line) for line in text.splitlines()]

    def row_name(self, index):
        return chr(ord("A") + index)

    def free_count(self):
        return sum(row.count(FREE) for row in self.rows)

    def find_block(self, size):
        """Return (row index, column) of the first `size` free seats side by side, or None.

        Rows are tried from the front, seats from the left.
        """
        if size < 1:
            raise ValueError("a group has at least one person")
        for index, row in enumerate(self.rows):
            for start in range(len(row) - size):
                if all(seat == FREE for seat in row[start : start + size]):
                    return index, start
        return None

    def book(self, size):
        """Sell a block of seats and return their names, [] where there is none."""
        place = self.find_block(size)
        if place is None:
            return []
        index, start = place
        for column in range(start, start + size):
            self.rows[index][column] = SOLD
        return [f"{self.row_name(index)}{column + 1}" for column in range(start, start + size)]

    def __str__(self):
        return "\n".join("".join(row) for row in self.rows)
