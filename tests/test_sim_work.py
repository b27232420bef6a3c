"""The simulated model with work to do: the same words, looks and changes, however it is asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.levers import article
from hotloop.actions.dialects import dialect
from hotloop.actions.schema import native_tools
from hotloop.ledger.events import StepKind
from hotloop.sim.article import STEPS
from hotloop.sim.cache import count_tokens
from hotloop.sim.script import Script
from hotloop.sim.wire import ChatRequest
from hotloop.sim.work import Change, Look, Say, Work

LOOK = Look(text="let me see", tool="read", arguments={"path": "a.py"}, answers=("x = 1",))
OTHER = Look(text="and this", tool="read", arguments={"path": "b.py"}, answers=("y = 2",))
EDIT = Change(path="a.py", content="x = 2\nz = 3", old="x = 1", new="x = 2")
WORK = Work(
    items=(
        Say(text="the plan"),
        LOOK,
        OTHER,
        Say(text="the reason"),
        EDIT,
        Say(text="all is well", asked="is it?"),
    ),
    single="One step",
)
Reply = tuple[str, list[tuple[str, dict[str, Any]]]]


def ask(messages: list[dict[str, Any]], system: str = "be quick", edits: bool = True) -> Reply:
    body = {
        "messages": [{"role": "system", "content": system}, *messages],
        "tools": native_tools(edits=edits),
    }
    text, calls = WORK.answer(msgspec.convert(body, ChatRequest))
    return text, [(name, msgspec.json.decode(arguments)) for name, arguments in calls]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(reply: Reply) -> dict[str, Any]:
    text, calls = reply
    made = [
        {"function": {"name": name, "arguments": msgspec.json.encode(fields).decode()}}
        for name, fields in calls
    ]
    return {"role": "assistant", "content": text, "tool_calls": made}


def test_all_that_needs_no_answer_goes_into_one_message() -> None:
    talk = [user("go")]
    first = ask(talk)
    assert first == (
        "the plan\nlet me see\nand this",
        [("read", {"path": "a.py"}), ("read", {"path": "b.py"})],
    )
    second = ask([*talk, said(first), user("x = 1"), user("y = 2")])
    assert second == (
        "the reason",
        [("edit", {"path": "a.py", "old": "x = 1", "new": "x = 2"})],
    )


def test_what_stands_in_the_conversation_is_not_asked_for() -> None:
    text, calls = ask([user("go; a.py:\nx = 1\nb.py:\ny = 2")])
    assert text == "the plan\nthe reason"
    assert [name for name, _ in calls] == ["edit"]
    text, calls = ask([user("go; b.py:\ny = 2")])
    assert [fields["path"] for _, fields in calls] == ["a.py"]


def test_one_thing_per_message_where_the_request_says_so() -> None:
    talk = [user("go")]
    words: list[str] = []
    for answer in ("", "x = 1", "y = 2", "", "is it?"):
        reply = ask(talk, system="One step, please")
        words.append(reply[0] or reply[1][0][0])
        talk += [said(reply), user(answer)]
    assert words == ["the plan", "let me see", "and this", "the reason", "edit"]


def test_without_the_tool_edit_the_whole_file_is_written() -> None:
    _, calls = ask([user("x = 1, y = 2")], edits=False)
    assert calls == [("write", {"path": "a.py", "content": "x = 2\nz = 3"})]


@pytest.mark.parametrize(("last", "text"), [("green; is it?", "all is well"), ("green", "")])
def test_a_verdict_is_given_where_it_is_asked_for(last: str, text: str) -> None:
    talk = [user("x = 1, y = 2")]
    assert ask([*talk, said(ask(talk)), user(last)]) == (text, [])


def test_asking_twice_uses_nothing_up() -> None:
    talk = [user("go")]
    assert ask(talk) == ask(talk)


def test_a_script_with_work_is_read_and_ends_with_the_final_reply() -> None:
    script = msgspec.convert(msgspec.to_builtins(Script(work=WORK)), Script)
    assert script == Script(work=WORK)
    request = msgspec.convert(
        {"messages": [{"role": "assistant", "content": "all is well"}, user("and?")]}, ChatRequest
    )
    assert script.answer(request, 9) == script.final


# the article's loop ------------------------------------------------------------


def tokens(item: Say | Look | Change, tool: str) -> int:
    script = Script(work=Work(items=(item,)))
    edits = tool == "edit"
    request: dict[str, Any] = {"messages": [user("?")], "tools": native_tools(edits=edits)}
    asked = msgspec.structs.replace(item, asked="") if isinstance(item, Say) else item
    work = Work(items=(asked,))
    text, calls = work.answer(msgspec.convert(request, ChatRequest))
    assert script.work is not None
    return count_tokens(text) + sum(count_tokens(name + fields) for name, fields in calls)


@pytest.mark.parametrize("iterations", [1, 2])
def test_the_work_has_the_articles_tokens(iterations: int) -> None:
    work = article.script(iterations).work
    assert work is not None
    stated = {step.kind: step for step in STEPS}
    counted = [tokens(item, "write") for item in work.items]
    plan, looks = counted[0], counted[1:6]
    assert plan == stated[StepKind.PLAN].output_tokens
    assert looks == [stated[StepKind.TOOL_CALLS].output_tokens] * 5
    rows = [stated[kind].output_tokens for kind in (StepKind.REASON, StepKind.GENERATE)]
    verify = stated[StepKind.VERIFY].output_tokens
    if iterations == 1:
        assert counted[6:] == [*rows, verify]
    else:
        assert counted[6:] == pytest.approx([*rows, verify, *rows, verify], abs=2)


@pytest.mark.parametrize("iterations", [1, 2])
def test_edits_and_whole_files_make_the_same_of_the_repository(iterations: int) -> None:
    work = article.script(iterations).work
    assert work is not None
    text = (article.REPO / article.CHANGED).read_text()
    for change in (item for item in work.items if isinstance(item, Change)):
        assert text.count(change.old) == 1
        text = text.replace(change.old, change.new)
        assert text == change.content
    assert text == article.solved()


def test_what_the_model_reacts_to_is_what_the_loop_says() -> None:
    assert article.SINGLE in dialect("native", lambda lever: lever != "several").system()
    assert article.SINGLE not in dialect("native").system()
