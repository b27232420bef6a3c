"""What the model was shown without asking: told along with answers, and whether it was used."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop import paths
from hotloop.ledger.events import LeverAccount
from hotloop.levers.ahead import Ahead, load_rates, reads_fast
from hotloop.levers.prefetch import Context, used
from hotloop.loop.parts import Parts
from hotloop.loop.turn import Turn


class Looking:
    """Guesses what is looked at next, and accounts for the first message and the guesses.

    `beside_s` are the seconds that the first test run took beside the model.
    """

    def __init__(self, parts: Parts, context: Context) -> None:
        self._parts = parts
        self._context = context
        self._files = context.files
        self._said: list[str] = []
        self._edited: list[str] = []
        self._may_guess = not parts.is_small
        self.beside_s = 0.0
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
        self._edited += turn.edited
        if not self._parts.has("ahead"):
            return
        self._ahead.asked(actions)
        self._ahead.said(said, turn.edited)
        fast = reads_fast(turn.result.usage, turn.result.marks)
        self._may_guess = self._may_guess if fast is None else fast
        if self._may_guess and not turn.has_edited and not turn.has_effect:
            seen = [(parsed.action, observation) for parsed, observation in turn.observed]
            turn.told += self._ahead.guess(seen)

    def account(self) -> None:
        """Tell what the levers `prefetch` and `ahead` did."""
        clock = self._parts.clock
        if self._parts.has("prefetch"):
            hit, missed = used(self._context.shown, "\n".join(self._said), self._edited)
            parts = [("used", hit), ("not used", missed)]
            detail = "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)
            event = LeverAccount(
                t_s=clock.now_s(), lever="prefetch", saved_s=self.beside_s, detail=detail
            )
            if detail or self.beside_s:
                clock.emit(event)
        self._ahead.finish(_rates_file())
        if self._ahead.guesses:
            detail = f"{self._ahead.hits} of {self._ahead.guesses} guesses used"
            clock.emit(LeverAccount(t_s=clock.now_s(), lever="ahead", detail=detail))


def _rates_file() -> paths.Path:
    return paths.cache_dir() / "ahead.json"
