"""Read a TOML or JSON file into a struct."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from hotloop.errors import UsageError

T = TypeVar("T")


def read_data(path: Path, kind: type[T]) -> T:
    """Return what a `.json` or TOML file holds. Raises UsageError naming file and field."""
    try:
        text = path.read_text("utf-8")
        data: object = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
        return msgspec.convert(data, kind)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}", "correct that field and try again") from error
