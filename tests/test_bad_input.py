from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e_helpers import (
    BROKEN,
    CHECK,
    DONE,
    LIMIT_S,
    MEND,
    MENDED,
    Ended,
    Home,
    call,
    finish,
    profile,
    script,
    until,
)
from hotloop.sim.profile import Fault
from hotloop.sim.script import Reply, ToolCall
from hotloop.sim.server import serving

HAS_BWRAP = shutil.which("bwrap") is not None


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.assert_alone()


def assert_fails(home: Home, ended: Ended, status: int, *says: str) -> None:
    """A clear error with its next step, and the user's files as they were."""
    assert ended.status == status, ended.err
    assert ended.end["outcome"] == "error"
    assert "Traceback" not in ended.err
    assert "next:" in ended.err
    for text in says:
        assert text in ended.err
    assert home.files() == {"calc.py": BROKEN.encode()}


# the endpoint -----------------------------------------------------------------


def test_endpoint_down(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ended = home.run(f"http://127.0.0.1:{port}/v1")
    assert_fails(home, ended, 3, "nothing listens at", "(3 attempts)", "start the server")
    assert ended.err.count("again in") == 2


def test_wrong_key(home: Home) -> None:
    with serving(profile(api_key="right-key-0123456789"), script(MEND)) as server:
        ended = home.run(server.base_url, env={"OPENAI_API_KEY": "wrong-key-0123456789"})
    assert_fails(home, ended, 3, "refuses the key", "check the value of OPENAI_API_KEY")
    assert "wrong-key" not in ended.err + ended.out
    assert len(server.requests) == 1


def test_no_key(home: Home) -> None:
    with serving(profile(api_key="right-key-0123456789"), script(MEND)) as server:
        ended = home.run(server.base_url)
    assert_fails(home, ended, 3, "the endpoint wants a key: set OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("kind", "says"), [("http_429", "busy, HTTP 429"), ("http_500", "HTTP 500")]
)
def test_a_busy_or_failing_endpoint_is_asked_again(home: Home, kind: str, says: str) -> None:
    faults = (Fault(kind=kind, at=(0, 1), retry_after_s=0.05),)  # pyright: ignore[reportArgumentType]
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err
    assert ended.err.count(says) == 2
    assert ended.end["model_calls"] == 1
    assert [request.status for request in server.requests[:2]] == [int(kind[-3:])] * 2


@pytest.mark.parametrize(
    ("kind", "says"), [("http_429", "busy, HTTP 429"), ("http_500", "HTTP 500")]
)
def test_a_busy_or_failing_endpoint_is_given_up(home: Home, kind: str, says: str) -> None:
    faults = (Fault(kind=kind, rate=1.0, retry_after_s=0.05),)  # pyright: ignore[reportArgumentType]
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url, "--dialect", "native")
    assert_fails(home, ended, 3, says, "(3 attempts)")
    assert len(server.requests) == 3


def test_an_endpoint_that_asks_for_an_hour(home: Home) -> None:
    faults = (Fault(kind="http_429", rate=1.0, retry_after_s=3600.0),)
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url)
    assert_fails(home, ended, 3, "it asks to wait 3600 s")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "says"), [("cut", "was cut off"), ("broken_json", "not a chat completion")]
)
def test_a_stream_that_breaks_in_the_middle(home: Home, kind: str, says: str) -> None:
    faults = (Fault(kind=kind, rate=1.0, after_tokens=3),)  # pyright: ignore[reportArgumentType]
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url)
    assert_fails(home, ended, 3, says)
    assert len(server.requests) == 1


def test_a_web_page_for_an_answer(home: Home) -> None:
    faults = (Fault(kind="html", rate=1.0),)
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url)
    assert_fails(home, ended, 3, "web page", "most end in /v1")


def test_a_silent_endpoint_is_over_budget(home: Home) -> None:
    faults = (Fault(kind="hang", rate=1.0, after_tokens=2),)
    with serving(profile(faults=faults), script(MEND)) as server:
        ended = home.run(server.base_url, "--budget", "0.6")
    assert (ended.status, ended.end["outcome"]) == (1, "over_budget")
    assert home.files() == {"calc.py": BROKEN.encode()}


# what the model asks for ---------------------------------------------------------


def told(server_bodies: list[bytes]) -> str:
    """What the model was told in the last request, as text."""
    return json.dumps(json.loads(server_bodies[-1])["messages"], ensure_ascii=False)


def meets(home: Home, *replies: Reply, args: tuple[str, ...] = ()) -> str:
    """Run with replies before the one that mends; return what the model was told of them."""
    with serving("instant", script(*replies, MEND)) as server:
        ended = home.run(server.base_url, *args)
        bodies = [request.body for request in server.requests if request.body]
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err + ended.out
    assert (home.repo / "calc.py").read_text() == MENDED
    return told(bodies)


def test_arguments_that_are_broken_json(home: Home) -> None:
    broken = Reply(tool_calls=(ToolCall(name="read", arguments='{"path": "calc'),))
    assert "JSON" in meets(home, broken)


def test_an_unknown_tool(home: Home) -> None:
    seen = meets(home, call("teleport", where="home"))
    assert "teleport" in seen
    assert "read" in seen


def test_an_argument_of_the_wrong_type(home: Home) -> None:
    assert "path" in meets(home, call("read", path=["calc.py"]))


def test_paths_outside_the_workspace(home: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret content\n")
    (home.repo / "way-out").symlink_to(tmp_path)
    seen = meets(
        home,
        call("read", path="../secret.txt"),
        call("read", path=str(secret)),
        call("read", path="way-out/secret.txt"),
        call("write", path="../secret.txt", content="overwritten"),
        call("write", path=".git/hooks/pre-commit", content="#!/bin/sh\n"),
        call("edit", path="way-out/secret.txt", old="secret", new="x"),
    )
    assert seen.count("is outside the workspace") >= 5
    assert "belongs to git" in seen
    assert "the secret content" not in seen
    assert secret.read_text() == "the secret content\n"


def test_binary_and_huge_files(home: Home) -> None:
    binary = bytes(range(256)) * 64
    (home.repo / "image.png").write_bytes(binary)
    with (home.repo / "huge.txt").open("wb") as file:
        file.write(b"first line\nsecond line\n")
        file.truncate(3 << 30)
    seen = meets(
        home,
        call("read", path="image.png"),
        call("read", path="huge.txt"),
        call("read", path="huge.txt", start=1, end=2),
        call("edit", path="image.png", old="a", new="b"),
        call("edit", path="huge.txt", old="first", new="b"),
        call("search", pattern="second"),
    )
    assert "too large to read whole" in seen
    assert "binary" in seen
    assert "second line" in seen
    assert (home.repo / "image.png").read_bytes() == binary


def test_an_answer_with_nothing_in_it(home: Home) -> None:
    meets(home, Reply(text=""))


def test_a_model_that_repeats_itself_is_stopped(home: Home) -> None:
    with serving("instant", script(*[call("read", path="calc.py")] * 50)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (1, "unsolved")
    assert "repeats itself" in ended.err
    assert len(server.requests) < 10


# commands -------------------------------------------------------------------------


@pytest.fixture
def without_bwrap(home: Home, tmp_path: Path) -> dict[str, str]:
    """A PATH on which there is all that is needed but bubblewrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "grep", "sleep", "setsid", "git", "touch", "cat"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    return {"PATH": str(folder)}


contained = pytest.mark.parametrize(
    "contained",
    [pytest.param(True, marks=pytest.mark.skipif(not HAS_BWRAP, reason="no bwrap")), False],
)


@contained
def test_tests_that_hang_and_fork(
    home: Home, without_bwrap: dict[str, str], contained: bool
) -> None:
    hang = "setsid sleep 1000 & (sleep 1000 &) ; trap '' TERM; sleep 1000; sleep 1000"
    env = {} if contained else without_bwrap
    with serving(profile(ttft_base_s=100.0), script(MEND)) as server:
        ended = home.run(server.base_url, "--budget", "1", test=hang, env=env)
    assert (ended.status, ended.end["outcome"]) == (1, "over_budget"), ended.err
    assert "fewer tests with --test" in ended.err
    assert home.files() == {"calc.py": BROKEN.encode()}


@contained
def test_tests_that_leave_a_daemon(
    home: Home, without_bwrap: dict[str, str], contained: bool
) -> None:
    daemon = f"(setsid sleep 1000 >/dev/null 2>&1 &); {CHECK}"
    env = {} if contained else without_bwrap
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, test=daemon, env=env)
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err


@contained
def test_a_command_that_cannot_be_started(
    home: Home, without_bwrap: dict[str, str], contained: bool
) -> None:
    env = {} if contained else without_bwrap
    with serving("instant", script(MEND, DONE, DONE, DONE)) as server:
        ended = home.run(server.base_url, test="no-such-test-runner --all", env=env)
    assert (ended.status, ended.end["outcome"]) == (1, "unsolved"), ended.err
    assert "no-such-test-runner" in ended.out


def test_without_a_sandbox_there_has_to_be_consent(
    home: Home, without_bwrap: dict[str, str]
) -> None:
    home.write("test_calc.py", "import pathlib\npathlib.Path('ran').touch()\n")
    before = home.files()
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, test="", env=without_bwrap)
    assert ended.status == 3
    assert ended.end["outcome"] == "error"
    assert "bubblewrap" in ended.err
    assert "--yes" in ended.err
    assert home.files() == before


def test_the_users_own_test_command_is_consent_and_yes_is(
    home: Home, without_bwrap: dict[str, str]
) -> None:
    home.write("Makefile", f"test:\n\t{CHECK}\n")
    with serving("instant", script(MEND)) as server:
        own = home.run(server.base_url, env=without_bwrap)
        assert own.status == 0, own.err
        home.write("calc.py", BROKEN)
        yes = home.run(server.base_url, "--yes", env=without_bwrap, test='sh -c "' + CHECK + '"')
    assert yes.status == 0, yes.err


def test_a_test_command_of_the_repository_is_not_the_users(
    home: Home, without_bwrap: dict[str, str]
) -> None:
    home.write(".hotloop.toml", 'test = "touch ran; grep -q nothing calc.py"\n')
    before = home.files()
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, test="", env=without_bwrap)
        assert ended.status == 3
        assert "touch ran" in ended.err
        assert "bubblewrap" in ended.err
        assert home.files() == before
        allowed = home.run(server.base_url, "--yes", test="", env=without_bwrap)
    assert allowed.status != 3
    assert "ran" in home.files()


def test_no_tests_found(home: Home) -> None:
    with serving("instant", script(MEND, DONE)) as server:
        ended = home.run(server.base_url, test="")
    assert (ended.status, ended.end["outcome"]) == (1, "unsolved")
    assert "no tests found" in ended.err
    assert "--test" in ended.err
    assert (home.repo / "calc.py").read_text() == MENDED


# the disk ---------------------------------------------------------------------------


def test_a_file_size_limit_at_the_edit(home: Home) -> None:
    large = BROKEN + "# filler\n" * 150_000
    home.write("calc.py", large)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, preexec_fn=limit)
    assert home.files() == {"calc.py": large.encode()}
    home.write("calc.py", BROKEN)
    assert_fails(home, ended, 3, "the disk is full", "free disk space")


def can_mount() -> bool:
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="a small file system cannot be mounted here")
@pytest.mark.parametrize("full", ["repository", "home"])
def test_a_full_disk_at_the_edit(home: Home, full: str) -> None:
    """In a mount namespace of its own, so that nothing stays mounted."""
    folder = home.repo if full == "repository" else home.folder
    home.folder.mkdir(exist_ok=True)
    setup = (
        'mount -t tmpfs -o size=200k tmpfs "$1"; cp -p "$2" "$3"; cat /dev/zero >"$1/filler";'
        ' shift 3; "$@"; status=$?; printf "\\nLEFT "; ls -A . | tr "\\n" " "; cat calc.py;'
        " exit $status"
    )
    calc = home.folder.parent / "calc.py"
    calc.write_text(BROKEN)
    before = ("unshare", "-m", "sh", "-c", setup, "sh", str(folder), str(calc), str(home.repo))
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, before=before, cwd=home.repo)
    lines, _, left = ended.out.partition("\nLEFT ")
    assert left.removeprefix("calc.py ").removeprefix("filler ") == BROKEN
    assert_fails(home, Ended(ended.status, lines, ended.err), 3, "the disk is full")


def test_a_ledger_that_cannot_be_written_does_not_stop_the_work(home: Home) -> None:
    (home.folder).mkdir()
    (home.folder / "data").write_text("in the way")
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (0, "solved"), ended.err
    assert "ledger" in ended.err


# interruptions ------------------------------------------------------------------------

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


def assert_interrupted(home: Home, ended: Ended) -> None:
    assert ended.status == 130, ended.err
    assert ended.end["outcome"] == "error"
    assert ended.err == ""
    assert home.files() == {"calc.py": BROKEN.encode()}


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


# the model file ---------------------------------------------------------------------------

NO_NETWORK = {
    "HF_ENDPOINT": "http://127.0.0.1:9",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


def embedded(home: Home, *args: str, env: dict[str, str] | None = None) -> Ended:
    return home.call(
        *("run", "Mend add", "--json", "--repo", str(home.repo), "--backend", "embedded"),
        *("--test", CHECK, *args),
        env={**NO_NETWORK, **(env or {})},
    )


def test_a_corrupt_model_file(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"<html>not found</html>")
    ended = embedded(home, "--model", str(file))
    assert_fails(home, ended, 3, "is not a GGUF file", str(file))


def test_a_corrupt_model_in_the_users_folder(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    name = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    (folder / name).write_bytes(b"GGUF but no model")
    ended = embedded(home, "--model", "qwen2.5-coder-0.5b", env={"HOTLOOP_MODELS": str(folder)})
    assert_fails(home, ended, 3, str(folder), "instead of")
    assert (folder / name).read_bytes() == b"GGUF but no model"


def test_a_model_file_that_is_gguf_by_name_only(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(4096))
    ended = embedded(home, "--model", str(file))
    assert_fails(home, ended, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_the_model_is_fetched(home: Home, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = home.start(
            *("run", "Mend add", "--json", "--repo", str(home.repo), "--backend", "embedded"),
            *("--model", "qwen2.5-coder-0.5b"),
            env={**NO_NETWORK, "HF_ENDPOINT": url},
        )
        connection, _ = silent.accept()
        connection.recv(1)
        process.send_signal(number)
        ended = finish(process, 10)
        connection.close()
    assert_interrupted(home, ended)
