"""Remove what old sessions left, while this one closes: at most once an hour."""

from __future__ import annotations

import threading
import time

from hotloop import paths
from hotloop.config import Config
from hotloop.errors import HotloopError

_EVERY_S = 3600.0


def tidy_up(config: Config) -> threading.Thread | None:
    """Begin to remove old leftovers in the background; None where that was done lately.

    The thread ends with the process, done or not: a later session removes what is left.
    """
    if not _is_due():
        return None
    thread = threading.Thread(target=_prune, args=(config,), name="hotloop-prune", daemon=True)
    thread.start()
    return thread


def _is_due() -> bool:
    """Say whether it is time, and take the turn, so that sessions side by side do it once."""
    stamp = paths.state_dir() / "pruned"
    try:
        if stamp.exists() and 0 <= time.time() - stamp.stat().st_mtime < _EVERY_S:
            return False
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    except OSError:  # a folder that cannot be written to needs no tidying
        return False
    return True


def _prune(config: Config) -> None:
    from hotloop.ledger.store import Ledger
    from hotloop.workspace.prune import prune

    try:
        running = Ledger().running()
    except HotloopError:  # who runs is not known then: nothing may be removed
        return
    prune(running, keep_sessions=config.keep_sessions, keep_days=config.keep_days)
