"""Processes that give way: they, and what they start, get only time that nobody else wants."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from hotloop.workspace.process import run_process
from hotloop.workspace.sandbox import Consent, Sandbox
from hotloop.workspace.warm import WarmRunner

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HERE = os.nice(0)
SHOWS = "import os; print(os.nice(0)); print(open('/proc/self/autogroup').read())"
SAYS = f"""import subprocess, sys

def test_says():
    sys.stderr.write(subprocess.run([sys.executable, "-c", {SHOWS!r}], capture_output=True,
                                    text=True).stdout)
    assert False
"""


def run(folder: Path, *, gives_way: bool) -> str:
    argv = [sys.executable, "-c", f"import time; time.sleep(0.3); {SHOWS}"]
    done = run_process(argv, cwd=folder, deadline_s=20.0, gives_way=gives_way)
    return asyncio.run(done).output


@pytest.mark.skipif(sys.platform == "win32", reason="has no nice")
def test_a_process_has_a_lower_priority_only_where_it_gives_way(tmp_path: Path) -> None:
    assert run(tmp_path, gives_way=False).startswith(f"{HERE}\n")
    assert int(run(tmp_path, gives_way=True).split("\n")[0]) > HERE


@needs_linux
def test_the_runs_of_a_warm_runner_give_way_as_one_group_of_processes(tmp_path: Path) -> None:
    (tmp_path / "test_says.py").write_text(SAYS)

    async def main() -> list[str]:
        runner = WarmRunner(sys.executable, tmp_path, tmp_path / "scratch")
        await runner.start(Sandbox(), Consent("yes"), "model")
        try:
            command = [sys.executable, "-m", "pytest", "-q", "test_says.py"]
            again = [await runner(command, cwd=tmp_path, deadline_s=20.0) for _ in range(3)]
            return [one.output for one in again]
        finally:
            await runner.close()

    for output in asyncio.run(main()):
        assert f"\n{HERE + 15 if HERE <= 4 else 19}\n/autogroup-" in output
        assert "nice 15" in output or not Path("/proc/self/autogroup").exists()
