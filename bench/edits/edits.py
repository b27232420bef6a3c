"""Ask a model for one edit and carry it out: what it wrote, whether its old side was found."""

from __future__ import annotations

import re
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.loops.suite import TASKS
from hotloop.actions.dialects import Answer, Dialect, Held, dialect
from hotloop.actions.parse import Parsed
from hotloop.actions.types import AnyAction, Edit
from hotloop.backend.client import Client
from hotloop.backend.types import Report, TextDelta, ToolDelta
from hotloop.ledger.events import EditApplied, Event
from hotloop.tools.base import ToolContext, perform
from hotloop.tools.registry import registry
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.root import Workspace

FORMS = ("native", "schema", "schema+lark", "schema+exact", "fenced", "terse", "terse+exact")
"""Dialects. `+lark`: the schema as a grammar, which allows no white space; `+exact`: this, and the
old side of an edit is held to lines of the file."""
MAX_TOKENS = 250
_ASK = "Goal: {ask}\n\n{path}:\n{text}\n\nMake this change now, with one edit of {path}."

Found = Literal["exact", "repaired", "missed", "other", "none"]


class Request(msgspec.Struct, frozen=True):
    """A stated change of one file; `gains` stands in it afterwards, `loses` does not."""

    file: str
    ask: str
    gains: str
    loses: str = ""

    @property
    def path(self) -> str:
        """The file's path in its repository."""
        return self.file.split("/", 2)[2]

    @property
    def text(self) -> str:
        """The file as it is."""
        return (TASKS / "dev" / self.file).read_text("utf-8")

    @property
    def files(self) -> tuple[str, ...]:
        """The files of its repository."""
        root = TASKS / "dev" / self.file.split("/", 1)[0] / "repo"
        return tuple(str(one.relative_to(root)) for one in root.rglob("*.*") if one.is_file())

    def is_met(self, text: str) -> bool:
        """Say whether a new text has what was asked for."""
        flat = " ".join(text.split())
        gone = not self.loses or " ".join(self.loses.split()) not in flat
        return text != self.text and " ".join(self.gains.split()) in flat and gone


class Asked(msgspec.Struct, kw_only=True):
    """One request to the model and what came of it.

    `found` says how the old side of an edit was found; `other` is a change without one, `none` an
    answer without a change. `why` is what was wrong: an edit that is found may still change nothing
    or break the syntax, and is then not `applied`.
    """

    form: str
    file: str
    found: Found
    applied: bool
    as_asked: bool
    output_tokens: int
    wall_s: float
    said: str
    why: str = ""


def requests() -> list[Request]:
    """Return the stated changes."""
    data = tomllib.loads(Path(__file__).with_name("requests.toml").read_text("utf-8"))
    return msgspec.convert(data["requests"], list[Request])


def body(form: str, request: Request, model: str, max_tokens: int = MAX_TOKENS) -> bytes:
    """Return the request for one change in one form, as a session would send it."""
    spoken, params = _spoken(form, request)
    first = _ASK.format(ask=request.ask, path=request.path, text=request.text)
    messages = [
        {"role": "system", "content": spoken.system()},
        {"role": "user", "content": first},
    ]
    fixed = {"max_tokens": max_tokens, "stream": True, "temperature": 0}
    usage = {"stream_options": {"include_usage": True}}
    return msgspec.json.encode(
        {"model": model, **spoken.head(), "messages": messages, **fixed, **usage, **params}
    )


def _spoken(form: str, request: Request) -> tuple[Dialect, dict[str, Any]]:
    """Return the dialect, and its constraint less all actions but one edit."""
    name, _, held = form.partition("+")
    spoken = dialect(name)
    quoted = Held({request.path: request.text}, request.files) if held == "exact" else Held({})
    match name, held:
        case "schema", "":
            return spoken, _edit_schema(spoken.params())
        case "schema", _:
            grammar = spoken.params(quoted)["grammar"]
            return spoken, {"grammar": _only(grammar, 'start: "{\\"actions\\":[" edit "]}"')}
        case "terse", "":
            grammar = spoken.params()["grammar"]
            return spoken, {"grammar": _only(grammar, "root ::= edit")}
        case "terse", _:
            return spoken, {"grammar": _only(spoken.params(quoted)["grammar"], "start: edit")}
        case _:
            return spoken, spoken.params()


def _only(grammar: str, root: str) -> str:
    """Return a grammar with another first rule."""
    return re.sub(r"^(start:|root ::=).*$", lambda _: root, grammar, count=1, flags=re.MULTILINE)


def _edit_schema(params: dict[str, Any]) -> dict[str, Any]:
    actions = params["response_format"]["json_schema"]["schema"]["properties"]["actions"]
    variants = actions["items"]["anyOf"]
    edits = [one for one in variants if one["properties"]["tool"]["const"] == "edit"]
    actions |= {"items": {"anyOf": edits}, "maxItems": 1}
    return params


async def ask(client: Client, form: str, request: Request) -> Asked:
    """Ask for a change and make it in a copy. Raises BackendError."""
    spoken, _ = _spoken(form, request)
    parser, answer = spoken.parser(), Answer()
    parsed: list[Parsed] = []
    tokens, cut = 0, False
    start_s = time.monotonic()
    stream = await client.chat(body(form, request, client.model))
    async for delta in stream:
        match delta:
            case TextDelta() | ToolDelta():
                answer.feed(delta)
                parsed += parser.feed(delta)
            case Report(usage=usage) if usage is not None:
                tokens = usage.output_tokens
            case _:
                cut = cut or getattr(delta, "reason", "") == "length"
    await stream.aclose()
    wall_s = time.monotonic() - start_s
    parsed += parser.finish(cut=cut)
    asked = await carry_out(form, request, [one.action for one in parsed if one.action])
    asked.output_tokens, asked.wall_s = tokens, wall_s
    asked.said = answer.text or msgspec.json.encode(answer.calls).decode()
    asked.why = asked.why or next((one.fault for one in parsed if one.fault), "")
    return asked


async def carry_out(form: str, request: Request, actions: list[AnyAction]) -> Asked:
    """Make the first change among the actions in a copy of the file, and judge it."""
    change = next((one for one in actions if _tool(one) in ("edit", "define", "write")), None)
    asked = Asked(
        form=form,
        file=request.file,
        found="none",
        applied=False,
        as_asked=False,
        output_tokens=0,
        wall_s=0.0,
        said="",
    )
    if change is None:
        return asked
    with tempfile.TemporaryDirectory(prefix="hotloop-edits-") as folder:
        file = Path(folder) / request.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(request.text, "utf-8")
        events: list[Event] = []
        workspace = Workspace(folder)
        with Checkpoint(workspace, f"edits-{time.monotonic_ns()}") as checkpoint:
            context = ToolContext(
                workspace=workspace,
                checkpoint=checkpoint,
                output_dir=Path(folder) / "out",
                scratch=Path(folder) / "scratch",
                emit=events.append,
            )
            tool = registry()[_tool(change)]
            seen = await perform(tool, change, context)
        asked.applied = seen.ok
        asked.as_asked = seen.ok and request.is_met(file.read_text("utf-8"))
    asked.why = "" if seen.ok else seen.text.split("\n")[0]
    repaired = next((one.repaired for one in events if isinstance(one, EditApplied)), "")
    asked.found = _found(change, asked.why, repaired)
    return asked


def _tool(action: AnyAction) -> str:
    return str(type(action).__struct_config__.tag)


def _found(change: AnyAction, why: str, repaired: str) -> Found:
    if not isinstance(change, Edit):
        return "other"
    if why.startswith(("error: old is ", "error: there is no file ")):
        return "missed"
    return "repaired" if repaired else "exact"
