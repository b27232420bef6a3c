from __future__ import annotations

import fcntl
import os
import pty
import signal
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bad_input import assert_interrupted, contained
from e2e_helpers import (
    BROKEN,
    CHECK,
    DONE,
    LIMIT_S,
    MEND,
    MENDED,
    Home,
    finish,
    profile,
    script,
    until,
)
from hotloop.sim.server import serving


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.assert_alone()


SLOW_START = profile(ttft_base_s=100.0)


SLOW_STREAM = profile(decode_tok_s=2.0)


def sleeping(home: Home) -> bool:
    return any(_command(pid).startswith(b"sleep") for pid in home.processes())


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_before_the_first_byte(home: Home, number: signal.Signals) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup, and stays so")
    with serving(SLOW_START, script(MEND)) as server:
        process = home.start(*home.run_args(server.base_url))
        until(lambda: server.requests)
        process.send_signal(number)
        ended = finish(process)
    assert_interrupted(home, ended)


def test_interrupted_in_the_middle_of_the_stream(home: Home) -> None:
    with serving(SLOW_STREAM, script(MEND)) as server:
        process = home.start(*home.run_args(server.base_url))
        until(lambda: server.requests and server.requests[0].first_token_s is not None)
        process.send_signal(signal.SIGINT)
        ended = finish(process)
        until(lambda: server.requests[0].disconnect_s is not None)
    assert_interrupted(home, ended)


@contained
def test_interrupted_during_the_tests(
    home: Home, without_bwrap: dict[str, str], contained: bool
) -> None:
    env = {} if contained else without_bwrap
    with serving("instant", script(MEND, DONE)) as server:
        process = home.start(*home.run_args(server.base_url, test="sleep 1001"), env=env)
        until(lambda: sleeping(home))
        process.send_signal(signal.SIGINT)
        ended = finish(process)
    assert ended.status == 130
    assert ended.end["outcome"] == "error"


def test_an_impatient_second_interrupt_does_not_break_the_cleaning_off(
    home: Home, without_bwrap: dict[str, str]
) -> None:
    stubborn = "trap '' TERM INT HUP; sleep 1001; sleep 1001"
    with serving(SLOW_START, script(MEND)) as server:
        process = home.start(*home.run_args(server.base_url, test=stubborn), env=without_bwrap)
        until(lambda: sleeping(home))
        for _ in range(5):
            process.send_signal(signal.SIGINT)
        ended = finish(process)
    assert_interrupted(home, ended)


def takes_signals(pid: int) -> bool:
    """Whether the command has left the interpreter's own start behind."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = dict(line.split(":\t") for line in lines if line.startswith("Sig"))
    return bool((int(masks["SigBlk"], 16)) & 1 << signal.SIGTERM - 1)


@pytest.mark.parametrize("moment_s", [number * 0.045 for number in range(8)])
def test_interrupted_at_any_moment(home: Home, moment_s: float) -> None:
    with serving(profile(ttft_base_s=0.05), script(MEND)) as server:
        process = home.start(*home.run_args(server.base_url))
        until(lambda: takes_signals(process.pid))
        time.sleep(moment_s)  # not to wait for something: to strike anywhere
        process.send_signal(signal.SIGINT)
        ended = finish(process)
    assert (ended.status, ended.end["outcome"]) in ((130, "error"), (0, "solved"))
    assert ended.err == ""
    assert home.files() in ({"calc.py": BROKEN.encode()}, {"calc.py": MENDED.encode()})


STOP_AT_SYNC = """
import os, signal
real, left = os.fsync, int(os.environ["STOP_AT"])
def fsync(descriptor):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), getattr(signal, os.environ["STOP_WITH"]))
    return real(descriptor)
os.fsync = fsync
"""


@pytest.fixture
def at_sync(tmp_path: Path) -> Callable[[int, str], dict[str, str]]:
    """Environment with which the command gets a signal when it syncs a file for the nth time."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(STOP_AT_SYNC)
    return lambda nth, name: {"PYTHONPATH": str(folder), "STOP_AT": str(nth), "STOP_WITH": name}


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_interrupted_during_an_edit(
    home: Home, at_sync: Callable[[int, str], dict[str, str]], nth: int
) -> None:
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, env=at_sync(nth, "SIGINT"))
    assert ended.status == 130, ended.err
    assert '"text":"interrupted"' in ended.out
    assert ended.end["outcome"] == "error"
    assert "Traceback" not in ended.err
    assert home.files() in ({"calc.py": BROKEN.encode()}, {"calc.py": MENDED.encode()})


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_killed_during_an_edit(
    home: Home, at_sync: Callable[[int, str], dict[str, str]], nth: int
) -> None:
    with serving("instant", script(MEND)) as server:
        killed = home.run(server.base_url, env=at_sync(nth, "SIGKILL"))
        assert killed.status == -signal.SIGKILL
        left = home.files()
        assert left["calc.py"] == BROKEN.encode()
        assert len(left) <= 2
        home.assert_alone()
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err
    assert home.files() == {"calc.py": MENDED.encode()}
    for litter in set(left) - {"calc.py"}:
        assert f"removed {litter}" in ended.err
    undone = home.call("undo", "--repo", str(home.repo))
    assert undone.status == 0, undone.err
    assert home.files() == {"calc.py": BROKEN.encode()}


def test_a_damaged_journal_does_not_stop_the_next_start(home: Home) -> None:
    folder = home.folder / "state" / "checkpoints"
    (folder / ".open").mkdir(parents=True)
    (folder / ".open" / "0101-000000-dead").touch()
    (folder / "0101-000000-dead").mkdir()
    (folder / "0101-000000-dead" / "journal.jsonl").write_text("garbage\n")
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err
    assert "is damaged" in ended.err


def test_the_terminal_is_left_as_it_was(home: Home) -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    args = [arg for arg in home.run_args("URL") if arg != "--json"]
    with serving(SLOW_STREAM, script(MEND)) as server:
        args[args.index("URL")] = server.base_url
        process = home.start(
            *args, stdin=follower, stdout=follower, stderr=follower, env={"TERM": "xterm"}
        )
        shown = b""
        while b"\x1b[?25l" not in shown:
            shown += os.read(leader, 4096)
        process.send_signal(signal.SIGINT)
        os.set_blocking(leader, False)
        until(lambda: process.poll() is not None)
        with open(leader, "rb", buffering=0, closefd=False) as rest:
            shown += rest.read() or b""
    assert process.returncode == 130
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)


def test_interrupted_at_the_question_for_consent(home: Home, without_bwrap: dict[str, str]) -> None:
    status, shown = asked(home, without_bwrap, b"\x03")
    assert status == 130
    assert b"Run without a sandbox" in shown
    assert home.files()["calc.py"] == BROKEN.encode()


def test_consent_given_at_the_question(home: Home, without_bwrap: dict[str, str]) -> None:
    status, _ = asked(home, without_bwrap, b"y\n")
    assert status == 0
    assert home.files()["calc.py"] == MENDED.encode()


def asked(home: Home, env: dict[str, str], answer: bytes) -> tuple[int, bytes]:
    """Run on a terminal of its own and answer each question for consent; return the screen too."""
    home.write(".hotloop.toml", f'test = "{CHECK}"\n')
    leader, follower = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    with serving("instant", script(MEND)) as server:
        args = home.run_args(server.base_url, test="")
        args.remove("--json")
        streams = {"stdin": follower, "stdout": follower, "stderr": follower}
        process = home.start(
            *args, **streams, env={**env, "TERM": "xterm"}, preexec_fn=own_terminal
        )
        os.close(follower)
        shown, answered = b"", 0
        while chunk := read_terminal(leader):
            shown += chunk
            if shown.count(b"[y/N]") > answered:
                answered += 1
                os.write(leader, answer)
        os.close(leader)
        return process.wait(LIMIT_S), shown


def read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # the last process has closed its side
        return b""
