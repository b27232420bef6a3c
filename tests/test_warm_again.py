"""The same run again and again: forked from one session of pytest, and still a run of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from e2e_helpers import fill
from hotloop.workspace.sandbox import Sandbox
from hotloop.workspace.warm import WarmRunner
from warm_session import pytest_in, warmly

CONTAINED = Sandbox.detect()


pytestmark = pytest.mark.usefixtures("own_pytest")


@pytest.mark.parametrize(("conftest", "starts"), [("", 2), ("X = 1\n", 7)])
def test_pytest_starts_once_for_the_runs_that_may_share_that(
    root: Path, conftest: str, starts: int
) -> None:
    text = "import os\n\ndef pytest_configure(config):\n    open({!r}, 'a').write('x')\n"
    counted = root.parent / "counted"
    fill(root.parent / "plugins", {"counting.py": text.format(str(counted))})
    fill(root, {"test_n.py": "def test_n():\n    pass\n"})
    if conftest:
        fill(root, {"conftest.py": conftest})

    async def work(runner: WarmRunner) -> list[int]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "counting", "-p", "no:cacheprovider"]
        env = {"PYTHONPATH": str(root.parent / "plugins")}
        return [
            (await runner(command, cwd=root, deadline_s=20.0, env=env)).status for _ in range(6)
        ]

    assert warmly(root, Sandbox(), work) == [0] * 6
    assert len(counted.read_text()) == starts


def test_each_run_sees_conftest_and_what_it_imports_as_they_are_now(root: Path) -> None:
    fill(root, {"test_n.py": "def test_n(two):\n    assert two == 2\n"})
    conftest = "import pytest, n\n\n@pytest.fixture\ndef two():\n    return n.N + {}\n"

    async def work(runner: WarmRunner) -> list[int]:
        seen: list[int] = []
        for number, more in ((1, 0), (2, 0), (1, 0), (1, 1), (2, 1), (0, 2)):
            fill(root, {"n.py": f"N = {number}\n", "conftest.py": conftest.format(more)})
            seen.append((await pytest_in(root, runner)).status)
        return seen

    assert warmly(root, CONTAINED, work) == [1, 0, 1, 0, 1, 0]


def test_other_arguments_in_between_are_served_too(root: Path) -> None:
    fill(root, {"test_n.py": "def test_a():\n    pass\n\ndef test_b():\n    assert False\n"})

    async def work(runner: WarmRunner) -> list[int]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        seen: list[int] = []
        for name in "aaabaabbbba":
            one = [*command, f"test_n.py::test_{name}"]
            seen.append((await runner(one, cwd=root, deadline_s=20.0)).status)
        return seen

    assert warmly(root, CONTAINED, work) == [0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0]


def test_output_of_a_run_that_was_ended_is_not_the_next_ones(root: Path) -> None:
    text = "import os\n\ndef test_a():\n    print('said' * 9)\n    {}\n"

    async def work(runner: WarmRunner) -> list[bool]:
        seen: list[bool] = []
        for end in ("os._exit(7)", "os._exit(7)", "assert False, 'x'", "os.abort()", "assert 0"):
            fill(root, {"test_a.py": text.format(end).replace("said", f"s{len(seen)}")})
            output = (await pytest_in(root, runner)).output
            seen.append(any(f"s{n}s{n}" in output for n in range(len(seen))))
        return seen

    assert warmly(root, CONTAINED, work) == [False] * 5
