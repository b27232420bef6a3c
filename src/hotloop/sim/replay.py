"""Make a script from a recorded session: the simulated model says what a real one said."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hotloop.ledger.events import ActionParsed, CallDelta, CallEnd, Channel, Event
from hotloop.sim.script import Reply, Script, ToolCall


class _Heard(msgspec.Struct):
    """What one recorded call said."""

    text: dict[Channel, str]
    actions: list[ToolCall]


def script_from_events(events: Iterable[Event]) -> Script:
    """Return a script with one reply per model call of a session that ended without error.

    Calls that a lever made for itself (warm-up, race) are left out: they add no turn.
    """
    heard: dict[int, _Heard] = {}
    replies: dict[int, Reply] = {}
    for event in events:
        match event:
            case CallDelta(call=call, channel=channel, text=text):
                said = heard.setdefault(call, _Heard({}, [])).text
                said[channel] = said.get(channel, "") + text
            case ActionParsed(call=call, tool=tool, args=args):
                action = ToolCall(name=tool, arguments=args)
                heard.setdefault(call, _Heard({}, [])).actions.append(action)
            case CallEnd(purpose="step", error="") as end:
                replies[end.call] = _reply(end, heard.get(end.call, _Heard({}, [])))
            case _:
                pass
    return Script(replies=tuple(replies[call] for call in sorted(replies)))


def _reply(end: CallEnd, heard: _Heard) -> Reply:
    native = "tool" in heard.text
    return Reply(
        text=heard.text.get("text", ""),
        reasoning=heard.text.get("reasoning", ""),
        tool_calls=tuple(heard.actions) if native else (),
        tokens=end.usage.output_tokens,
        finish=end.finish_reason,
    )
