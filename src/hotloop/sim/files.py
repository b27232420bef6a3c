"""Read a TOML or JSON file into a struct."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from hotloop.errors import UsageError

T = TypeVar("T")


def read_data(path: Path, kind: type[T], *, inside: str = "") -> T:
    """Return what a `.json` or TOML file holds, or what it holds under `inside` if it has that.

    Raises UsageError naming file and field.
    """
    try:
        text = path.read_text("utf-8")
        data: object = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
        if isinstance(data, dict) and inside in data:
            data = cast(dict[str, object], data)[inside]
        return msgspec.convert(data, kind)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}", "correct that field and try again") from error
