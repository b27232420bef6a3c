from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e_helpers import DONE, MEND, MENDED, Ended, Home, call, profile, script
from hotloop.sim.script import Reply
from hotloop.sim.server import SimServer, serving


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def mend(home: Home, *args: str, env: dict[str, str] | None = None) -> tuple[Ended, SimServer]:
    """Run with exactly these arguments against a server that mends the file."""
    with serving(profile(api_key="sk-e2e-0123456789"), script(MEND)) as server:
        named = [arg.replace("URL", server.base_url) for arg in args]
        variables = {
            name: text.replace("URL", server.base_url) for name, text in (env or {}).items()
        }
        ended = home.call(
            "run", "Mend add", "--json", "--repo", str(home.repo), *named, env=variables
        )
    return ended, server


TEST = ("--test", "grep -q 'a + b' calc.py")
KEY = {"OPENAI_API_KEY": "sk-e2e-0123456789"}


def test_a_solved_goal(home: Home) -> None:
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    assert ended.status == 0, ended.err
    assert ended.err == ""
    end = ended.end
    assert end["outcome"] == "solved"
    assert end["session"] == ended.events[0]["session"]
    assert end["model_calls"] == 1
    assert end["output_tokens"] > 0
    assert end["input_tokens"] > 0
    assert 0 < end["model_wait_s"] < end["wall_s"] < 20
    assert [set(step) for step in end["steps"]] == [
        {"kind", "start_s", "duration_s", "budget_s"} for _ in end["steps"]
    ]
    assert {"prefetch", "generate", "test"} <= {step["kind"] for step in end["steps"]}
    assert (home.repo / "calc.py").read_text() == MENDED
    assert set(home.files()) == {"calc.py"}
    home.assert_alone()


def test_an_unsolved_goal(home: Home) -> None:
    with serving("instant", script(*[DONE] * 5)) as server:
        ended = home.run(server.base_url)
    assert (ended.status, ended.end["outcome"]) == (1, "unsolved")


def test_over_budget(home: Home) -> None:
    with serving(profile(ttft_base_s=30.0), script(MEND)) as server:
        ended = home.run(server.base_url, "--budget", "0.6")
    assert (ended.status, ended.end["outcome"]) == (1, "over_budget")
    assert "over the budget of 0.6 s" in ended.err
    assert "--budget" in ended.err
    assert ended.end["wall_s"] < 5


def test_the_environment_names_endpoint_and_key(home: Home) -> None:
    ended, server = mend(home, "--model", "m", *TEST, env={"OPENAI_BASE_URL": "URL", **KEY})
    assert ended.status == 0, ended.err
    assert ended.events[0]["model"] == "m"
    assert ended.events[0]["backend"] == server.base_url


def test_the_users_file_names_all(home: Home) -> None:
    folder = home.folder / "config"
    folder.mkdir(parents=True)
    with serving("instant", script(MEND)) as server:
        (folder / "config.toml").write_text(
            f'backend = "{server.base_url}"\nmodel = "named"\nbudget_s = 7.5\n'
            "test = \"grep -q 'a + b' calc.py\"\n"
        )
        ended = home.call("run", "Mend add", "--json", "--repo", str(home.repo))
    assert ended.status == 0, ended.err
    assert (ended.events[0]["model"], ended.events[0]["budget_s"]) == ("named", 7.5)


def test_an_endpoint_with_one_model_needs_no_name(home: Home) -> None:
    ended, server = mend(home, "--backend", "URL", *TEST, env=KEY)
    assert ended.status == 0, ended.err
    assert ended.events[0]["model"] == server.profile.model
    assert json.loads(server.requests[-1].body)["model"] == server.profile.model


def test_the_model_has_to_be_named_where_the_endpoint_lists_none(home: Home) -> None:
    with serving("instant", script(MEND)) as server:
        ended = home.call(
            *("run", "Mend add", "--json", "--repo", str(home.repo)),
            *("--backend", server.base_url.removesuffix("/v1") + "/other", *TEST),
        )
    assert ended.status == 3
    assert ended.end["outcome"] == "error"
    assert "does not list its models" in ended.err
    assert "--model" in ended.err


EARLY = [
    (("--backend", "http://127.0.0.1:9/v1"), 3, "connection refused"),
    (("--backend", "embedded", "--model", "no-such-model"), 2, "no model is called"),
    (("--backend", "embedded", "--model", "/nowhere/x.gguf"), 3, "cannot read the model file"),
    (("--backend", "ftp://example"), 2, "next:"),
    (("--budget", "-1"), 2, "--budget"),
    (("--without", "magic"), 2, "no lever magic"),
    (("--dialect", "latin"), 2, "--dialect"),
    (("--repo", "/nowhere/at/all"), 2, "--repo"),
]


@pytest.mark.parametrize(("args", "status", "says"), EARLY, ids=[one[2] for one in EARLY])
def test_an_error_before_the_session_still_ends_in_session_end(
    home: Home, args: tuple[str, ...], status: int, says: str
) -> None:
    ended = home.call("run", "Mend add", "--json", "--repo", str(home.repo), *args)
    assert ended.status == status
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.events) == 1
    assert ended.end["outcome"] == "error"
    assert ended.end["model_calls"] == 0
    assert ended.end["steps"] == []


@pytest.mark.parametrize(
    "args", [[], [""], ["x", "--no-such-option"], ["a", "b"], ["x", "--budget", "soon"]]
)
def test_what_is_no_command_line_is_a_usage_error(home: Home, args: list[str]) -> None:
    ended = home.call("run", *args)
    assert ended.status == 2
    assert ended.out == ""
    assert "Error" in ended.err


def test_an_unexpected_error_is_kept_and_named_in_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import shlex\n"
        "def split(text):\n"
        "    raise ArithmeticError('two and two')\n"
        "shlex.split = split\n"
    )
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, env={"PYTHONPATH": str(tmp_path)})
    assert ended.status == 1
    assert ended.end["outcome"] == "error"
    [line] = ended.err.splitlines()
    assert line.startswith("hotloop: internal error: ArithmeticError: two and two")
    file = Path(line.rpartition(" ")[2])
    assert file.is_relative_to(home.folder / "state")
    assert "Traceback" in file.read_text()
    home.assert_alone()


def test_a_reader_that_leaves_does_not_end_the_session(home: Home) -> None:
    with serving("instant", script(MEND)) as server:
        process = home.start(*home.run_args(server.base_url))
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
    assert (home.repo / "calc.py").read_text() == MENDED


def test_hostile_text_stays_on_its_line(home: Home) -> None:
    said = Reply(
        text="a\u2028b\x85c\r\nd \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")
    )
    with serving("instant", script(call("read", path="a\nb"), said, MEND)) as server:
        ended = home.run(server.base_url)
    assert ended.status == 0, ended.err
    assert all(json.loads(line) for line in ended.out.split("\n") if line)


def test_the_plain_output_is_for_people(home: Home) -> None:
    with serving("instant", script(MEND)) as server:
        args = [arg for arg in home.run_args(server.base_url) if arg != "--json"]
        ended = home.call(*args)
    assert ended.status == 0, ended.err
    assert "solved" in ended.out
    assert "{" not in ended.out.split("\n")[0]
    assert "\x1b" not in ended.out


def test_git_is_left_alone(home: Home) -> None:
    git = ["git", "-C", str(home.repo), "-c", "user.name=T", "-c", "user.email=t@example.org"]

    def run(*args: str) -> str:
        return subprocess.run([*git, *args], check=True, capture_output=True, text=True).stdout

    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-qm", "start")
    home.write("staged.py", "x = 1\n")
    run("add", "staged.py")
    before = {path: (home.repo / ".git" / path).read_bytes() for path in ("index", "HEAD")}
    refs = run("for-each-ref")
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url)
    assert ended.status == 0, ended.err
    assert {path: (home.repo / ".git" / path).read_bytes() for path in before} == before
    assert run("for-each-ref") == refs
    assert run("status", "--porcelain").splitlines() == [" M calc.py", "A  staged.py"]


def test_the_key_is_nowhere_in_what_is_kept(home: Home) -> None:
    ended, _ = mend(home, "--backend", "URL", "--model", "m", *TEST, env=KEY)
    assert ended.status == 0, ended.err
    secret = KEY["OPENAI_API_KEY"].encode()
    kept = [path for path in home.folder.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret in path.read_bytes()]
    assert secret.decode() not in ended.out + ended.err


def test_stdin_is_not_needed(home: Home) -> None:
    closed = os.open(os.devnull, os.O_RDONLY)
    os.close(closed)
    with serving("instant", script(MEND)) as server:
        ended = home.run(server.base_url, before=("sh", "-c", 'exec "$@" <&-', "sh"))
    assert ended.status == 0, ended.err
