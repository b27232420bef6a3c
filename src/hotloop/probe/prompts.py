"""The probe's own prompts: text of any length that no server has seen before, and small tasks."""

from __future__ import annotations

import random

Message = dict[str, object]

_VERBS = ("load", "store", "merge", "split", "check", "parse", "render", "count", "close", "queue")
_NOUNS = ("cache", "report", "ledger", "branch", "token", "filter", "stream", "window", "packet")
_ARGUMENTS = ("path", "limit", "value", "index", "name", "state", "depth", "total", "owner", "key")
TALK = "Write a long story about a {0}, a {1} and a {2}. No lists, no headings. Begin at once."
COPY = "Repeat this text exactly, all of it, without a word before or after it:\n{0}"
FILES = (
    "Say which of these files to read first and why, one short sentence each:"
    ' {0}. Answer with JSON only, like {{"files":[{{"path":"a.py","why":"It holds the parser."}}]}}'
)
DISOBEY = "Answer with the single word hello, in plain text. Do not write JSON. Word {0}."


class Prompts:
    """Draws prompts from a seed. Each begins with bytes of its own, so that no cache has it."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def nonce(self) -> str:
        """Return twelve hexadecimal digits that were not used before."""
        return f"{self._draw.getrandbits(48):012x}"

    def name(self) -> str:
        """Return an identifier of two words."""
        return f"{self._draw.choice(_VERBS)}_{self._draw.choice(_NOUNS)}"

    def code(self, characters: int) -> str:
        """Return lines that look like source code, exactly so many characters."""
        lines: list[str] = []
        length = 0
        while length <= characters:
            line = self._line()
            lines.append(line)
            length += len(line) + 1
        return "\n".join(lines)[:characters]

    def new(self, task: str, characters: int = 0) -> list[Message]:
        """Return a conversation with a task behind `characters` of text never seen before."""
        return [*self.prefix(characters), {"role": "user", "content": task}]

    def prefix(self, characters: int) -> list[Message]:
        """Return a system message with `characters` of text never seen before."""
        head = f"{self.nonce()} You answer briefly.\n"
        return [{"role": "system", "content": head + self.code(max(0, characters - len(head)))}]

    def story(self) -> str:
        """Return a task whose answer is long and nowhere in the prompt."""
        words = (self._draw.choice(_NOUNS) for _ in range(3))
        return TALK.format(*words)

    def copy(self, characters: int) -> str:
        """Return a task whose answer is in the prompt word by word."""
        return COPY.format(self.code(characters))

    def files(self, count: int) -> str:
        """Return a task whose answer is a list of files, each with a reason."""
        return FILES.format(", ".join(f"{self.name()}.py" for _ in range(count)))

    def _line(self) -> str:
        draw = self._draw
        first, second = draw.choice(_ARGUMENTS), draw.choice(_ARGUMENTS)
        return f"def {self.name()}({first}, {second}): return {self.name()}({second}, {first})"


def one_byte_changed(messages: list[Message]) -> list[Message]:
    """Return the same conversation with one of its very first characters changed."""
    first = str(messages[0]["content"])
    other = "g" if first[:1] != "g" else "h"
    return [{**messages[0], "content": other + first[1:]}, *messages[1:]]
