"""The actions a model can ask for. Their fields are the tools' arguments."""

from __future__ import annotations

import msgspec


class Action(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="tool", forbid_unknown_fields=False
):
    """Base of all actions."""


class Read(Action, frozen=True, kw_only=True, tag="read"):
    """Read a file, or its lines `start` to `end` (1-based, inclusive)."""

    path: str
    start: int | None = None
    end: int | None = None


class List(Action, frozen=True, kw_only=True, tag="list"):
    """List a folder."""

    path: str = "."


class Search(Action, frozen=True, kw_only=True, tag="search"):
    """Search file contents by regular expression."""

    pattern: str
    path: str = "."


class Edit(Action, frozen=True, kw_only=True, tag="edit"):
    """Replace `old`, which must be in the file once, with `new`."""

    path: str
    old: str
    new: str


class Write(Action, frozen=True, kw_only=True, tag="write"):
    """Create a file or replace all of it."""

    path: str
    content: str


class Define(Action, frozen=True, kw_only=True, tag="define"):
    """Put whole definitions (functions, classes) into a file: same name replaces, new is added."""

    path: str
    code: str


class Run(Action, frozen=True, kw_only=True, tag="run"):
    """Run a shell command in the workspace."""

    command: str


class Test(Action, frozen=True, kw_only=True, tag="test"):
    """Run the project's tests, all or those that `target` names."""

    target: str = ""


class Done(Action, frozen=True, kw_only=True, tag="done"):
    """End the session and say what was done."""

    message: str = ""


AnyAction = Read | List | Search | Edit | Write | Define | Run | Test | Done


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What came back from an action, as the model is told and as the user is shown.

    `text` is capped for the model; `full_path` names the file that keeps the whole output.
    `summary` is one line for people. `data` carries what later steps need (a test outcome).
    """

    tool: str
    ok: bool
    text: str
    summary: str = ""
    full_path: str = ""
    data: object = None
