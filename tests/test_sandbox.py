from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e_helpers import processes_with
from hotloop import paths
from hotloop.errors import EnvironmentFault, ToolError
from hotloop.workspace.process import ProcessResult, clean_env, run_process
from hotloop.workspace.runner import ContainedRunner
from hotloop.workspace.sandbox import Consent, Sandbox

SANDBOX = Sandbox.detect()
needs_bwrap = pytest.mark.skipif(not SANDBOX.available, reason="needs bubblewrap")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a secret, and hotloop's own folders."""
    home = tmp_path / "user"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id").write_text("private")
    (home / ".netrc").write_text("private")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "hotloop"))
    return home


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "config").write_text("[core]\n")
    return root


def run(command: str | list[str], cwd: Path, deadline_s: float = 20.0) -> ProcessResult:
    return asyncio.run(run_process(command, cwd=cwd, deadline_s=deadline_s))


@pytest.fixture
def contained(root: Path, tmp_path: Path) -> Callable[[str], ProcessResult]:
    def call(command: str, deadline_s: float = 20.0) -> ProcessResult:
        shell = ["/bin/sh", "-c", command]
        return run(SANDBOX.wrap(shell, root=root, scratch=tmp_path / "scratch"), root, deadline_s)

    return call


def wait_until(holds: Callable[[], bool], limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if holds():
            return True
        os.sched_yield()
    return holds()


def test_output_is_interleaved_and_the_status_told(root: Path) -> None:
    result = run("echo out; echo err >&2; echo out; exit 3", root)
    assert (result.status, result.output) == (3, "out\nerr\nout\n")
    assert not result.timed_out
    assert run("kill -9 $$", root).status == 128 + signal.SIGKILL


def test_stdin_is_empty(root: Path) -> None:
    assert run("cat; echo done", root).output == "done\n"


def test_what_cannot_be_started_is_told(root: Path) -> None:
    result = run(["no-such-program"], root)
    assert result.status == 127
    assert "cannot start no-such-program" in result.output
    with pytest.raises(ToolError, match="cannot start"):
        run("true", root / "missing")
    with pytest.raises(ToolError, match="null"):
        run(["a\0b"], root)


def test_output_is_capped_in_memory_and_whole_on_disk(root: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    result = asyncio.run(
        run_process(
            "echo first; yes é | head -n 100000; echo last",
            cwd=root,
            deadline_s=20,
            on_output=seen.append,
            max_capture_bytes=1000,
            output_path=tmp_path / "logs" / "out.txt",
        )
    )
    whole = Path(result.output_path).read_bytes()
    assert len(whole) == result.output_bytes == len("first\nlast\n") + 300_000
    assert "".join(seen) == whole.decode()
    assert result.output.startswith("first\n")
    assert result.output.endswith("last\n")
    assert f"[{result.output_bytes - 1000} bytes left out; all of it is in" in result.output
    assert len(result.output) < 1200


def test_text_split_between_chunks_is_decoded_whole(root: Path) -> None:
    seen: list[str] = []

    def receive(text: str) -> None:
        seen.append(text)
        (root / "seen").touch()

    code = """if True:
        import os
        os.write(1, b"\\xc3")
        while not os.path.exists("seen"):
            os.sched_yield()
        os.write(1, b"\\xa9\\xff")
    """
    argv = [sys.executable, "-c", code]
    asyncio.run(run_process(argv, cwd=root, deadline_s=20, on_output=receive))
    assert seen[0] == ""
    assert "".join(seen) == "é\ufffd"


def test_secrets_are_not_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MY_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "aws_secret", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "private")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:private@host/simple")
    monkeypatch.setenv("HARMLESS", "1")
    env = clean_env({"MORE": "2"})
    assert "private" not in " ".join(env.values())
    assert (env["HARMLESS"], env["MORE"], env["PYTHONDONTWRITEBYTECODE"]) == ("1", "2", "1")


_DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        os.execvp("sleep", ["sleep", sys.argv[1]])
    os._exit(0)
os.wait()
print("up", flush=True)
if len(sys.argv) > 2:
    os.execvp("sleep", ["sleep", sys.argv[2]])
"""


@needs_linux
@pytest.mark.parametrize("wrapped", [False, pytest.param(True, marks=needs_bwrap)])
@pytest.mark.parametrize("hang", [False, True])
def test_no_process_is_left(root: Path, tmp_path: Path, wrapped: bool, hang: bool) -> None:
    mark = f"9876{os.getpid()}{int(hang)}{int(wrapped)}"
    argv = [sys.executable, "-c", _DAEMON, mark, *([f"{mark}1"] if hang else [])]
    if wrapped:
        argv = SANDBOX.wrap(argv, root=root, scratch=tmp_path / "scratch")
    result = run(argv, root, deadline_s=1.0 if hang else 20.0)
    assert result.timed_out is hang
    assert "up" in result.output
    assert wait_until(lambda: not processes_with(mark))


@needs_linux
def test_a_command_that_ignores_sigterm_is_killed(root: Path) -> None:
    mark = f"8765{os.getpid()}"
    result = run(f"trap '' TERM; echo up; sleep {mark}; sleep {mark}", root, deadline_s=0.4)
    assert result.timed_out
    assert result.duration_s < 5
    assert wait_until(lambda: not processes_with(mark))


@needs_linux
def test_cancelling_ends_the_command(root: Path) -> None:
    mark = f"7654{os.getpid()}"

    async def scenario() -> None:
        up = asyncio.Event()
        command = f"echo up; (setsid sleep {mark} &); sleep {mark}"
        task = asyncio.create_task(
            run_process(command, cwd=root, deadline_s=60, on_output=lambda _: up.set())
        )
        await up.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert wait_until(lambda: not processes_with(mark))


@needs_linux
@pytest.mark.parametrize("wrapped", [False, pytest.param(True, marks=needs_bwrap)])
def test_a_killed_hotloop_takes_its_commands_along(
    root: Path, tmp_path: Path, wrapped: bool
) -> None:
    mark = f"6543{os.getpid()}{int(wrapped)}"
    argv = ["/bin/sh", "-c", f"(setsid sleep {mark} &); echo up; sleep {mark}"]
    if wrapped:
        argv = SANDBOX.wrap(argv, root=root, scratch=tmp_path / "scratch")
    script = f"""
import asyncio
from pathlib import Path
from hotloop.workspace.process import run_process
asyncio.run(run_process({argv!r}, cwd=Path({str(root)!r}), deadline_s=60,
                        on_output=lambda text: print(text, flush=True)))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as hotloop:
        assert hotloop.stdout
        assert b"up" in hotloop.stdout.readline()
        hotloop.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not processes_with(mark))


@needs_bwrap
def test_only_workspace_and_scratch_are_writable(
    root: Path, tmp_path: Path, contained: Callable[[str], ProcessResult]
) -> None:
    (tmp_path / "beside").mkdir()
    assert contained("echo x > made && mkdir -p d && echo y > $GOCACHE.x").status == 0
    assert (root / "made").read_text() == "x\n"
    assert (tmp_path / "scratch" / "go-build.x").exists()
    for target in ("/usr/x", "/etc/x", f"{Path(__file__).parent}/x", ".git/config", ".git/hooks/x"):
        result = contained(f"echo x > {target}")
        assert result.status != 0, target
    contained(f"mkdir -p {tmp_path}/beside; echo x > {tmp_path}/beside/x; echo x > /tmp/x")
    assert not (tmp_path / "beside" / "x").exists()
    assert (root / ".git" / "config").read_text() == "[core]\n"


@needs_bwrap
def test_root_cannot_mount_its_way_out(contained: Callable[[str], ProcessResult]) -> None:
    result = contained("mount -o remount,rw,bind / ; : > /usr/hotloop-escape")
    assert result.status != 0
    assert not Path("/usr/hotloop-escape").exists()


@needs_bwrap
def test_credentials_and_own_files_are_hidden(
    home: Path, contained: Callable[[str], ProcessResult]
) -> None:
    paths.state_dir().mkdir(parents=True)
    (paths.state_dir() / "token").write_text("private")
    command = f"cat {home}/.ssh/id {home}/.netrc {paths.state_dir()}/token; ls {home}/.ssh /run"
    assert "private" not in contained(command).output


@needs_bwrap
def test_credentials_are_hidden_even_in_a_workspace_that_is_the_home(
    home: Path, tmp_path: Path
) -> None:
    command = ["/bin/sh", "-c", "cat .ssh/id .netrc; echo x > made"]
    result = run(SANDBOX.wrap(command, root=home, scratch=tmp_path / "s"), home)
    assert "private" not in result.output
    assert (home / "made").exists()


@needs_bwrap
def test_a_workspace_inside_hotloop_s_own_folders_is_writable(tmp_path: Path) -> None:
    copy = paths.state_dir() / "copies" / "1"
    copy.mkdir(parents=True)
    (paths.state_dir() / "token").write_text("private")
    command = ["/bin/sh", "-c", f"echo x > made; cat {paths.state_dir()}/token"]
    result = run(SANDBOX.wrap(command, root=copy, scratch=tmp_path / "s"), copy)
    assert (copy / "made").exists()
    assert "private" not in result.output


@needs_bwrap
def test_there_is_no_network_and_python_runs(contained: Callable[[str], ProcessResult]) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), 3)"
    result = contained(f'{sys.executable} -c "{code}"')
    assert "unreachable" in result.output


@needs_bwrap
def test_a_success_is_cached_until_the_binary_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho call >> {log}\nexec {SANDBOX.bwrap} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    assert Sandbox.detect() == Sandbox.detect() == Sandbox(bwrap=str(fake))
    assert log.read_text() == "call\n"
    fake.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken = Sandbox.detect()
    assert not broken.available
    assert "No permissions" in broken.reason


def test_no_bubblewrap_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed" in Sandbox.detect().reason
    with pytest.raises(EnvironmentFault, match="apt install bubblewrap"):
        Sandbox.detect().wrap(["true"], root=tmp_path, scratch=tmp_path)


def test_without_a_sandbox_consent_decides(root: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    async def ask(command: str) -> bool:
        asked.append(command)
        return command == "echo fine"

    def attempt(command: str, consent: Consent, user: bool = False) -> ProcessResult:
        runner = ContainedRunner(
            sandbox=Sandbox(reason="no bwrap"),
            consent=consent,
            scratch=tmp_path / "s",
            origin="user" if user else "model",
        )
        return asyncio.run(runner(["/bin/sh", "-c", command], cwd=root, deadline_s=20))

    assert attempt("echo ok", Consent("yes")).output == "ok\n"
    assert attempt("echo mine", Consent("deny"), user=True).output == "mine\n"
    assert attempt("echo fine", Consent("ask", ask)).output == "fine\n"
    with pytest.raises(ToolError, match="declined"):
        attempt("touch evil", Consent("ask", ask))
    with pytest.raises(EnvironmentFault, match="no bwrap") as fault:
        attempt("touch evil", Consent("deny"))
    assert "--yes" in fault.value.next_step
    assert "bubblewrap" in fault.value.next_step
    assert asked == ["echo fine", "touch evil"]
    assert not (root / "evil").exists()
