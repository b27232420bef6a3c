from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from e2e_helpers import BROKEN, DONE, MEND, MENDED, Home, profile, script
from hotloop import __version__
from hotloop.sim.server import serving
from hotloop.ui.cli import cli


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def imported(home: Home, code: str) -> set[str]:
    """The top-level modules in memory after some code, in a process of its own."""
    code += "\nimport json, sys; sys.stderr.write(json.dumps([*sys.modules]))"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=home.env, capture_output=True, text=True, check=True)
    return set(json.loads(ended.stderr))


def test_the_version_costs_next_to_nothing(home: Home) -> None:
    ended = home.call("--version")
    assert (ended.status, ended.out, ended.err) == (0, f"hotloop {__version__}\n", "")
    code = "import sys; sys.argv[1:] = ['--version']; from hotloop.ui.entry import main; main()"
    assert not {"click", "asyncio", "msgspec"} & imported(home, code)


def test_a_run_imports_nothing_heavy_before_its_first_request(home: Home) -> None:
    found = imported(home, "import hotloop.ui.cli, hotloop.ui.execution, hotloop.loop.agent")
    heavy = {
        *("rich", "platformdirs", "tree_sitter", "xllamacpp", "sqlite3", "tomllib"),
        *("hotloop.engine.manager", "hotloop.engine.catalog", "hotloop.loop.repair"),
        *("hotloop.levers.trials", "hotloop.sim.server", "urllib.request", "email"),
    }
    assert not heavy & found


def test_every_command_has_help(home: Home) -> None:
    names = cli.list_commands(click_context())
    assert {"run", "trace", "undo", "models", "engine", "doctor", "sim"} <= set(names)
    overview = home.call("--help")
    assert overview.status == 0
    for name in names:
        assert f"  {name} " in overview.out
        ended = home.call(name, "--help")
        assert (ended.status, ended.err) == (0, ""), name
        assert "Usage: hotloop" in ended.out


def click_context():
    import click

    return click.Context(cli)


@pytest.mark.parametrize("args", [["no-such-command"], ["--no-such-option"], ["trace", "nothing"]])
def test_an_unknown_command_is_a_usage_error(home: Home, args: list[str]) -> None:
    ended = home.call(*args)
    assert ended.status == 2
    assert ended.out == ""
    assert "Error: No such" in ended.err


def test_what_a_session_did_can_be_looked_up_and_taken_back(home: Home) -> None:
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    session = ended.end["session"]

    listed = json.loads(home.call("trace", "list", "--json").out)
    assert [(row["session"], row["status"]) for row in listed] == [(session, "solved")]

    shown = home.call("trace", "show")
    assert shown.status == 0, shown.err
    assert session in shown.out
    assert "critical path" in shown.out

    told = json.loads(home.call("trace", "show", session, "--json", "--events").out)
    assert told["session"]["model_calls"] == ended.end["model_calls"]
    kinds = [event["type"] for event in told["events"]]
    assert kinds[0] == "session.start"
    assert kinds[-1] == "session.end"

    undone = home.call("undo", "--repo", str(home.repo))
    assert (undone.status, undone.out.splitlines()[0]) == (0, "restored calc.py")
    assert home.files() == {"calc.py": BROKEN.encode()}
    again = home.call("undo", "--repo", str(home.repo))
    assert again.status == 2
    assert "there is no session to undo" in again.err


def test_a_session_that_does_not_exist(home: Home) -> None:
    for args in (["trace", "show", "9999"], ["undo", "9999", "--repo", str(home.repo)]):
        ended = home.call(*args)
        assert ended.status == 2
        assert "next:" in ended.err
        assert "Traceback" not in ended.err


def test_an_unsolved_session_says_how_to_take_its_changes_back(home: Home) -> None:
    with serving("instant", script(MEND, DONE, DONE, DONE)) as server:
        ended = home.run(server.base_url, test="false")
    assert ended.status == 1
    notes = " ".join(note["text"] for note in ended.of("note"))
    assert "left changed: calc.py; take it back with `hotloop undo`" in notes
    assert (home.repo / "calc.py").read_text() == MENDED


def test_the_doctor_speaks_of_the_model(home: Home) -> None:
    ended = home.call("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ended.out)}
    assert checks["model"]["status"] == "warn"
    assert "hotloop models pull" in checks["model"]["next_step"]
    failed = any(check["status"] == "fail" for check in checks.values())
    assert ended.status == (3 if failed else 0)


def test_the_doctor_sees_a_corrupt_model(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("1.5b", "0.5b"):
        (folder / f"qwen2.5-coder-{name}-instruct-q4_k_m.gguf").write_bytes(b"GGUF")
    ended = home.call("doctor", env={"HOTLOOP_MODELS": str(folder)})
    assert ended.status == 3
    assert "is corrupt" in ended.out


def test_an_unexpected_error_of_any_command_is_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import shutil\n"
        "def disk_usage(path):\n"
        "    raise ArithmeticError('no such number')\n"
        "shutil.disk_usage = disk_usage\n"
    )
    ended = home.call("doctor", env={"PYTHONPATH": str(tmp_path)})
    assert ended.status == 1
    [line] = ended.err.splitlines()
    assert line.startswith("hotloop: internal error: ArithmeticError: no such number")


def test_the_simulator_serves_until_it_is_stopped(home: Home) -> None:
    process = home.start("sim", "--profile", "instant")
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    ended = home.run(url, "--budget", "5", test="true")
    assert ended.end["model_calls"] >= 1
    process.terminate()
    assert process.wait(20) == 0
    home.assert_alone()


def test_thinking_apart_is_a_call_of_its_own(home: Home) -> None:
    with serving(profile(), script(DONE, MEND)) as server:
        ended = home.run(server.base_url, "--think", "apart")
    assert ended.status == 0, ended.err
    assert ended.end["model_calls"] == 2
