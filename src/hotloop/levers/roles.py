"""Lever `roles`: the right model for the step.

A call is asked for one of three things: to choose what to do next (`select`), to write code
(`generate`), or to think (`reason`). Each may have an endpoint of its own.

What a change of endpoint costs is the prefix cache: the other endpoint has to read what it has not
seen of the conversation, and the session's own reads later what it does not read now. So a call
changes places where, with all that, it is over sooner. For code and thoughts another model may also
be wanted because it is better, though slower: those change places while the budget allows it.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from hotloop.actions.types import Define, Edit, Write
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.levers.speed import Speed

Role = Literal["select", "generate", "reason"]

USUAL_TOKENS: dict[Role, float] = {"select": 56.0, "generate": 200.0, "reason": 136.0}
"""Output tokens of a role's call before the session has seen one: the article's, less for code."""
CODE = frozenset(str(one.__struct_config__.tag) for one in (Edit, Write, Define))
"""Tools by which code is written."""
_BEGINS_CODE = re.compile(rf'"tool"\s*:\s*"(?:{"|".join(sorted(CODE))})"')
_SEEN_CHARS = 64
_USUAL_HANDOVERS = (1, 4)


class Leg(msgspec.Struct, frozen=True):
    """One of the endpoints that a call can go to, and how many tokens it would have to read."""

    speed: Speed
    cold_tokens: int


def spared_s(home: Leg, output_tokens: float) -> float | None:
    """Return the seconds that home is spared by a call elsewhere; None where that is not known.

    What it does not read of this call it reads later, so that is not spared.
    """
    call_s = home.speed.call_s(home.cold_tokens, output_tokens)
    later_s = home.speed.ttft_s(home.cold_tokens + int(output_tokens))
    least_s = home.speed.ttft_s(0)
    if call_s is None or later_s is None or least_s is None:
        return None
    return call_s - (later_s - least_s)


class CodeWatch:
    """Notices when an answer begins to write code: by the name of its tool, before the code."""

    def __init__(self) -> None:
        self._seen = ""

    def begins(self, delta: TextDelta | ToolDelta) -> bool:
        """Take the next piece of an answer; say whether code begins in it."""
        if isinstance(delta, ToolDelta):
            return delta.name in CODE
        self._seen += delta.text
        found = _BEGINS_CODE.search(self._seen) is not None
        self._seen = self._seen[-_SEEN_CHARS:]
        return found


class RoleAccount:
    """What changing places brought, against what home would have taken at its measured rates."""

    def __init__(self) -> None:
        self.saved_s = 0.0
        self.lost_s = 0.0
        self._tokens: dict[Role, list[int]] = {}
        self._away: dict[Role, int] = {}
        self._unknown = self._stayed = self._handed_over = 0

    def output_tokens(self, role: Role) -> float:
        """Return how many tokens a role's call writes: the session's mean, else the usual."""
        seen = self._tokens.get(role)
        return sum(seen) / len(seen) if seen else USUAL_TOKENS[role]

    def wrote(self, role: Role, tokens: int) -> None:
        """Take the length of an answer."""
        self._tokens.setdefault(role, []).append(tokens)

    def went(self, role: Role, gained_s: float | None) -> None:
        """Take a call that was answered away from home."""
        self._away[role] = self._away.get(role, 0) + 1
        if gained_s is None:
            self._unknown += 1
            return
        self.saved_s += max(0.0, gained_s)
        self.lost_s += max(0.0, -gained_s)

    def stayed(self) -> None:
        """Take a call that stayed at home because a change would not have paid."""
        self._stayed += 1

    def handed_over(self, took_s: float) -> None:
        """Take a call to `select` that began to write code, and so was for nothing."""
        self._handed_over += 1
        self.lost_s += took_s

    @property
    def handover_share(self) -> float:
        """Return the share of calls to `select` that are expected to end in code."""
        handed, of = _USUAL_HANDOVERS
        tried = self._away.get("select", 0) + self._handed_over
        return (self._handed_over + handed) / (tried + of)

    @property
    def detail(self) -> str:
        """Return the account in words; empty where no role has an endpoint of its own."""
        away = ", ".join(f"{count} {role}" for role, count in self._away.items())
        parts = (
            f"{away} calls elsewhere" if away else "",
            f"{self._unknown} of them not compared" if self._unknown else "",
            f"{self._stayed} stayed: it would not have paid" if self._stayed else "",
            f"{self._handed_over} handed over to write code" if self._handed_over else "",
        )
        return ", ".join(filter(None, parts))


def pays(account: RoleAccount, role: Role, home: Leg, away: Leg) -> bool | None:
    """Say whether a call is over sooner away from home; None where that is not known.

    A call to `select` may begin to write code and be asked again elsewhere. What that costs is
    weighed with how often it happens.
    """
    tokens = account.output_tokens(role)
    home_s, away_s = spared_s(home, tokens), away.speed.call_s(away.cold_tokens, tokens)
    if home_s is None or away_s is None:
        return None
    gained_s = home_s - away_s
    if role != "select":
        return gained_s > 0
    share = account.handover_share
    return gained_s * (1 - share) > (away.speed.ttft_s(away.cold_tokens) or 0.0) * share
