"""The load that is made beside other tools, their command lines and their results."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from bench.probe.load import Load, Seen, first_model, new_prompts, run_load
from bench.probe.peers import compare, main, table
from bench.probe.tools import COMMANDS, RESULT, Job, Name, command_line, read_result
from hotloop.sim.cache import count_tokens
from hotloop.sim.profile import Fault, Profile
from hotloop.sim.server import serving

LOAD = Load(prompt_tokens=120, output_tokens=12, requests=6, concurrency=3)
VLLM = {
    "completed": 6,
    "failed": 0,
    "median_ttft_ms": 120.0,
    "median_itl_ms": 20.0,
    "median_tpot_ms": 21.0,
    "output_throughput": 40.0,
    "p99_itl_ms": 30.0,
}


def guidellm(completed: int, failed: int) -> dict[str, object]:
    def spread(value: float) -> dict[str, object]:
        return {"successful": {"mean": value, "median": value + 1, "mode": value}}

    totals = {"successful": completed, "errored": failed, "incomplete": 0, "total": 6}
    metrics = {
        "request_totals": totals,
        "time_to_first_token_ms": spread(120.0),
        "inter_token_latency_ms": spread(20.0),
        "output_tokens_per_second": spread(40.0),
    }
    return {"benchmarks": [{"metrics": metrics}], "metadata": {}}


def job(folder: Path) -> Job:
    return Job(base_url="http://127.0.0.1:9/v1", model="m", tokenizer="t", load=LOAD, folder=folder)


def test_prompts_are_new_and_as_long_as_asked() -> None:
    first, second = new_prompts(LOAD, 1), new_prompts(LOAD, 2)
    assert new_prompts(LOAD, 1) == first
    assert len({text[:12] for text in first + second}) == 12
    assert all(abs(count_tokens(text) - 120) <= 1 for text in first)


def test_the_load_is_measured_as_the_server_paces_it() -> None:
    profile = Profile(ttft_base_s=0.1, decode_tok_s=100, slots=3, output_tokens=12)
    with serving(profile) as server:
        model = asyncio.run(first_model(server.base_url))
        seen = asyncio.run(run_load(server.base_url, model, LOAD, new_prompts(LOAD, 1)))
    chats = [one for one in server.requests if one.path.endswith("/chat/completions")]
    assert model == "sim"
    assert len(chats) == 6
    assert seen.ttft_s == pytest.approx(0.1, rel=0.3)
    assert seen.gap_s == pytest.approx(0.01, rel=0.3)
    assert seen.token_s == pytest.approx(0.01, rel=0.3)
    assert seen.tok_s == pytest.approx(6 * 12 / (2 * 0.22), rel=0.3)  # two waves of three


def test_a_load_that_fails_is_no_figure() -> None:
    broken = Profile(faults=(Fault(kind="cut", rate=1, after_tokens=2),), slots=3)
    with serving(broken) as server, pytest.raises(RuntimeError, match="cut off"):
        asyncio.run(run_load(server.base_url, "sim", LOAD, new_prompts(LOAD, 1)))


def test_each_tool_is_told_the_same_load(tmp_path: Path) -> None:
    one = job(tmp_path)
    words = {name: command_line(name, "", one) for name in COMMANDS}
    for line in words.values():
        assert any(str(one.prompts) in word for word in line)
        assert any("http://127.0.0.1:9" in word and "/v1" not in word for word in line)
    vllm = dict(zip(words["vllm"], words["vllm"][1:], strict=False))
    assert vllm["--max-concurrency"] == "3"
    assert vllm["--num-prompts"] == "6"
    assert vllm["--custom-output-len"] == "12"
    assert "kind=concurrent,streams=3" in words["guidellm"]
    assert "kind=max_requests,count=6" in words["guidellm"]
    assert words["vllm"][:3] == ["vllm", "bench", "serve"]
    assert command_line("vllm", "uvx 'a b'", one)[:2] == ["uvx", "a b"]


def test_prompts_are_written_in_the_form_that_both_read(tmp_path: Path) -> None:
    one = job(tmp_path)
    one.write_prompts(["a", 'b "\n'])
    rows = [msgspec.json.decode(line) for line in one.prompts.read_bytes().splitlines()]
    assert rows == [
        {"prompt": "a", "output_tokens_count": 12},
        {"prompt": 'b "\n', "output_tokens_count": 12},
    ]


def test_results_are_read_from_each_tools_own_fields(tmp_path: Path) -> None:
    (tmp_path / RESULT).write_bytes(msgspec.json.encode(VLLM))
    assert read_result("vllm", tmp_path) == Seen(ttft_s=0.12, gap_s=0.02, token_s=0.021, tok_s=40.0)
    (tmp_path / RESULT).write_bytes(msgspec.json.encode(guidellm(6, 0)))
    assert read_result("guidellm", tmp_path) == Seen(ttft_s=0.121, token_s=0.021, tok_s=40.0)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("vllm", {**VLLM, "failed": 1}),
        ("vllm", {**VLLM, "completed": 0}),
        ("guidellm", guidellm(5, 1)),
    ],
)
def test_a_tool_whose_calls_failed_is_no_comparison(
    tmp_path: Path, name: Name, found: dict[str, object]
) -> None:
    (tmp_path / RESULT).write_bytes(msgspec.json.encode(found))
    with pytest.raises(RuntimeError, match="calls failed"):
        read_result(name, tmp_path)


def test_figures_are_medians_of_the_rounds_and_only_those_that_both_have() -> None:
    rounds = [
        {"hotloop": Seen(ttft_s=own, gap_s=0.01, tok_s=10.0), "x": Seen(ttft_s=0.1, tok_s=12.5)}
        for own in (0.1, 0.3, 0.11)
    ]
    rows = list(compare(4, rounds))
    assert [(row.figure, round(row.ratio, 3)) for row in rows] == [("ttft_s", 1.1), ("tok_s", 0.8)]
    shown = table(rows)
    ttft = "| 110.0 (100.0 to 300.0) | x 100.0 (100.0 to 100.0) | 1.100 |"
    assert f"| 4 | time to first token, ms {ttft}" in shown
    assert "| x 12.5 (12.5 to 12.5) | 0.800 |" in shown


def test_the_whole_run_with_a_tool_that_says_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = tmp_path / "tool.py"
    tool.write_text(
        "import sys, json, pathlib\n"
        "o = dict(zip(sys.argv, sys.argv[1:]))\n"
        "assert len(open(o['--dataset-path']).readlines()) == 4\n"
        f"found = {VLLM!r}\n"
        "pathlib.Path(o['--result-dir'], o['--result-filename']).write_text(json.dumps(found))\n"
    )
    profile = tmp_path / "p.json"
    profile.write_text('{"ttft_base_s": 0.01, "decode_tok_s": 400, "slots": 2}')
    command = shlex.join([sys.executable, str(tool)])
    words = ["--profile", str(profile), "--vllm", command, "--rounds", "1", "--requests", "2"]
    assert main([*words, "--concurrency", "2", "--output", "8"]) == 1
    shown = capsys.readouterr().out
    assert "vllm 120.0" in shown
    assert shown.count("| 2 |") == 4


def test_a_tool_that_ends_badly_says_why(tmp_path: Path) -> None:
    profile = tmp_path / "p.json"
    profile.write_text('{"decode_tok_s": 400}')
    command = shlex.join([sys.executable, "-c", "import sys; sys.exit('no such model')"])
    words = ["--profile", str(profile), "--guidellm", command, "--rounds", "1", "--requests", "1"]
    with pytest.raises(RuntimeError, match="no such model"):
        main([*words, "--concurrency", "1", "--output", "4"])
