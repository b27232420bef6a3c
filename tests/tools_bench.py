"""A workspace and what tools need to run in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hotloop.actions.types import (
    Action,
    Edit,
    Observation,
)
from hotloop.ledger.events import Event
from hotloop.tools.base import ToolContext, perform
from hotloop.tools.registry import registry
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent, Sandbox

SANDBOX = Sandbox.detect()


SOURCE = """\
import os


def add(a, b):
    return a - b


class Shop:
    def total(self, items):
        result = 0
        for item in items:

            result += item.price
        return result

    def label(self):
        return 'the shop'
"""


class Bench:
    """A workspace with the tools, as the loop would use them."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "repo"
        self.root.mkdir()
        self.events: list[Event] = []
        workspace = Workspace(self.root)
        self.context = ToolContext(
            workspace=workspace,
            checkpoint=Checkpoint(workspace, "session"),
            output_dir=tmp_path / "out",
            scratch=tmp_path / "scratch",
            sandbox=SANDBOX,
            consent=Consent("yes"),
            emit=self.events.append,
            now_s=lambda: 1.5,
            action="a1",
        )
        self.put("shop.py", SOURCE)

    def put(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())

    def get(self, name: str = "shop.py") -> str:
        return (self.root / name).read_bytes().decode()

    def do(self, action: Action) -> Observation:
        tool = registry()[type(action).__struct_config__.tag]  # pyright: ignore[reportArgumentType]
        return asyncio.run(perform(tool, action, self.context))

    def edit(self, old: str, new: str, path: str = "shop.py") -> Observation:
        return self.do(Edit(path=path, old=old, new=new))
