"""Put a file's new text in place, and say what changed: shared by `edit`, `write`, `define`."""

from __future__ import annotations

import difflib
import warnings

import msgspec

from hotloop.errors import ToolError
from hotloop.ledger.events import EditApplied
from hotloop.tools.base import ToolContext
from hotloop.workspace.text import TextFile

_CONTEXT_LINES = 2


class Applied(msgspec.Struct, frozen=True):
    """What changed: line counts, and the changed part of the new text with 2 lines around it."""

    added_lines: int
    removed_lines: int
    shown: str


def apply_text(
    context: ToolContext, path: str, old: TextFile, new_text: str, *, repaired: str = ""
) -> Applied:
    """Write `new_text` over the file that `old` was read from, and emit `EditApplied`.

    Encoding, line endings and mode are kept. Raises ToolError when the file has meanwhile
    changed, or when it is Python that parsed before and would not any more; it is then as it was.
    """
    fault = new_syntax_error(path, old.text, new_text)
    if fault:
        raise ToolError(f"not applied, {path} would not parse: {fault}", "repeat with valid code")
    context.checkpoint.write(path, old.encode(new_text), expected=old.raw)
    return record(context, path, old.text, new_text, repaired=repaired)


def record(
    context: ToolContext, path: str, old_text: str, new_text: str, *, repaired: str = ""
) -> Applied:
    """Emit `EditApplied` for a change that was made, and return what changed."""
    applied = _compare(old_text, new_text)
    context.emit(
        EditApplied(
            t_s=context.now_s(),
            action=context.action,
            path=context.workspace.relative(path),
            added_lines=applied.added_lines,
            removed_lines=applied.removed_lines,
            repaired=repaired,
        )
    )
    return applied


def new_syntax_error(path: str, old_text: str, new_text: str) -> str:
    """Return the syntax error that `new_text` brings to Python code, "" if there is none."""
    if not path.endswith((".py", ".pyi")):
        return ""
    fault = syntax_error(path, new_text)
    return fault if fault and not syntax_error(path, old_text) else ""


def syntax_error(path: str, source: str) -> str:
    """Return where and why Python source does not compile, "" if it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}" + (f": `{line}`" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def split_lines(text: str) -> list[str]:
    """Return the lines of `text`, without the empty one after a final line ending."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _compare(old_text: str, new_text: str) -> Applied:
    old, new = split_lines(old_text), split_lines(new_text)
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = next((i for i in range(limit - head) if old[-1 - i] != new[-1 - i]), limit - head)
    removed, added = old[head : len(old) - tail], new[head : len(new) - tail]
    if removed and added:
        matcher = difflib.SequenceMatcher(None, removed, added)
        kept = sum(block.size for block in matcher.get_matching_blocks())
    else:
        kept = 0
    first = max(head - _CONTEXT_LINES, 0)
    shown = new[first : len(new) - tail + _CONTEXT_LINES]
    return Applied(len(added) - kept, len(removed) - kept, "\n".join(shown))
