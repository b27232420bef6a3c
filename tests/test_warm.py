from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from e2e_helpers import fill, processes_with
from hotloop.errors import EnvironmentFault, ToolError
from hotloop.workspace.process import ProcessResult, run_process
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.testrun import TestOutcome
from hotloop.workspace.warm import WarmRunner
from warm_session import outcome_of, pytest_in, warmly

CONTAINED = Sandbox.detect()
SANDBOXES = [
    pytest.param(Sandbox(), id="bare"),
    pytest.param(
        CONTAINED,
        id="bubblewrap",
        marks=pytest.mark.skipif(not CONTAINED.available, reason="needs bubblewrap"),
    ),
]


pytestmark = pytest.mark.usefixtures("own_pytest")


def gone(mark: str, limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while processes_with(mark) and time.monotonic() < end:
        os.sched_yield()
    return not processes_with(mark)


REPOSITORIES: dict[str, dict[str, str]] = {
    "mixed": {
        "calc.py": "def add(a, b):\n    return a - b\n",
        "test_calc.py": """\
            import pytest
            from calc import add

            def test_zero():
                assert add(1, 0) == 1

            def test_add():
                assert add(1, 2) == 3

            @pytest.mark.skip
            def test_later():
                assert False

            @pytest.mark.parametrize("n", [0, 1])
            def test_many(n):
                assert add(n, 0) == n
            """,
    },
    "conftest and fixtures": {
        "src/store.py": "def price(name):\n    return {'tea': 3}[name]\n",
        "tests/conftest.py": """\
            import pytest, store

            @pytest.fixture
            def tea():
                return store.price("tea")

            @pytest.fixture
            def milk():
                return store.price("milk")
            """,
        "tests/test_store.py": """\
            import os, sys

            def test_tea(tea, tmp_path, monkeypatch):
                monkeypatch.setenv("CUP", "1")
                (tmp_path / "x").write_text("y")
                assert tea == 3

            def test_milk(milk):
                assert milk == 1

            def test_surroundings():
                assert sys.stdin.read() == ""
                assert sys.argv[0].endswith(("pytest", "__main__.py"))
            """,
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['src']\n",
    },
    "broken import": {
        "test_a.py": "import no_such_module\n\ndef test_a():\n    pass\n",
        "test_b.py": "def test_b():\n    assert True\n",
    },
    "broken conftest": {
        "conftest.py": "def fixture(:\n",
        "test_a.py": "def test_a():\n    pass\n",
    },
    "no tests": {"test_a.py": "x = 1\n"},
    "ends its own process": {
        "test_a.py": "import os\n\ndef test_a():\n    os._exit(7)\n",
    },
    "killed by a signal": {
        "test_a.py": "import os\n\ndef test_a():\n    os.kill(os.getpid(), 9)\n",
    },
    "long output": {
        "test_a.py": "def test_a():\n    print('é\\n' * 300_000)\n    assert [1] == [2]\n",
    },
}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_outcome_is_that_of_a_cold_run(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, REPOSITORIES[name])
    # As it ends, pytest removes what older runs left in the machine's temporary folder: slow, and
    # after some runs this test's own.
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(root))
    cold = asyncio.run(outcome_of(root, run_process))

    async def again_and_again(runner: WarmRunner) -> list[TestOutcome]:
        return [await outcome_of(root, runner) for _ in range(4)]

    for warm in warmly(root, CONTAINED, again_and_again):
        for field in ("green", "status", "passed", "failed", "errors", "no_tests", "timed_out"):
            assert getattr(warm, field) == getattr(cold, field), (field, warm.output[-2000:])
        assert [one.test_id for one in warm.failures] == [one.test_id for one in cold.failures]
        assert [one.message for one in warm.failures] == [one.message for one in cold.failures]


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_each_run_sees_the_files_as_they_are_now(sandbox: Sandbox, root: Path) -> None:
    fill(root, {"test_n.py": "import n\n\ndef test_n():\n    assert n.N == 2\n"})

    async def work(runner: WarmRunner) -> list[int]:
        seen: list[int] = []
        for text in ("N = 1\n", "N = 2\n", "N = 3\n", "N = 2\n", "N = ("):
            (root / "n.py").write_text(text)
            seen.append((await pytest_in(root, runner)).status)
        return seen

    assert warmly(root, sandbox, work) == [1, 0, 1, 0, 2]


def test_runs_share_nothing(root: Path) -> None:
    text = """\
        import os, sys, pathlib, counter

        def test_alone():
            counter.N += 1
            os.environ["LEFT"] = os.environ.get("LEFT", "") + "x"
            os.chdir("/")
            assert (counter.N, os.environ["LEFT"]) == (1, "x")
        """
    fill(root, {"test_alone.py": text, "counter.py": "N = 0\n"})

    async def work(runner: WarmRunner) -> list[int]:
        return [(await pytest_in(root, runner)).status for _ in range(3)]

    assert warmly(root, CONTAINED, work) == [0, 0, 0]


def test_nothing_of_the_workspace_is_imported_before_the_fork(root: Path) -> None:
    mark = "import pathlib, os\npathlib.Path(__file__).with_suffix('.ran').write_text('')\n"
    names = ("conftest", "sitecustomize", "usercustomize", "json", "hypothesis", "test_x")
    fill(root, {f"{name}.py": mark for name in names})
    fill(root, {"pytest.ini": "[pytest]\naddopts = -p conftest\n"})

    async def work(_: WarmRunner) -> list[str]:
        return sorted(path.name for path in root.glob("*.ran"))

    assert warmly(root, CONTAINED, work) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_hanging_run_is_ended_with_all_it_started(sandbox: Sandbox, root: Path) -> None:
    mark = f"mark-{os.getpid()}-{root.parent.name}"
    code = f"import time; time.sleep(600)  # {mark}"
    hang = f"""\
        import subprocess, sys, time

        def test_hang():
            for session in (False, True):
                subprocess.Popen([sys.executable, "-c", {code!r}], start_new_session=session)
            print("begun", flush=True)
            time.sleep(600)
        """
    fill(root, {"test_hang.py": hang})

    async def work(runner: WarmRunner) -> tuple[ProcessResult, bool, int]:
        result = await pytest_in(root, runner, deadline_s=2.0)
        are_gone = gone(mark)
        fill(root, {"test_hang.py": "def test_ok():\n    pass\n"})
        return result, are_gone, (await pytest_in(root, runner)).status

    result, are_gone, status = warmly(root, sandbox, work)
    assert result.timed_out
    assert 2.0 <= result.duration_s < 10.0
    assert are_gone
    assert status == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_run_ends_though_its_daemon_goes_on(root: Path) -> None:
    mark = f"daemon-{os.getpid()}-{root.parent.name}"
    code = f"import time; time.sleep(600)  # {mark}"
    daemon = f"""\
        import subprocess, sys

        def test_daemon():
            subprocess.Popen([sys.executable, "-c", {code!r}], start_new_session=True)
        """
    fill(root, {"test_daemon.py": daemon})

    async def work(runner: WarmRunner) -> ProcessResult:
        return await pytest_in(root, runner, deadline_s=30.0)

    result = warmly(root, Sandbox(), work)
    assert (result.status, result.timed_out) == (0, False)
    assert result.duration_s < 15.0
    assert gone(mark)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_cancelled_run_is_ended_and_not_taken_for_the_next(sandbox: Sandbox, root: Path) -> None:
    mark = f"cancelled-{os.getpid()}-{root.parent.name}"
    code = f"import time; time.sleep(600)  # {mark}"
    text = f"""\
        import pathlib, subprocess, sys

        def test_hang():
            pathlib.Path("begun").write_text("")
            subprocess.run([sys.executable, "-c", {code!r}])
        """
    fill(root, {"test_it.py": text})

    async def begun() -> None:
        while not (root / "begun").exists():
            await asyncio.sleep(0.01)

    async def work(runner: WarmRunner) -> tuple[bool, int]:
        first = asyncio.create_task(pytest_in(root, runner, deadline_s=60.0))
        await asyncio.wait_for(begun(), 20)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        fill(root, {"test_it.py": "def test_red():\n    assert False\n"})
        status = (await pytest_in(root, runner)).status
        return gone(mark), status

    assert warmly(root, sandbox, work) == (True, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_closing_ends_a_run_with_all_it_started(sandbox: Sandbox, root: Path) -> None:
    mark = f"closed-{os.getpid()}-{root.parent.name}"
    code = f"import time; time.sleep(600)  # {mark}"
    text = f"""\
        import subprocess, sys

        def test_hang():
            subprocess.run([sys.executable, "-c", {code!r}])
        """
    fill(root, {"test_it.py": text})

    async def begun() -> None:
        while not processes_with(mark):
            await asyncio.sleep(0.01)

    async def work(runner: WarmRunner) -> None:
        first = asyncio.create_task(pytest_in(root, runner, deadline_s=60.0))
        await asyncio.wait_for(begun(), 20)
        await runner.close()
        await runner.close()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        with pytest.raises(ToolError, match="not running"):
            await pytest_in(root, runner)

    warmly(root, sandbox, work)
    assert gone(mark)


@pytest.mark.skipif(not CONTAINED.available, reason="needs bubblewrap")
def test_a_run_is_contained(root: Path, tmp_path: Path) -> None:
    text = f"""\
        import pathlib, pytest, socket

        def test_inside():
            pathlib.Path("left.txt").write_text("here")
            pathlib.Path({str(tmp_path / "out.txt")!r}).write_text("in a /tmp of its own")
            with pytest.raises(OSError):
                socket.create_connection(("192.0.2.1", 80), timeout=5)
        """
    fill(root, {"test_inside.py": text})
    result = warmly(root, CONTAINED, lambda runner: pytest_in(root, runner))
    assert result.status == 0, result.output
    assert (root / "left.txt").read_text() == "here"
    assert not (tmp_path / "out.txt").exists()


def test_what_cannot_be_started_is_told(root: Path) -> None:
    async def start(sandbox: Sandbox, consent: Consent, python: str) -> None:
        runner = WarmRunner(python, root, root.parent / "scratch")
        await runner.start(sandbox, consent, "model")

    with pytest.raises(EnvironmentFault, match="no sandbox"):
        asyncio.run(start(Sandbox(), Consent("deny"), sys.executable))
    with pytest.raises(ToolError, match="broke"):
        asyncio.run(start(Sandbox(), Consent("yes"), "/bin/false"))
