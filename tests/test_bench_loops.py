"""The task suite proves itself, and its runner believes nobody. No model is needed."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bench.loops import suite
from bench.loops.__main__ import main
from bench.loops.report import Report, Summary
from bench.loops.session import Options, Result, StepSum, Tokens, read_lines, start
from bench.loops.suite import TASKS, Task, is_guarded, load_tasks, missing_tools
from examples.demo import __main__ as demo

ALL = load_tasks()
SOME_FAIL = {
    "python": r"\d+ failed, \d+ passed",
    "javascript": r"pass [1-9](.|\n)*fail [1-9]",
    "c": r"[1-9] checks failed",
}

FAKE = r"""
import json, pathlib, shutil, sys, time

mode, tasks, *arguments = sys.argv[1:]
if arguments[0] == "engine":
    sys.exit(0)
repo = pathlib.Path(arguments[arguments.index("--repo") + 1])
[task] = pathlib.Path(tasks).glob(f"*/{repo.name}")


def call(number, purpose, tokens, cached):
    usage = {"input_tokens": tokens, "cached_tokens": cached, "output_tokens": 10}
    emit(type="call.end", t_s=1.0, call=number, step=1, marks={}, usage=usage, wait_s=0.5,
         purpose=purpose)


def emit(**event):
    print(json.dumps(event), flush=True)


if mode == "hang":
    time.sleep(600)
if mode == "crash":
    sys.exit("no model found")
if mode == "honest":
    shutil.copytree(task / "solution", repo, dirs_exist_ok=True)
if mode == "edits-tests":
    for test in repo.rglob("test_*.py"):
        test.write_text("def test_nothing():\n    pass\n")
if mode == "skips-tests":
    (repo / "conftest.py").write_text("collect_ignore_glob = ['*']\n")
    (repo / "test_own.py").write_text("def test_nothing():\n    pass\n")

emit(type="session.start", t_s=0.0, session="S1", goal=arguments[1], repo=str(repo), backend="b",
     model="fake-1", dialect="d", budget_s=20.0, started_at=0.0)
call(1, "step", 1000, 0)
call(2, "race", 400, 100)
call(3, "step", 1200, 1080)
call(4, "step", 1300, 1170)
emit(type="note", t_s=1.0, level="info", text="unknown kinds of events are passed over")
step = {"kind": "plan", "start_s": 0.0, "duration_s": 1.5, "budget_s": None}
emit(type="session.end", outcome="unsolved" if mode == "gives-up" else "solved", session="S1",
     wall_s=3.0, model_calls=4, model_wait_s=2.0, input_tokens=3900, cached_tokens=2350,
     output_tokens=40, steps=[step, step, {**step, "kind": "test", "budget_s": 5.0}])
sys.exit(mode == "gives-up")
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    return script


def command(script: Path, mode: str) -> list[str]:
    return [sys.executable, str(script), mode, str(TASKS)]


def bench(script: Path, mode: str, *more: str) -> Report:
    out = script.parent / "out.json"
    arguments = ["--hotloop", shlex.join(command(script, mode)), "--out", str(out)]
    assert main([*arguments, "--no-warm-up", *more]) == 0
    return msgspec.json.decode(out.read_bytes(), type=Report)


def one_result(script: Path, mode: str) -> Result:
    report = bench(script, mode, "--task", "parcel_pricing")
    [result] = report.results
    assert report.summary.solved == result.solved
    return result


def copy_of(task: Task, tmp_path: Path) -> Path:
    if missing := missing_tools(task):
        pytest.skip(f"needs {', '.join(missing)}")
    suite.prepare(task, tmp_path / task.name)
    return tmp_path / task.name


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_some_tests_fail_before_the_fix(task: Task, tmp_path: Path) -> None:
    green, output = suite.run_tests(task, copy_of(task, tmp_path))
    assert not green
    assert re.search(SOME_FAIL[task.manifest.language], output), output


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_the_solution_is_accepted(task: Task, tmp_path: Path) -> None:
    repo = copy_of(task, tmp_path)
    suite.apply_solution(task, repo)
    verdict = suite.verify(task, repo, tmp_path / "verify")
    assert verdict.green, verdict.output
    assert verdict.tests_changed == []


@pytest.mark.parametrize("split", ["dev", "held"])
def test_both_splits_are_a_mix(split: str) -> None:
    tasks = load_tasks(split)
    languages = Counter(task.manifest.language for task in tasks)
    assert len(tasks) >= {"dev": 20, "held": 20}[split]
    assert languages["python"] > len(tasks) / 2
    assert languages["javascript"] >= 1
    assert languages["c"] >= 1
    assert {"feature", "refactor", "other-file"} <= {task.manifest.kind for task in tasks}


def test_the_suite_as_a_whole() -> None:
    assert len({task.name for task in ALL}) == len(ALL) >= 40
    languages = Counter(task.manifest.language for task in ALL)
    assert languages["javascript"] >= 4
    assert languages["c"] >= 2
    assert all(len(task.manifest.goal.split()) >= 8 for task in ALL)


def test_an_honest_agent(fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = bench(fake, "honest", "--task", "parcel_pricing", "--repeat", "2", "--json")
    first, second = report.results
    assert first.solved
    assert second.solved
    assert (first.claimed, first.exit_status, first.session) == ("solved", 0, "S1")
    assert (first.model_calls, first.model_wait_s, first.mean_wait_s) == (4, 2.0, 0.5)
    assert (first.input_tokens, first.cached_tokens, first.output_tokens) == (3900, 2350, 40)
    assert first.steps == {"plan": StepSum(2, 3.0), "test": StepSum(1, 1.5)}
    assert first.later_steps == Tokens(2500, 2250)
    assert first.later_all == Tokens(2900, 2350)
    assert first.error == ""
    summary = report.summary
    assert (summary.solved, summary.runs, summary.mean_wait_s) == (2, 2, 0.5)
    assert summary.cached_share_steps == 0.9
    assert summary.cached_share_all == pytest.approx(2350 / 2900)
    assert summary.model == "fake-1"
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert msgspec.json.decode(last_line, type=Summary) == summary


@pytest.mark.parametrize("mode", ["edits-tests", "skips-tests", "lies"])
def test_a_false_claim_is_not_believed(fake: Path, mode: str) -> None:
    result = one_result(fake, mode)
    assert result.claimed == "solved"
    assert not result.solved
    assert not result.green
    changed = ["tests/test_quote.py"] if mode == "edits-tests" else []
    assert result.tests_changed == changed


def test_a_fix_with_edited_tests_is_not_solved(tmp_path: Path) -> None:
    [task] = load_tasks("dev", ["parcel_pricing"])
    repo = copy_of(task, tmp_path)
    suite.apply_solution(task, repo)
    (repo / "tests" / "test_quote.py").unlink()
    verdict = suite.verify(task, repo, tmp_path / "verify")
    assert verdict.green
    assert verdict.tests_changed == ["tests/test_quote.py"]


def test_an_agent_that_gives_up(fake: Path) -> None:
    result = one_result(fake, "gives-up")
    assert (result.solved, result.claimed, result.exit_status) == (False, "unsolved", 1)
    assert result.error == ""


def test_an_agent_that_crashes(fake: Path) -> None:
    result = one_result(fake, "crash")
    assert (result.solved, result.claimed, result.mean_wait_s) == (False, "", None)
    assert "no model found" in result.error


def test_an_agent_that_hangs_is_killed(fake: Path, tmp_path: Path) -> None:
    [task] = load_tasks("dev", ["parcel_pricing"])
    options = Options(command=command(fake, "hang"))
    raw = start("goal", copy_of(task, tmp_path), options, limit_s=0.5)
    assert raw.status is None
    assert raw.wall_s < 60


def test_what_an_agent_left_can_be_kept(fake: Path, tmp_path: Path) -> None:
    bench(fake, "honest", "--task", "parcel_pricing", "--keep", str(tmp_path / "kept"))
    kept = tmp_path / "kept" / "parcel_pricing"
    assert read_lines((kept / "events.jsonl").read_bytes()).end is not None
    assert "<=" in (kept / "repo" / "parcels" / "bands.py").read_text()


def test_jobs_keep_the_order(fake: Path) -> None:
    names = ["seat_map", "log_scan"]
    report = bench(fake, "honest", "--jobs", "2", "--task", names[0], "--task", names[1])
    assert [result.task for result in report.results] == sorted(names)
    assert report.summary.solved == 2


def test_session_end_has_to_be_the_last_line() -> None:
    end = (
        b'{"type":"session.end","outcome":"solved","session":"S","wall_s":1,"model_calls":0,'
        b'"model_wait_s":0,"input_tokens":0,"cached_tokens":0,"output_tokens":0,"steps":[]}\n'
    )
    assert read_lines(end).end is not None
    assert read_lines(end + b'{"type":"note"}\n').end is None
    assert read_lines(b"Loading ...\n" + end).stray == 1
    with pytest.raises(msgspec.ValidationError):
        read_lines(end.replace(b'"solved"', b'"perhaps"'))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--task", "no_such_task"], 2, "no_such_task"),
        (["--cores", "100000"], 2, "--cores 100000"),
        (["--hotloop", "no-such-program"], 3, "no-such-program"),
    ],
)
def test_wrong_requests(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        ("tests/helpers/data.txt", True),
        ("test_quote.py", True),
        ("src/conftest.py", True),
        ("lib/crumbs.test.js", True),
        ("Makefile", True),
        ("latest.py", False),
        ("src/contest.py", False),
    ],
)
def test_guarded_files(path: str, guarded: bool) -> None:
    assert is_guarded(Path(path)) is guarded


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [("{minutes}:{rest}", "{minutes:02}:{rest:02}", 0), ("", "", 1)],
)
def test_the_demo_shows_what_came_out(
    old: str, new: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "hotloop"
    agent.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "timer = pathlib.Path(sys.argv[sys.argv.index('--repo') + 1], 'tea', 'timer.py')\n"
        f"timer.write_text(timer.read_text().replace({old!r}, {new!r}))\n"
    )
    agent.chmod(0o755)
    monkeypatch.setattr(demo, "HOTLOOP", agent)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert demo.main([]) == status
