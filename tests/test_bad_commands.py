from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bad_input import assert_fails, contained
from e2e_helpers import (
    BROKEN,
    CHECK,
    DONE,
    MEND,
    MENDED,
    Ended,
    Home,
    profile,
    script,
)
from hotloop.sim.server import serving


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.assert_alone()


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
