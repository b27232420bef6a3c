"""Remove what old sessions left, while this one closes; nobody waits for it."""

from __future__ import annotations

import threading

from hotloop.config import Config
from hotloop.errors import HotloopError


def tidy_up(config: Config) -> threading.Thread:
    """Begin to remove old leftovers in the background, and return the thread that does.

    It ends with the process, done or not: what is left then is removed at a later session's end.
    """
    thread = threading.Thread(target=_prune, args=(config,), name="hotloop-prune", daemon=True)
    thread.start()
    return thread


def _prune(config: Config) -> None:
    from hotloop.ledger.store import Ledger
    from hotloop.workspace.prune import prune

    try:
        running = Ledger().running()
    except HotloopError:  # who runs is not known then: nothing may be removed
        return
    prune(running, keep_sessions=config.keep_sessions, keep_days=config.keep_days)
