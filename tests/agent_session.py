"""Sessions of the free agent against a simulated backend, in a repository of two files."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hotloop.backend.client import Client
from hotloop.backend.retry import RetryPolicy
from hotloop.config import Config
from hotloop.ledger.events import Event, Outcome, StepEnd, StepKind, TestsRun
from hotloop.loop.budget import Budget
from hotloop.loop.caller import Caller
from hotloop.loop.clock import SessionClock
from hotloop.loop.opening import Opened
from hotloop.loop.parts import Parts
from hotloop.loop.session import Session
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.script import Reply, Script, ToolCall
from hotloop.sim.server import SimServer
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace
from hotloop.workspace.sandbox import Consent

INSTANT = load_profile("instant")
GOAL = "Make the check pass: `add` in calc.py is wrong."
BROKEN = "def add(a, b):\n    return a - b\n"
FIXED = "def add(a, b):\n    return a + b\n"
_CHECK = """\
import pathlib
names = {}
exec(pathlib.Path("calc.py").read_text(), names)
assert names["add"](2, 3) == 5, "add(2, 3) is %r" % names["add"](2, 3)
"""
EventT = TypeVar("EventT", bound=Event)


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


READ = call("read", path="calc.py")
READ_CHECK = call("read", path="check.py")
FIX = call("edit", path="calc.py", old="return a - b", new="return a + b")
WRONG = call("edit", path="calc.py", old="return a - b", new="return a * b")
TEST = call("test")
DONE = call("done", message="add adds")


def says(*calls: ToolCall, text: str = "", **fields: Any) -> Reply:
    return Reply(text=text, tool_calls=calls, **fields)


def repository(root: Path) -> Path:
    repo = root / "repo"
    repo.mkdir()
    (repo / "calc.py").write_text(BROKEN)
    (repo / "check.py").write_text(_CHECK)
    return repo


class Run(msgspec.Struct, kw_only=True):
    """A session that has ended: its events and the requests that the server got."""

    outcome: Outcome
    events: list[Event]
    bodies: list[bytes]
    repo: Path
    wall_s: float
    fault: object = None

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for body in self.bodies]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.requests[-1]["messages"]

    @property
    def last_said(self) -> str:
        return str(self.messages[-1]["content"])

    @property
    def calc(self) -> str:
        return (self.repo / "calc.py").read_text()

    def of(self, kind: type[EventT]) -> list[EventT]:
        return [event for event in self.events if isinstance(event, kind)]

    def kinds(self) -> list[StepKind]:
        return [step.kind for step in sorted(self.of(StepEnd), key=lambda step: step.start_s)]


async def meet(repo: Path, base_url: str, model: str, goal: str, settings: dict[str, Any]) -> Run:
    events: list[Event] = []
    config = Config(**{"backend": base_url, "test": f"{sys.executable} check.py", **settings})
    start_s = time.monotonic()
    client = Client(base_url, model, "", session_start_s=start_s, retry=RetryPolicy(attempts=1))
    opened = Opened(client=client, start_s=start_s)
    session = Session(
        goal, Workspace(repo), config, opened, events.append, Consent("yes"), "s-test"
    )
    outcome = await session.run()
    wall_s = time.monotonic() - start_s
    await opened.close()
    return Run(
        outcome=outcome,
        events=events,
        bodies=[],
        repo=repo,
        wall_s=wall_s,
        fault=session.fault,
    )


def run(
    root: Path,
    replies: Sequence[Reply],
    *,
    profile: Profile = INSTANT,
    goal: str = GOAL,
    order: str = "turn",
    repo: Path | None = None,
    **settings: Any,
) -> Run:
    """Run a session whose model says `replies`, one per request."""

    async def main() -> Run:
        script = msgspec.convert({"replies": [], "order": order}, Script)
        script = msgspec.structs.replace(script, replies=tuple(replies))
        async with SimServer(profile, script) as server:
            ended = await meet(
                repo or repository(root), server.base_url, profile.model, goal, settings
            )
            chats = [r.body for r in server.requests if r.path.endswith("/chat/completions")]
            return msgspec.structs.replace(ended, bodies=chats)

    return asyncio.run(main())


def parts(root: Path, emit: list[Event], **settings: Any) -> Parts:
    """Return the parts of a session without a backend, for units of the loop."""
    repo = repository(root)
    workspace = Workspace(repo)
    clock = SessionClock(emit.append, Budget(20.0, time.monotonic()))
    return Parts(
        goal=settings.pop("goal", GOAL),
        config=Config(**settings),
        clock=clock,
        caller=Caller(Client("http://127.0.0.1:9/v1", "m", ""), clock),
        context=ToolContext(
            workspace=workspace,
            checkpoint=Checkpoint(workspace, "s-test"),
            output_dir=root / "out",
            scratch=root / "scratch",
        ),
        plan=None,
        output_dir=root / "out",
    )


def verdicts(ended: Run) -> list[bool]:
    """Return whether each run of the tests was green."""
    return [one.green for one in ended.of(TestsRun)]
