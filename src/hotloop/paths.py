"""Where hotloop keeps its files. `HOTLOOP_HOME` puts all of them under one folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_XDG = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
}


def _base(kind: str) -> Path:
    home = os.environ.get("HOTLOOP_HOME")
    if home:
        return Path(home).expanduser().absolute() / kind
    if sys.platform == "linux":
        return _xdg_base(kind)
    import platformdirs

    dirs = platformdirs.PlatformDirs("hotloop", appauthor=False)
    return Path(
        {
            "config": dirs.user_config_dir,
            "cache": dirs.user_cache_dir,
            "data": dirs.user_data_dir,
            "state": dirs.user_state_dir,
        }[kind]
    )


def _xdg_base(kind: str) -> Path:
    """Return what platformdirs would, without the 10 ms that importing it takes.

    Source: XDG Base Directory Specification 0.8, which has relative paths ignored.
    """
    variable, default = _XDG[kind]
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else Path.home() / default) / "hotloop"


def config_dir() -> Path:
    """Return the folder of the user's `config.toml`."""
    return _base("config")


def cache_dir() -> Path:
    """Return the folder of what can be made or fetched again: capabilities, KV states."""
    return _base("cache")


def data_dir() -> Path:
    """Return the folder of what must stay: models and the ledger."""
    return _base("data")


def state_dir() -> Path:
    """Return the folder of running things: engine state, locks, logs, checkpoints."""
    return _base("state")
