"""Lever `exact_edits`: an edit can only quote lines that are in the file, and in one place.

Where the endpoint holds answers to a grammar of llguidance, the old side of an edit is limited to
lines of the files that the model has seen (`hotloop.actions.exact`). Elsewhere a near miss is
repaired after the fact (`hotloop.tools.matching`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from hotloop.actions.parse import Parsed
from hotloop.actions.types import Define, Edit, Observation, Read, Search, Write
from hotloop.errors import HotloopError

_SHOWN = re.compile(r"^(?:\[ahead\] )?(\S+?\.\w+)(?: lines \d+-\d+:$|:$|:\d+:)", re.MULTILINE)


class ExactEdits:
    """The files that the model has seen, and how edits of them went.

    `read` returns a file's text as it is now and raises HotloopError for what is none.
    """

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._seen: dict[str, None] = {}
        self._held: frozenset[str] = frozenset()
        self._edits = 0
        self._missed = 0

    def told(self, text: str) -> None:
        """Take a message: files stand in it behind their paths."""
        for path in _SHOWN.findall(text):
            self._see(path)

    def observed(self, results: Sequence[tuple[Parsed, Observation]]) -> None:
        """Take what came of an answer, which was asked for with the latest `files`."""
        for parsed, observation in results:
            match parsed.action:
                case Edit(path=path) if posixpath.normpath(path) in self._held:
                    self._edits += 1
                    self._missed += not observation.ok and observation.summary.startswith("old is ")
                case Search() if observation.ok:
                    self.told(observation.text)
                case Read(path=path) | Edit(path=path) | Write(path=path) | Define(path=path):
                    if observation.ok:
                        self._see(path)
                case _:
                    pass

    def files(self) -> dict[str, str]:
        """Return the texts of the files that were seen, the latest first, for the next request."""
        texts: dict[str, str] = {}
        for path in reversed(self._seen):
            try:
                texts[path] = self._read(path)
            except HotloopError:
                continue
        self._held = frozenset(texts)
        return texts

    def free(self) -> None:
        """Note that the next request is sent without the constraint."""
        self._held = frozenset()

    @property
    def detail(self) -> str:
        """Say how edits under the constraint went, empty where there were none."""
        if not self._edits:
            return ""
        found = self._edits - self._missed
        return f"{found} of {self._edits} edits quoted one place of their file"

    def _see(self, path: str) -> None:
        path = posixpath.normpath(path)
        self._seen.pop(path, None)
        self._seen[path] = None
