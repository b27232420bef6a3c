"""Events of a session told by hand, and its wall time elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from article_session import session_start
from hotloop.ledger.events import (
    CallEnd,
    CallStart,
    Effect,
    Event,
    Marks,
    Outcome,
    TestsRun,
    ToolEnd,
    ToolStart,
    Usage,
)
from hotloop.ledger.report import fold
from hotloop.ledger.whatif import Projection, what_if
from hotloop.sim.profile import Profile
from hotloop.sim.profile_pace import ProfilePace


class Story:
    """A session told moment by moment; `events` sorts what was told by time."""

    def __init__(self) -> None:
        self._events: list[tuple[float, int, Event]] = []
        self.tell(session_start())

    def tell(self, *events: Event) -> None:
        self._events += [
            (event.t_s, len(self._events) + n, event) for n, event in enumerate(events)
        ]

    def call(
        self,
        number: int,
        start_s: float,
        end_s: float,
        *,
        first_s: float | None = None,
        tokens: tuple[int, int, int] = (1000, 0, 100),
        purpose: str = "step",
        error: str = "",
        connected_s: float | None = None,
    ) -> None:
        step = number if purpose == "step" else -1
        shown_s = start_s + 0.5 * (end_s - start_s) if first_s is None else first_s
        marks = Marks(
            start_s=start_s,
            connected_s=connected_s,
            first_token_s=None if error else shown_s,
            last_token_s=None if error else end_s,
            end_s=end_s,
        )
        input_tokens, cached, output = tokens
        usage = Usage(
            input_tokens=input_tokens,
            cached_tokens=cached,
            output_tokens=output,
            reported=not error,
        )
        self.tell(
            CallStart(t_s=start_s, call=number, step=step, request_bytes=1, purpose=purpose),
            CallEnd(
                t_s=end_s,
                call=number,
                step=step,
                marks=marks,
                usage=usage,
                wait_s=end_s - start_s if purpose == "step" else 0.0,
                purpose=purpose,
                error=error,
            ),
        )

    def tool(
        self,
        action: str,
        start_s: float,
        end_s: float,
        *,
        lever: str = "",
        effect: Effect = Effect.NONE,
        name: str = "read",
        green: bool | None = None,
        summary: str = "",
        step: int = 99,
    ) -> None:
        self.tell(
            ToolStart(t_s=start_s, step=step, action=action, tool=name, effect=effect, lever=lever),
            ToolEnd(
                t_s=end_s,
                step=step,
                action=action,
                tool=name,
                start_s=start_s,
                duration_s=end_s - start_s,
                ok=True,
                summary=summary,
            ),
        )
        if green is not None:
            run = TestsRun(
                t_s=end_s,
                action=action,
                command="t",
                green=green,
                passed=1,
                failed=0,
                duration_s=min(0.5, end_s - start_s),
            )
            self.tell(run)

    def ended(self, wall_s: float, outcome: Outcome = Outcome.SOLVED) -> list[Event]:
        events = [event for _, _, event in sorted(self._events, key=lambda one: one[:2])]
        events.append(fold(events).session_end(outcome, "s", wall_s))
        return events


def on(events: Sequence[Event], **fields: float) -> Projection:
    return what_if(events, ProfilePace(Profile(**fields)))  # pyright: ignore[reportArgumentType]


def wall(events: Sequence[Event], **fields: float) -> float:
    return on(events, **fields).after.wall_s
