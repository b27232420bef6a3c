"""What levers must never do: change files early, leave anything behind, change the result."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_session import BROKEN, DONE, FIX, INSTANT, READ, call, repository, run, says
from hotloop.ledger.events import ToolEnd, ToolStart
from hotloop.levers import NAMES
from hotloop.levers.warm_tests import WarmTests
from hotloop.sim.profile import Fault
from hotloop.sim.script import Reply, ToolCall
from hotloop.tools.base import ToolContext
from hotloop.workspace.changes import Checkpoint
from hotloop.workspace.process import run_process
from hotloop.workspace.root import Workspace
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.standby import Standby
from hotloop.workspace.testcommand import TestPlan
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import run_tests
from hotloop.workspace.tracer import plugin_dir

CONTAINED = Sandbox.detect()
SANDBOXES = [
    pytest.param(Sandbox(), id="bare"),
    pytest.param(
        CONTAINED,
        id="bubblewrap",
        marks=pytest.mark.skipif(not CONTAINED.available, reason="needs bubblewrap"),
    ),
]
PATHS = st.sampled_from(["calc.py", "./calc.py", "note.txt", "sub/new.txt"])
TEXTS = st.sampled_from(["a", "b", "a\nb", "return a - b"])
ACTIONS = st.one_of(
    st.builds(lambda path: call("read", path=path), PATHS),
    st.builds(lambda text: call("search", pattern=text), TEXTS),
    st.builds(lambda path, text: call("write", path=path, content=text), PATHS, TEXTS),
    st.builds(lambda path, a, b: call("edit", path=path, old=a, new=b), PATHS, TEXTS, TEXTS),
    st.builds(lambda text: call("run", command=f"echo {text!r} >> note.txt"), TEXTS),
    st.just(call("list")),
    st.just(call("test")),
)
ANSWERS = st.lists(st.lists(ACTIONS, min_size=1, max_size=4), min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def tree(repo: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(repo)): path.read_bytes() for path in repo.rglob("*") if path.is_file()
    }


def after(answers: list[list[ToolCall]], without: tuple[str, ...]) -> dict[str, bytes]:
    """Return the files that a session leaves whose tests never pass, so that all is said."""
    with tempfile.TemporaryDirectory() as folder:
        replies = [*(says(*calls) for calls in answers), *[says(DONE)] * 4]
        ended = run(Path(folder), replies, test="false", without=without, yes=True)
        assert ended.outcome == "unsolved"
        return tree(ended.repo)


@given(ANSWERS, st.sets(st.sampled_from(sorted(NAMES))))
@settings(max_examples=12, deadline=None)
def test_the_tree_is_the_same_whatever_levers_are_on(
    answers: list[list[ToolCall]], without: set[str]
) -> None:
    offered = without - {"terse"}  # without it the model would be offered other tools
    assert after(answers, tuple(offered)) == after(answers, tuple(NAMES))


@given(
    st.lists(ACTIONS, min_size=1, max_size=4), st.integers(0, 40), st.sampled_from(["cut", "hang"])
)
@settings(max_examples=12, deadline=None)
def test_an_answer_that_breaks_off_changes_nothing(
    actions: list[ToolCall], tokens: int, fault: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo = repository(Path(folder))
        before = tree(repo)
        broken = says(*actions, tokens=41, fault=Fault(kind=fault, after_tokens=tokens))
        ended = run(Path(folder), [broken] * 3, repo=repo, test="false", budget_s=0.6)
        assert tree(repo) == before
        started = sorted(one.action for one in ended.of(ToolStart))
        assert started == sorted(one.action for one in ended.of(ToolEnd))


@given(st.lists(ACTIONS, min_size=1, max_size=4))
@settings(max_examples=12, deadline=None)
def test_nothing_of_a_cut_answer_has_an_effect(actions: list[ToolCall]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo = repository(Path(folder))
        before = tree(repo)
        cut = says(*actions, finish="length")
        run(Path(folder), [cut, *[says(DONE)] * 4], repo=repo, test="false")
        assert tree(repo) == before


# a test process that waits ---------------------------------------------------------------


def processes(mark: str) -> list[int]:
    """Return the processes whose command line holds a text."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in command:
                found.append(int(entry.name))
    return found


def project(tmp_path: Path, test: str) -> tuple[Path, TestPlan]:
    root = tmp_path / "work"
    root.mkdir()
    (root / "calc.py").write_text(BROKEN)
    (root / "test_calc.py").write_text(test)
    plan = detect(root, f"{sys.executable} -m pytest")
    assert plan is not None
    return root, plan


def contained(root: Path, sandbox: Sandbox) -> ContainedRunner:
    return ContainedRunner(
        sandbox=sandbox, consent=Consent("yes"), scratch=root.parent / "scratch", origin="user"
    )


GREEN = "from calc import add\n\ndef test_add():\n    assert add(2, 3) == -1\n"
RED = GREEN.replace("-1", "5") + "\ndef test_b():\n    pass\n"
NO_IMPORT = "import nowhere\n"
NO_TESTS = "x = 1\n"
SHOWS = (
    "import os, sys\n\ndef test_it():\n"
    "    assert [os.getcwd() in sys.path[:2], sys.argv[1:2], 'calc' in sys.modules] == 0\n"
)


@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize("test", [GREEN, RED, NO_IMPORT, NO_TESTS, SHOWS])
def test_a_process_that_waited_finds_what_a_new_one_finds(
    tmp_path: Path, sandbox: Sandbox, test: str
) -> None:
    root, plan = project(tmp_path, test)
    runner = contained(root, sandbox)

    async def main() -> None:
        ready = Standby(plan, runner)
        await ready.start()
        try:
            (root / "calc.py").write_text(BROKEN + "# changed while it waits\n")
            waited = await run_tests(plan, root, ready, deadline_s=30)
        finally:
            await ready.close()
        cold = await run_tests(plan, root, runner, deadline_s=30)
        assert facts(waited) == facts(cold)

    asyncio.run(main())
    assert not list((tmp_path / "scratch").glob("standby-*"))


def facts(outcome: Any) -> tuple[object, ...]:
    failures = [(one.test_id, one.message, one.excerpt) for one in outcome.failures]
    counts = (outcome.passed, outcome.failed, outcome.errors, outcome.no_tests)
    return (outcome.green, outcome.status, counts, failures)


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_process_that_is_not_wanted_leaves_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    root, plan = project(tmp_path, GREEN)

    async def main() -> None:
        ready = Standby(plan, contained(root, sandbox))
        await ready.start()
        while not list((tmp_path / "scratch").glob("standby-*.ready")):
            await asyncio.sleep(0.01)
        assert processes(str(tmp_path / "scratch"))
        await ready.close()
        await ready.close()

    asyncio.run(main())
    assert not processes(str(tmp_path / "scratch"))
    assert not list((tmp_path / "scratch").glob("standby-*"))


def test_a_waiting_process_that_died_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    root, plan = project(tmp_path, GREEN)

    async def main() -> bool:
        ready = Standby(
            msgspec.structs.replace(plan, argv=("/bin/false", "-m", "pytest")),
            contained(root, Sandbox()),
        )
        await ready.start()
        outcome = await run_tests(plan, root, ready, deadline_s=30)
        await ready.close()
        return outcome.green

    assert asyncio.run(main())


def test_a_run_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    root, plan = project(tmp_path, "import time\n\ndef test_it():\n    time.sleep(60)\n")

    async def main() -> None:
        ready = Standby(plan, contained(root, Sandbox()))
        await ready.start()
        outcome = await run_tests(plan, root, ready, deadline_s=2)
        await ready.close()
        assert outcome.timed_out
        assert not outcome.green
        assert 2 <= outcome.duration_s < 4

    asyncio.run(main())
    assert not processes(str(tmp_path / "scratch"))


def test_a_session_that_is_cancelled_leaves_no_test_process(tmp_path: Path) -> None:
    root, plan = project(tmp_path, GREEN)

    async def main() -> None:
        workspace = Workspace(root)
        with Checkpoint(workspace, "s-warm") as checkpoint:
            context = ToolContext(
                workspace=workspace,
                checkpoint=checkpoint,
                output_dir=tmp_path / "out",
                scratch=tmp_path / "scratch",
                consent=Consent("yes"),
            )
            warm = WarmTests(context, plan)
            warm.prepare()
            warm.prepare()
            while not processes(str(tmp_path / "scratch" / "standby-")):
                await asyncio.sleep(0.01)
            assert len(list((tmp_path / "scratch").glob("standby-*[!y]"))) == 1
            await warm.close()

    asyncio.run(main())
    assert not processes(str(tmp_path / "scratch"))
    assert not list((tmp_path / "scratch").glob("standby-*"))


def test_the_process_ends_with_hotloop(tmp_path: Path) -> None:
    """Its pipe has no writer any more when hotloop was killed."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = str(plugin_dir() / "hotloop_standby.py")

    async def main() -> int:
        running = asyncio.ensure_future(
            run_process([sys.executable, script, str(pipe), "0"], cwd=tmp_path, deadline_s=30)
        )
        writer = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
        os.close(writer)
        return (await running).status

    assert asyncio.run(main()) == 0


def test_a_session_ends_with_its_waiting_process(tmp_path: Path) -> None:
    root, _ = project(tmp_path, RED)
    slow = msgspec.structs.replace(INSTANT, ttft_base_s=0.5)
    replies: list[Reply] = [says(READ), says(FIX)]
    test = f"{sys.executable} -m pytest"
    ended = run(tmp_path, replies, profile=slow, repo=root, test=test)
    assert ended.outcome == "solved"
    assert not processes(f"{tmp_path}/home")
