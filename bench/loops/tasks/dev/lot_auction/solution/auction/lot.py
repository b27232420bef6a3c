"""One lot of an auction."""

from typing import NamedTuple

from auction.steps import step_for


class BidError(ValueError):
    """A bid that cannot be accepted."""


class Bid(NamedTuple):
    bidder: str
    amount: int


class Lot:
    """Something for sale. Below the reserve, if there is one, it is not sold."""

    def __init__(self, title: str, start: int, reserve: int = 0) -> None:
        self.title = title
        self.start = start
        self.reserve = reserve
        self.bids: list[Bid] = []
        self.closed = False

    @property
    def highest(self) -> Bid | None:
        return self.bids[-1] if self.bids else None

    def minimum_bid(self) -> int:
        """Return the lowest bid that is accepted next."""
        if self.highest is None:
            return self.start
        return self.highest.amount + step_for(self.highest.amount)

    def place(self, bidder: str, amount: int) -> None:
        """Accept a bid, or raise BidError."""
        if self.closed:
            raise BidError(f"{self.title} is closed")
        if self.highest and self.highest.bidder == bidder:
            raise BidError(f"{bidder} leads already")
        if amount < self.minimum_bid():
            raise BidError(f"{amount} is too low")
        self.bids.append(Bid(bidder, amount))

    def close(self) -> Bid | None:
        """End the auction and return the bid that won, None if the lot is not sold."""
        self.closed = True
        if self.highest is None or self.highest.amount < self.reserve:
            return None
        return self.highest
