"""Where hotloop keeps its files. `HOTLOOP_HOME` puts all of them under one folder."""

from __future__ import annotations

import os
from pathlib import Path


def _base(kind: str) -> Path:
    home = os.environ.get("HOTLOOP_HOME")
    if home:
        return Path(home).expanduser() / kind
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
