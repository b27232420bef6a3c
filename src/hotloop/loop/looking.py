"""What the model was shown without asking: told along with answers, and whether it was used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from hotloop import paths
from hotloop.actions.types import Define, Edit
from hotloop.errors import HotloopError
from hotloop.ledger.events import LeverAccount
from hotloop.levers.ahead import Ahead, load_rates, reads_fast
from hotloop.levers.prefetch import Context, used
from hotloop.loop.parts import Parts
from hotloop.loop.turn import Turn


class Looking:
    """Guesses what is looked at next, and accounts for the first message and the guesses.

    `beside_s` are the seconds that the first test run took beside the model, `mapped` the files in
    the map of the repository.
    """

    def __init__(self, parts: Parts, context: Context) -> None:
        self._parts = parts
        self._context = context
        self._files = context.files
        self._said: list[str] = []
        self._actions = 0
        self._changes: list[Edit | Define] = []
        self._edited: list[str] = []
        self._may_guess = not parts.is_small
        self.beside_s = 0.0
        self.mapped = context.mapped
        self._ahead = Ahead(
            load_rates(_rates_file()),
            self.files,
            lambda path: parts.workspace.read_text(path).text,
            [one.path for one in context.shown],
        )

    def files(self) -> Sequence[str]:
        """Return the workspace's files as they were when they were first asked for."""
        if self._files is None:
            self._files = tuple(self._parts.workspace.files())
        return self._files

    def take(self, turn: Turn) -> None:
        """Take an answer; what is told along with its observations goes into the turn."""
        actions = [parsed.action for parsed, _ in turn.observed if parsed.action is not None]
        said = f"{turn.result.answer.text}\n{actions!r}"
        self._said.append(said)
        self._actions += len(actions)
        self._edited += turn.edited
        self._changes += [
            parsed.action
            for parsed, observation in turn.observed
            if isinstance(parsed.action, Edit | Define) and observation.ok
        ]
        if not self._parts.has("ahead"):
            return
        self._ahead.asked(actions)
        self._ahead.said(said, turn.edited)
        fast = reads_fast(turn.result.usage, turn.result.marks)
        self._may_guess = self._may_guess if fast is None else fast
        if self._may_guess and not turn.has_edited and not turn.has_effect:
            seen = [(parsed.action, observation) for parsed, observation in turn.observed]
            turn.told += self._ahead.guess(seen)

    def _weighed(self) -> tuple[int, int]:
        """Return the bytes of all changes, and of the files that each changed, as they are now."""
        change_bytes = whole_bytes = 0
        for change in self._changes:
            change_bytes += len(msgspec.json.encode(change))
            with contextlib.suppress(HotloopError):
                text = self._parts.workspace.read_text(change.path).text
                whole_bytes += len(msgspec.json.encode(text))
        return change_bytes, whole_bytes

    def account(self) -> None:
        """Tell what the levers did whose saving is a call or a token that never was."""
        self._ahead.finish(_rates_file())
        for lever, detail in self._details():
            saved_s = self.beside_s if lever == "prefetch" else 0.0
            if self._parts.has(lever) and (detail or saved_s):
                t_s = self._parts.clock.now_s()
                event = LeverAccount(t_s=t_s, lever=lever, saved_s=saved_s, detail=detail)
                self._parts.clock.emit(event)

    def _details(self) -> Iterator[tuple[str, str]]:
        """Yield levers with what they did, empty for nothing."""
        said = "\n".join(self._said)
        hit, missed = used([one.path for one in self._context.shown], said, self._edited)
        of_map, _ = used(self.mapped, said, self._edited)
        told = [("used", hit), ("not used", missed)]
        if self.mapped:
            told.append((f"used of {len(self.mapped)} files in the map", of_map or ["none"]))
        shown = "; ".join(f"{word}: {', '.join(names)}" for word, names in told if names)
        yield "prefetch", shown
        guesses = self._ahead.guesses
        yield "ahead", f"{self._ahead.hits} of {guesses} guesses used" if guesses else ""
        calls = len(self._said)
        yield "several", f"{self._actions} actions in {calls} calls" if self._actions else ""
        change, whole = self._weighed()
        yield "terse", f"changes of {change} bytes, their files {whole}" if change else ""


def _rates_file() -> paths.Path:
    return paths.cache_dir() / "ahead.json"
