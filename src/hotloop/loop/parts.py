"""What the parts of a session share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotloop.config import Config
from hotloop.loop.caller import Caller
from hotloop.loop.clock import SessionClock
from hotloop.tools.base import ToolContext
from hotloop.workspace.root import Workspace
from hotloop.workspace.testcommand import TestPlan

if TYPE_CHECKING:
    from hotloop.loop.routes import Routes


class Parts(msgspec.Struct, kw_only=True):
    """One session's goal, settings and means. `plan` is None where no tests were found.

    `routes` says which endpoint is asked for what, None where there is only one.
    `is_small` says that the model is the embedded one: an engine that continues a begun answer
    and tells the probabilities of tokens, and a model too small for free tool use.
    """

    goal: str
    config: Config
    clock: SessionClock
    caller: Caller
    context: ToolContext
    plan: TestPlan | None
    output_dir: Path
    routes: Routes | None = None
    is_small: bool = False

    @property
    def workspace(self) -> Workspace:
        """Return the user's repository."""
        return self.context.workspace

    def has(self, lever: str) -> bool:
        """Say whether a lever is on."""
        return lever not in self.config.without
