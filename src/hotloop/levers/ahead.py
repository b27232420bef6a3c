"""Lever `ahead`: the answer to the next look-up comes along with the answer to this one.

After a look-up, files are guessed that models read next: what a file imports, its tests, where a
search found something. They are told at once, so that the call that would ask for them is not made.
A guess is a hit when the model edits or names the file later without reading it first. Each kind
of guess has its hit rate, kept from session to session; a kind that does not pay is not made.
Nor is any where a backend reads its prompt slowly: reading a guess may take longer than a call.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from hotloop.actions.types import AnyAction, Observation, Read, Search
from hotloop.errors import HotloopError
from hotloop.ledger.events import Marks, Usage
from hotloop.levers.prefetch import imports, named_tests

MOST_CHARS = 4_000
"""Characters told along with one answer, about 1,000 tokens."""
_MOST_FILES = 3
_LEAST_RATE = 0.25
_TRIALS = 8
_KEPT = 40.0
_TELLING_TOKENS = 200
_LEAST_TOKENS_PER_S = 500.0
_HIT = re.compile(r"^([^\s:]+):\d+:", re.MULTILINE)

Kind = str
Look = Callable[[str], str]


class Rates(msgspec.Struct):
    """Hits and guesses of each kind; old ones fade as new ones come."""

    kinds: dict[Kind, tuple[float, float]] = {}

    def pays(self, kind: Kind) -> bool:
        """Say whether guesses of a kind are made: until they are known to miss."""
        hits, guesses = self.kinds.get(kind, (0.0, 0.0))
        return guesses < _TRIALS or hits / guesses >= _LEAST_RATE

    def count(self, kind: Kind, *, hit: bool) -> None:
        """Take how a guess turned out."""
        hits, guesses = self.kinds.get(kind, (0.0, 0.0))
        fade = 0.5 if guesses >= _KEPT else 1.0
        self.kinds[kind] = (hits * fade + hit, guesses * fade + 1)


def reads_fast(usage: Usage, marks: Marks) -> bool | None:
    """Say whether a call's prompt was read fast enough for guesses; None where it does not tell."""
    new_tokens = usage.input_tokens - usage.cached_tokens
    if marks.first_token_s is None or not usage.reported or new_tokens < _TELLING_TOKENS:
        return None
    return new_tokens >= _LEAST_TOKENS_PER_S * (marks.first_token_s - marks.start_s)


def load_rates(path: Path) -> Rates:
    """Return what past sessions learned; nothing where there were none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Rates)
    except (OSError, msgspec.DecodeError):
        return Rates()


class Ahead:
    """Guesses for one session. `files` lists the workspace's files, `look` returns one's text.

    `known` are the paths whose text the model has already.
    """

    def __init__(
        self, rates: Rates, files: Callable[[], Sequence[str]], look: Look, known: Sequence[str]
    ) -> None:
        self._rates = rates
        self._files = files
        self._look = look
        self._known = {*known}
        self._listed: set[str] = set()
        self._open: dict[str, Kind] = {}
        self.guesses = 0
        self.hits = 0

    def asked(self, actions: Sequence[AnyAction]) -> None:
        """Take what the model asks to read: a guess that it reads all the same was none."""
        for action in actions:
            if isinstance(action, Read):
                path = posixpath.normpath(action.path)
                self._known.add(path)
                if kind := self._open.pop(path, ""):
                    self._rates.count(kind, hit=False)

    def said(self, text: str, edited: Sequence[str]) -> None:
        """Take an answer: a guess that it names or edits is a hit."""
        for path, kind in list(self._open.items()):
            stem = posixpath.basename(path).partition(".")[0]
            if path in edited or re.search(rf"\b{re.escape(stem)}\b", text):
                self.hits += 1
                self._rates.count(kind, hit=True)
                del self._open[path]

    def guess(self, observed: Sequence[tuple[AnyAction | None, Observation]]) -> list[str]:
        """Return the files to tell along with the observations of an answer."""
        told: list[str] = []
        room = MOST_CHARS
        for path, kind in self._candidates(observed):
            if path in self._known or not self._rates.pays(kind):
                continue
            try:
                text = self._look(path)
            except HotloopError:
                continue
            if text and len(text) <= room and len(told) < _MOST_FILES:
                room -= len(text)
                told.append(f"[ahead] {path}:\n{text}")
                self._known.add(path)
                self._open[path] = kind
                self.guesses += 1
        return told

    def _candidates(
        self, observed: Sequence[tuple[AnyAction | None, Observation]]
    ) -> Iterator[tuple[str, Kind]]:
        if not any(isinstance(action, Read | Search) for action, _ in observed):
            return
        files = self._files()
        known = self._listed = self._listed or {*files}
        for action, observation in observed:
            match action:
                case Read(path=path) if observation.ok:
                    here = posixpath.normpath(path)
                    yield from ((test, "test") for test in islice(named_tests([here], files), 1))
                    found = imports(here, self._quiet(here), known)
                    yield from ((one, "import") for one in found)
                case Search() if observation.ok:
                    yield from ((hit, "hit") for hit in _HIT.findall(observation.text))
                case _:
                    pass

    def _quiet(self, path: str) -> str:
        try:
            return self._look(path)
        except HotloopError:
            return ""

    def finish(self, path: Path) -> None:
        """Count what was never used, and keep the rates for later sessions where possible."""
        for kind in self._open.values():
            self._rates.count(kind, hit=False)
        self._open.clear()
        if not self.guesses:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(self._rates))
        except OSError:
            return  # only a saving for the next session
