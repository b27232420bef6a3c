from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bad_input import assert_fails
from e2e_helpers import (
    BROKEN,
    MEND,
    MENDED,
    Home,
    call,
    profile,
    script,
)
from hotloop.sim.profile import Fault
from hotloop.sim.script import Reply, ToolCall
from hotloop.sim.server import serving


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.assert_alone()


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
