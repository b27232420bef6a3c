"""The text of a file, and how to write it back: encoding, byte order mark and line endings."""

from __future__ import annotations

import codecs
import io

import msgspec

from hotloop.errors import ToolError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class TextFile(msgspec.Struct, frozen=True):
    """A decoded file. `text` has "\\n" line endings; `raw` is what the file holds."""

    text: str
    raw: bytes
    encoding: str = "utf-8"
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Return the bytes of `text` in this file's encoding, mark and line endings.

        Where the file mixes line endings, unchanged lines at its beginning and end keep theirs.
        Raises ToolError for a character that the encoding does not have.
        """
        try:
            return self.mark + self._with_endings(unify(text)).encode(self.encoding)
        except UnicodeEncodeError as error:
            character = error.object[error.start : error.end]
            raise ToolError(
                f"the file's encoding {self.encoding} has no {character!r}",
                "use characters of that encoding",
            ) from error

    def _with_endings(self, text: str) -> str:
        original = self.raw[len(self.mark) :].decode(self.encoding)
        windows, total = original.count("\r\n"), original.count("\n")
        if windows == 0:
            return text
        if windows == total:
            return text.replace("\n", "\r\n")
        return _merge_endings(original, text, "\r\n" if windows * 2 > total else "\n")


def unify(text: str) -> str:
    """Return `text` with "\\n" line endings and no byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def decode(data: bytes, name: str) -> TextFile:
    """Decode a file's bytes: UTF-8, UTF-16 with a mark, or what a PEP 263 line declares.

    Raises ToolError, naming `name`, for what is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data, name, encoding, mark)
    if b"\0" in data:
        raise _not_text(name)
    return _decode(data, name, "utf-8", b"")


def _decode(data: bytes, name: str, encoding: str, mark: bytes) -> TextFile:
    body = data[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        declared = "" if mark else _declared_encoding(body)
        if not declared:
            raise _not_text(name) from None
        encoding, text = declared, body.decode(declared)
    return TextFile(text.replace("\r\n", "\n"), data, encoding, mark)


def _not_text(name: str) -> ToolError:
    return ToolError(f"{name} is not text (binary, or in an unknown encoding)", "leave it alone")


def _declared_encoding(data: bytes) -> str:
    """Return the encoding that a `coding:` line declares and that fits `data`, or ""."""
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return encoding if data.decode(encoding).encode(encoding) == data else ""
    except (SyntaxError, UnicodeError, LookupError):
        return ""


def _merge_endings(original: str, text: str, usual: str) -> str:
    before, after = original.split("\n"), text.split("\n")
    plain = [line.removesuffix("\r") for line in before]
    limit = min(len(before), len(after))
    head = next((i for i in range(limit) if plain[i] != after[i]), limit)
    tail = next((i for i in range(limit - head) if plain[-1 - i] != after[-1 - i]), limit - head)
    changed = after[head : len(after) - tail]
    # The last element has no ending of its own unless more lines follow it.
    marked = [line + usual[:-1] for line in changed]
    if tail == 0 and marked:
        marked[-1] = changed[-1]
    return "\n".join([*before[:head], *marked, *before[len(before) - tail :]])
