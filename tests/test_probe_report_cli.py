"""`hotloop probe` as a process of its own, against simulated backends and worse."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from e2e_helpers import Home, finish, profile, until
from hotloop.probe.result import Result
from hotloop.sim.profile import Fault, FaultKind, Profile, load_profile
from hotloop.sim.server import SimServer, serving
from hotloop.ui.probe_cmd import duration_s

QUICK = profile(
    model="quick",
    ttft_base_s=0.03,
    prefill_tok_s=50_000,
    decode_tok_s=400,
    structured_factor=1.3,
    slots=8,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def quick() -> Iterator[SimServer]:
    with serving(QUICK) as server:
        yield server


def test_a_probe_writes_all_it_found(home: Home, quick: SimServer, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("r.json", "r.html", "r.toml")]
    asked = ["--json", files[0], "--html", files[1], "--profile", files[2]]
    limits = ["--time", "7s", "--requests", "150", "--parallel", "4", "--max-tokens", "4000"]
    ended = home.call("probe", quick.base_url, *limits, *asked)
    assert ended.status == 0, ended.err
    assert "at most 7 s, 150 requests" in ended.err
    assert "The article's loop takes" in ended.out
    assert max(len(line) for line in ended.out.splitlines()) <= 100

    result = msgspec.json.decode(Path(files[0]).read_bytes(), type=Result)
    assert result.cost.requests <= 150
    assert len([r for r in quick.requests if r.path.endswith("completions")]) <= 150
    assert result.verdict is not None
    assert result.loop[0].p50_s == pytest.approx(loop_s(QUICK), rel=0.1)
    assert "<svg" in Path(files[1]).read_text()
    made = load_profile(files[2])
    assert made == result.profile
    assert made.decode_tok_s == pytest.approx(400, rel=0.1)

    kept = list(home.folder.rglob("probes/*.json"))
    assert [json.loads(file.read_bytes())["model"] for file in kept] == ["quick"]
    home.assert_alone()


def loop_s(known: Profile) -> float:
    from hotloop.probe.loopmodel import table
    from hotloop.probe.rates import rates_of_profile

    return table(rates_of_profile(known), "article").p50_s


def test_the_profile_serves_as_the_backend_did(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    from hotloop.probe.profile_out import profile_toml

    file.write_text(profile_toml(QUICK, "http://x/v1"))
    process = home.start("sim", "--profile", str(file))
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        ended = home.call("probe", url, "--time", "3s", "--json", "-")
    finally:
        process.terminate()
        finish(process)
    result = msgspec.json.decode(ended.out, type=Result)
    assert result.model == "quick"
    assert result.ttft.base_s is not None
    assert result.ttft.base_s.median == pytest.approx(0.03, rel=0.4)


def cost(said: str) -> float:
    return float(said.rpartition("that costs ")[2])


def test_a_dry_run_says_the_cost_and_sends_nothing(home: Home, quick: SimServer) -> None:
    price = ["--price-in", "3", "--price-out", "15"]
    ended = home.call("probe", quick.base_url, "--dry-run", "--requests", "100", *price)
    assert ended.status == 0
    assert ended.out == ""
    assert "100 requests" in ended.err
    more = home.call("probe", quick.base_url, "--dry-run", "--run-loop", *price)
    assert "then the loop" in more.err
    assert cost(more.err) > cost(ended.err)
    assert "that costs" in ended.err
    assert not quick.requests


def test_an_interrupted_probe_keeps_what_it_has(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with serving(msgspec.structs.replace(QUICK, decode_tok_s=100)) as server:
        process = home.start("probe", server.base_url, "--json", str(file))
        until(lambda: len(server.requests) > 40)
        process.send_signal(signal.SIGINT)
        ended = finish(process)
    assert ended.status == 130, ended.err
    assert "ended early: interrupted" in ended.out
    result = msgspec.json.decode(file.read_bytes(), type=Result)
    assert result.cost.stopped == "interrupted"
    assert result.ttft.points
    assert result.missing
    home.assert_alone()


def test_an_interrupted_loop_costs_no_result(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with serving(QUICK) as server:
        limits = ["--time", "6s", "--max-tokens", "2000", "--run-loop"]
        process = home.start("probe", server.base_url, *limits, "--json", str(file))
        until(lambda: any(len(request.body) > 20_000 for request in server.requests))
        process.send_signal(signal.SIGINT)
        ended = finish(process)
    assert ended.status == 130, ended.err
    result = msgspec.json.decode(file.read_bytes(), type=Result)
    assert result.missing["loop_run"] == "interrupted"
    assert result.verdict is not None
    assert "The article's loop takes" in ended.out


def test_an_endpoint_that_is_not_there_is_reported(home: Home, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    ended = home.call("probe", url, "--html", str(tmp_path / "r.html"))
    assert ended.status == 3
    assert "Could not be measured" in ended.out
    assert "next: start the server" in ended.out
    assert ended.out.count("nothing listens at") == 2  # the reason, then all that it left open
    assert "No verdict" in (tmp_path / "r.html").read_text()
    assert not list(home.folder.rglob("probes/*.json"))


@pytest.mark.parametrize(
    ("kind", "said", "step"),
    [
        ("hang", "2 pieces came, the last one after", "look at the server's log"),
        ("html", "a web page", "check the base URL"),
        ("cut", "was cut off", "run it again; if it recurs, look at the server's log"),
        ("broken_json", "not a chat completion", "check that it is an OpenAI-compatible"),
        ("http_429", "is busy, HTTP 429", "wait, or use another endpoint"),
    ],
)
def test_a_bad_endpoint_gets_a_report(home: Home, kind: FaultKind, said: str, step: str) -> None:
    fault = Fault(kind=kind, rate=1.0, after_tokens=2, retry_after_s=0.1)
    with serving(msgspec.structs.replace(QUICK, faults=(fault,))) as server:
        ended = home.call("probe", server.base_url, "--time", "2s")
    assert ended.status == 3, ended.err
    assert "No verdict: nothing could be measured." in ended.out
    text = " ".join(ended.out.split())
    assert said in text
    assert f"next: {step}" in text
    assert "Decode" not in ended.out
    assert "decode, loop, parallel," in text  # one reason, said once for all of them
    assert "internal error" not in ended.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--time", "soon"], "is no time"),
        (["--time", "0"], "is no time"),
        (["--json", "nowhere/r.json"], "there is no folder nowhere"),
        (["--html", "."], "is a folder"),
        (["--requests", "0"], "--requests"),
        (["--price-in", "-1"], "--price-in"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_sent(
    home: Home, quick: SimServer, given: list[str], said: str
) -> None:
    ended = home.call("probe", quick.base_url, *given)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not quick.requests


def test_a_url_that_is_none_is_refused(home: Home) -> None:
    ended = home.call("probe", "ftp://x/v1")
    assert ended.status == 2
    assert "not an http or https URL" in ended.err


def test_results_are_compared(home: Home, tmp_path: Path) -> None:
    from hotloop.probe.verdict import conclude
    from tests.probe_results import result_of

    files: list[str] = []
    for name in ("fast", "slow"):
        files.append(str(tmp_path / f"{name}.json"))
        found = conclude(result_of(load_profile(name)))
        Path(files[-1]).write_bytes(msgspec.json.encode(found))
    ended = home.call("probe", "compare", *files)
    assert ended.status == 0, ended.err
    assert "Generate code: 1 (6.00 s against 11.8 s)" in ended.out
    [compared] = home.call("probe", "compare", "--json", *files).events
    assert compared["names"][1].startswith("sim-slow")
    alone = home.call("probe", "compare", files[0])
    assert alone.status == 2
    assert "two or more" in alone.err


def test_the_cheap_ways_in_import_no_terminal(home: Home) -> None:
    import subprocess
    import sys

    heavy = ["rich", "hotloop.loop.opening", "hotloop.probe.run"]
    code = "import sys, hotloop.ui.probe_cmd, hotloop.ui.probing, hotloop.probe.cached"
    code += f"; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=home.env, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("1.5m", 90), ("500ms", 0.5), (" 2s ", 2)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1", "1h", "nan", "1e9", "100000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        duration_s(text)
