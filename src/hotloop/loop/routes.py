"""Which endpoint a call goes to, by its role: lever `roles`."""

from __future__ import annotations

from collections.abc import Mapping

from hotloop.backend.types import Backend
from hotloop.errors import BackendError
from hotloop.ledger.events import LeverAccount
from hotloop.levers.roles import CodeWatch, Leg, Role, RoleAccount, pays, spared_s
from hotloop.levers.speed import Speed, Warmth
from hotloop.loop.caller import CallResult
from hotloop.loop.clock import SessionClock
from hotloop.probe.cached import load


class Place:
    """An endpoint with its model: how fast it is, and what it has read of the conversation."""

    def __init__(self, backend: Backend) -> None:
        known = load(backend.base_url, backend.model)
        self.backend = backend
        self.speed = Speed(known.rates() if known else None)
        self.warmth = Warmth()

    def leg(self, conversation: bytes) -> Leg:
        """Return the place as one that a call can go to."""
        return Leg(self.speed, self.warmth.cold_tokens(conversation))

    def took(self, conversation: bytes, result: CallResult) -> None:
        """Take a call that it answered."""
        marks, usage = result.marks, result.usage
        cold_tokens = self.warmth.cold_tokens(conversation)
        if usage.reported and usage.cached_tokens:
            cold_tokens = usage.input_tokens - usage.cached_tokens
        if marks.first_token_s is not None:
            ttft_s = marks.first_token_s - marks.start_s
            self.speed.saw(cold_tokens, ttft_s, result.tokens_per_s)
        self.warmth.took(conversation)


class Routes:
    """The endpoints of a session's roles. `home` is the session's own.

    A role without an endpoint of its own is asked at home. `conversation` is always the bytes that
    requests to home begin with; those to other endpoints name another model, no more.
    """

    def __init__(self, home: Backend, roles: Mapping[Role, Backend], clock: SessionClock) -> None:
        self._home = Place(home)
        self._clock = clock
        places = {id(backend): Place(backend) for backend in roles.values()}
        self._places = {role: places[id(backend)] for role, backend in roles.items()}
        self._account = RoleAccount()

    def choose(self, role: Role, conversation: bytes, tests_s: float) -> Backend | None:
        """Return the backend to ask, None for the session's own.

        `tests_s` is what tests take, for which time has to be left.
        """
        place = self._places.get(role)
        if place is None:
            return None
        home, away = self._home.leg(conversation), place.leg(conversation)
        worth = pays(self._account, role, home, away)
        if worth is False and (role == "select" or self._is_short(role, away, tests_s)):
            self._account.stayed()
            return None
        return place.backend

    def backend_of(self, role: Role) -> Backend | None:
        """Return a role's own backend, None where it has none."""
        place = self._places.get(role)
        return place.backend if place else None

    def tokens_per_s(self, to: Backend | None) -> float | None:
        """Return the decode rate of a backend, None where it is not known."""
        return self._at(to).speed.decode_tok_s

    def took(self, role: Role, to: Backend | None, conversation: bytes, result: CallResult) -> None:
        """Take an answer."""
        self._account.wrote(role, result.usage.output_tokens)
        place = self._at(to)
        if place is not self._home:
            at_home_s = spared_s(self._home.leg(conversation), result.usage.output_tokens)
            self._account.went(role, None if at_home_s is None else at_home_s - result.took_s)
        place.took(conversation, result)

    def read(self, to: Backend | None, conversation: bytes) -> None:
        """Note that a backend has read a conversation, or the beginning of one."""
        self._at(to).warmth.took(conversation)

    def code_watch(self, role: Role, to: Backend | None) -> CodeWatch | None:
        """Return a watch over an answer whose code another model is to write."""
        is_elsewhere = to is not None and self.backend_of("generate") is not to
        return CodeWatch() if role == "select" and is_elsewhere else None

    def handed_over(self, to: Backend | None, conversation: bytes, took_s: float) -> None:
        """Take an answer to `select` that began to write code, after so many seconds."""
        self.read(to, conversation)
        self._account.handed_over(took_s)

    def failed(self, to: Backend, error: BackendError) -> None:
        """Ask an endpoint that failed no more."""
        self._clock.note(
            f"{to.model} at {to.base_url} is not asked again: {error.cause}", "warning"
        )
        self._places = {
            role: place for role, place in self._places.items() if place.backend is not to
        }

    def close(self) -> None:
        """Tell what the lever did."""
        account = self._account
        if account.detail:
            self._clock.emit(
                LeverAccount(
                    t_s=self._clock.now_s(),
                    lever="roles",
                    saved_s=account.saved_s,
                    wasted_s=account.lost_s,
                    detail=account.detail,
                )
            )

    def _is_short(self, role: Role, away: Leg, tests_s: float) -> bool:
        takes_s = away.speed.call_s(away.cold_tokens, self._account.output_tokens(role)) or 0.0
        return takes_s + tests_s > self._clock.budget.left_s

    def _at(self, to: Backend | None) -> Place:
        places = (place for place in self._places.values() if place.backend is to)
        return next(places, self._home)
