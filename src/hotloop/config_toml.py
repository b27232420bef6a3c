"""Read a TOML file that may be hostile: a repository brings its own."""

from __future__ import annotations

import stat
from pathlib import Path

from hotloop.errors import UsageError

MOST_BYTES = 65_536


def read_toml(path: Path) -> dict[str, object]:
    """Return the content of a TOML file, empty where there is none.

    Raises UsageError for a file that cannot be read, is larger than 64 KiB, no regular file, or
    not valid TOML (with line and column).
    """
    text = _text(path)
    if text is None:
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{path}: {exc}", "correct the TOML there") from exc
    except RecursionError as exc:
        raise UsageError(f"{path}: nested too deeply", "correct the TOML there") from exc


def _text(path: Path) -> str | None:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise UsageError(f"{path} is not a file of at most 64 KiB", "move it away")
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", "check its rights") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is not UTF-8 (byte {exc.start})", "save it as UTF-8") from exc
