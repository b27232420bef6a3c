"""Find where JSON objects close in a stream of characters, one character at a time.

The state depends on the characters alone, so no sequence of chunk boundaries changes the result.
"""

from __future__ import annotations


class JsonScanner:
    """Watches one JSON value; `feed` says what each character closed.

    `depth` is the number of open containers; 0 after the value has closed.
    """

    def __init__(self) -> None:
        self._stack: list[tuple[str, int]] = []
        self._text: list[str] = []
        self._in_string = False
        self._escaped = False

    @property
    def depth(self) -> int:
        """Return how many objects and arrays are open."""
        return len(self._stack)

    @property
    def text(self) -> str:
        """Return all characters so far."""
        return "".join(self._text)

    def feed(self, char: str) -> str | None:
        """Take a character; return the text of an object that it closed.

        Only objects at the root, or in an array at the root or in the root object, are told:
        these are the places where actions stand.
        """
        self._text.append(char)
        if self._in_string:
            self._feed_string(char)
            return None
        match char:
            case '"':
                self._in_string = True
            case "{" | "[":
                self._stack.append((char, len(self._text) - 1))
            case "}" | "]" if self._stack:
                kind, start = self._stack.pop()
                if kind == "{" and self._is_told():
                    return "".join(self._text[start:])
            case _:
                pass
        return None

    def _feed_string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False

    def _is_told(self) -> bool:
        if len(self._stack) > 2:
            return False
        return "".join(kind for kind, _ in self._stack) in ("", "[", "{[")
