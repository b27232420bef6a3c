"""The embedded half of the levers' bench: its plain agent, its order, its figures. No model."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.levers.__main__ import main
from bench.levers.attempt import WARMTH, sample
from bench.levers.embedded_report import Setting, Stored, figures, json_line, ratio, table
from bench.levers.stock import Endpoint, Read, Stock, Write, parse
from bench.levers.variants import Row, Runner, Setup, Variant, order, together, without
from bench.loops.report import this_machine
from bench.loops.session import Result, Tokens
from bench.loops.suite import load_tasks, prepare
from copying_model import CopyingModel
from hotloop.config import Config
from hotloop.levers import NAMES
from hotloop.loop.asking import Asking
from hotloop.sim.script import Reply, Script
from hotloop.sim.server import serving
from repair_session import repaired

[TASK] = load_tasks("dev", ["parcel_pricing"])
FAULTY = "parcels/bands.py"
BROKEN = (TASK.repo / FAULTY).read_text()
FIXED = (TASK.folder / "solution" / FAULTY).read_text()
ON, OFF, STOCK, SEQUENCE = Variant

FAKE = r"""
import json, os, pathlib, shutil, sys, time

tasks, log, *arguments = sys.argv[1:]
with open(log, "a") as file:
    home, models = os.environ["HOTLOOP_HOME"], os.environ["HOTLOOP_MODELS"]
    file.write(json.dumps({"home": home, "models": models, "arguments": arguments}) + "\n")
if arguments[0] == "engine":
    sys.exit(0)
repo = pathlib.Path(arguments[arguments.index("--repo") + 1])
if repo.name == "log_scan":
    time.sleep(600)
off = arguments.count("--without")
for task in pathlib.Path(tasks).glob(f"dev/{repo.name}"):
    if off < 2:
        shutil.copytree(task / "solution", repo, dirs_exist_ok=True)
print(json.dumps({"type": "session.end", "outcome": "solved", "session": "S", "wall_s": 1.0,
    "model_calls": 2, "model_wait_s": 1.0, "input_tokens": 90, "cached_tokens": 60,
    "output_tokens": 9, "steps": []}))
sys.exit(off >= 2)
"""


def wrote(path: str, content: str) -> Reply:
    return Reply(text=f"{path}\n```python\n{content}```\n")


def worked(tmp_path: Path, *replies: Reply, budget_s: float = 20.0) -> tuple[Stock, bool, Path]:
    """Have the plain agent work on the task, with a simulated server that says the replies."""
    repo = tmp_path / "repo"
    prepare(TASK, repo)
    with serving("instant", Script(replies=replies)) as server:
        agent = Stock(TASK, repo, Endpoint(server.port), budget_s)
        return agent, agent.run(), repo


def test_the_plain_agent_reads_rewrites_and_ends_with_green_tests(tmp_path: Path) -> None:
    replies = (Reply(text=f"READ {FAULTY}"), wrote(FAULTY, BROKEN + "\n"), wrote(FAULTY, FIXED))
    agent, green, repo = worked(tmp_path, *replies)
    assert green
    assert (repo / FAULTY).read_text() == FIXED
    assert TASK.manifest.goal in agent.messages[1]["content"]
    assert "failed" in agent.messages[1]["content"]
    assert BROKEN.strip() in agent.messages[3]["content"]
    assert "failed" in agent.messages[5]["content"]
    result = one(ON, 1.0).result
    agent.add_figures(result)
    assert result.model_calls == len(agent.answers) == 3
    assert result.input_tokens > result.later_all.input > 0
    assert result.error == ""


def test_a_file_it_has_not_seen_is_shown_instead_of_written(tmp_path: Path) -> None:
    agent, green, _ = worked(tmp_path, wrote(FAULTY, "nothing\n"), wrote(FAULTY, FIXED))
    assert green
    assert BROKEN.strip() in agent.messages[3]["content"]


def test_it_cannot_change_tests_or_leave_the_repository(tmp_path: Path) -> None:
    replies = (
        wrote("tests/test_quote.py", "def test_nothing():\n    pass\n"),
        wrote("../outside.py", "x = 1\n"),
        Reply(text=f"READ {FAULTY}"),
        wrote(FAULTY, FIXED),
    )
    agent, green, repo = worked(tmp_path, *replies)
    assert green
    assert "must not be changed" in agent.messages[3]["content"]
    assert not (tmp_path / "outside.py").exists()
    assert "test_nothing" not in (repo / "tests" / "test_quote.py").read_text()


def test_it_is_shown_a_source_file_where_it_asks_for_none(tmp_path: Path) -> None:
    agent, _, _ = worked(tmp_path, Reply(text="I think that all is well."), budget_s=4.0)
    assert ".py:\n```" in agent.messages[3]["content"]
    assert "tests/" not in agent.messages[3]["content"].splitlines()[2]


def test_one_that_keeps_to_the_wrong_file_is_shown_the_right_one(tmp_path: Path) -> None:
    replies = (Reply(text=f"READ {FAULTY}"), wrote(FAULTY, BROKEN))
    agent, _, _ = worked(tmp_path, *replies, budget_s=4.0)
    assert "READ another file" in agent.messages[3]["content"]
    assert "was already" in agent.messages[5]["content"]
    assert "parcels/quote.py:\n```" in agent.messages[5]["content"]


def test_what_it_repeats_is_not_tested_again_and_it_is_asked_otherwise(tmp_path: Path) -> None:
    wrong = wrote(FAULTY, BROKEN + "\n")
    replies = (Reply(text=f"READ {FAULTY}"), wrong, wrong, wrote(FAULTY, FIXED))
    repo = tmp_path / "repo"
    prepare(TASK, repo)
    with serving("instant", Script(replies=replies)) as server:
        agent = Stock(TASK, repo, Endpoint(server.port), 20.0)
        assert agent.run()
        bodies = [json.loads(one.body) for one in server.requests]
    assert [body.get("temperature") for body in bodies] == [0, 0, 0, None]
    assert not any(body.get("stream") for body in bodies)
    assert "was already" in agent.messages[7]["content"]


def test_the_plain_agent_ends_with_its_budget(tmp_path: Path) -> None:
    agent, green, _ = worked(tmp_path, Reply(text=f"READ {FAULTY}"), budget_s=1.5)
    assert not green
    assert agent.error == ""


def test_a_server_that_is_gone_is_an_error_in_the_result(tmp_path: Path) -> None:
    prepare(TASK, tmp_path / "repo")
    agent = Stock(TASK, tmp_path / "repo", Endpoint(9), 5.0)
    assert not agent.run()
    assert "Refused" in agent.error


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("READ a/b.py", Read("a/b.py")),
        ("Let me see.\n`READ ./b.py`", Read("b.py")),
        ("a.py\n```python\nx = 1\n```", Write("a.py", "x = 1\n")),
        ("It is new: ./new.py.\n```\nx\n```\nand READ a.py", Write("new.py", "x\n")),
        ("Here is `a.py`, not 2.5:\n```\nx\n```", Write("a.py", "x\n")),
        ("```python\nx\n```", Write("", "x\n")),
        ("a.py\n```\nnever clos", None),
        ("All is well.", None),
    ],
)
def test_actions_of_a_small_model(text: str, action: Write | Read | None) -> None:
    assert parse(text, ["a.py"]) == action


def test_each_variant_goes_first_in_turn() -> None:
    three = [ON, OFF, STOCK]
    assert order(three, 0) == three
    assert order(three, 1) == [OFF, STOCK, ON]
    assert {order(three, number)[0] for number in range(3)} == {*three}


def test_the_levers_of_each_variant() -> None:
    assert without(ON) == ()
    assert without(OFF) == NAMES
    assert without(SEQUENCE) == ("race", "slips")
    assert {*NAMES} - {*without(ON, bare=True)} == {"race", "slips"}
    assert without(SEQUENCE, bare=True) == NAMES


def one(variant: Variant, wall_s: float, solved: bool = True, task: str = "a", n: int = 1) -> Row:
    result = Result(
        task=task,
        split="dev",
        language="python",
        kind="operator",
        solved=solved,
        green=solved,
        exit_status=0,
        tests_changed=[],
        wall_s=wall_s,
        model_calls=2,
        model_wait_s=wall_s / 2,
        later_all=Tokens(100, 90),
    )
    return Row(variant=variant, result=result, attempts=n)


SETTING = Setting(
    budget_s=10, model="m", times=3, engine="xllamacpp", machine=this_machine(), date="today"
)
ROWS = [
    *(one(ON, 4, task="a"), one(OFF, 8, task="a")),
    *(one(ON, 6, task="b"), one(OFF, 10.5, solved=False, task="b")),
    *(one(ON, 2, task="c"), one(OFF, 9, task="c")),
    one(ON, 99, task="d"),
]


def test_figures_of_the_tasks_that_all_variants_were_run_on() -> None:
    found = figures(Stored(setting=SETTING, rows=ROWS), [ON, OFF])
    assert found.tasks == 3
    on, off = found.variants[ON], found.variants[OFF]
    assert (on.solved, on.median_wall_s, on.mean_wait_s, on.calls) == (3, 4, 1.0, 6)
    assert (off.solved, off.median_wall_s, off.cached_share) == (2, 9, 0.9)
    of_both = found.ratios["on/off"]
    assert (of_both.walls_s, of_both.ratio) == ((4, 9), 4 / 9)
    assert (of_both.both, of_both.both_walls_s) == (2, (3, 8.5))
    assert found.race is None
    read = json.loads(json_line(found))
    assert read["embedded"]["variants"]["on"]["solved"] == 3
    assert "\n" not in json_line(found)
    assert "on/off: median wall 0.44 (4.0 against 9.0 s)" in table(found)


def test_nothing_solved_by_both_and_nothing_run() -> None:
    none = ratio([one(ON, 1).result], [one(OFF, 2, solved=False).result])
    assert (none.both, none.both_ratio, none.ratio) == (0, None, 0.5)
    empty = figures(Stored(setting=SETTING, rows=[]), [ON, OFF])
    assert (empty.tasks, empty.variants, empty.ratios) == (0, {}, {})
    assert "0 tasks" in table(empty)


def test_race_against_more_and_more_time_in_sequence() -> None:
    rows = [
        *(one(ON, 5, task="a"), one(SEQUENCE, 9, task="a")),
        *(one(ON, 5, task="b"), one(SEQUENCE, 18, task="b", n=2)),
        *(one(ON, 5, task="c"), one(SEQUENCE, 31, solved=False, task="c", n=3)),
    ]
    race = figures(Stored(setting=SETTING, rows=rows), [ON, SEQUENCE]).race
    assert race is not None
    assert (race.solved, race.sequence, race.attempts) == (3, [1, 2, 2], 6)


def test_attempts_count_together() -> None:
    first, last = one(SEQUENCE, 10, solved=False).result, one(SEQUENCE, 4).result
    both = together([first, last])
    assert (both.solved, both.wall_s, both.model_calls, both.mean_wait_s) == (True, 14, 4, 1.75)
    assert both.later_all == Tokens(200, 180)
    assert (first.wall_s, last.wall_s) == (10, 4)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return arguments for a bench whose hotloop solves with its levers on only."""
    monkeypatch.setattr("bench.levers.variants.PAUSE_S", 0.0)
    script, model = tmp_path / "fake.py", tmp_path / "models" / "m.gguf"
    script.write_text(FAKE)
    model.parent.mkdir()
    model.write_bytes(b"GGUF")
    words = [sys.executable, str(script), str(TASK.folder.parent.parent), str(tmp_path / "log")]
    out = ["--out", str(tmp_path / "out.json"), "--model", str(model)]
    return ["--embedded", "--hotloop", shlex.join(words), *out, "--budget", "4"]


def asked(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_side_by_side_in_one_run(
    fake: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = ["--task", "parcel_pricing", "--task", "seat_map"]
    assert main([*fake, *tasks, "--variants", "off,on", "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    read = json.loads(line)["embedded"]
    assert read["tasks"] == 2
    assert {name: one["solved"] for name, one in read["variants"].items()} == {"on": 2, "off": 0}
    runs = [one for one in asked(tmp_path) if one["arguments"][0] == "run"][2:]
    offs = [one["arguments"].count("--without") for one in runs]
    assert offs == [0, len(NAMES), len(NAMES), 0]
    assert len({one["home"] for one in runs}) == 2
    assert {one["models"] for one in runs} == {str(tmp_path / "models")}
    assert all("embedded" in one["arguments"] for one in runs)
    stopped = [one["home"] for one in asked(tmp_path) if one["arguments"][0] == "engine"]
    assert {*stopped} == {one["home"] for one in runs}
    assert not any(Path(home).exists() for home in stopped)


def test_what_was_interrupted_goes_on(fake: list[str], tmp_path: Path) -> None:
    assert main([*fake, "--task", "seat_map", "--variants", "on"]) == 0
    (tmp_path / "log").unlink()
    more = ["--task", "seat_map", "--task", "parcel_pricing", "--resume"]
    assert main([*fake, *more, "--variants", "on,sequence"]) == 0
    runs = [one["arguments"] for one in asked(tmp_path) if one["arguments"][0] == "run"]
    repos = sorted(Path(run[run.index("--repo") + 1]).name for run in runs)
    assert repos == [
        "on-warm-up",
        "parcel_pricing",
        "parcel_pricing",
        "seat_map",
        "sequence-warm-up",
    ]
    assert main([*fake, *more, "--variants", "on", "--budget", "9"]) == 2


def test_a_bench_that_is_ended_ends_its_engines(fake: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.levers", *fake]
    process = subprocess.Popen(
        [*command, "--task", "log_scan", "--variants", "on"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process.stderr as said:
        assert any(line.startswith("variant") for line in said)  # the runs begin
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert asked(tmp_path)[-1]["arguments"] == ["engine", "stop"]
    assert not Path(asked(tmp_path)[-1]["home"]).exists()


def test_attempts_go_on_until_the_time_is_over(
    fake: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[str] = []

    def attempt(task: object, options: Any) -> Result:
        seeds.append(options.command[-1])
        return one(SEQUENCE, options.budget_s, solved=len(seeds) == 3).result

    monkeypatch.setattr("bench.levers.variants.run_task", attempt)
    setup = Setup(command=["hotloop"], budget_s=10, model="m", model_file=tmp_path / "m", times=4)
    with Runner(setup) as runner:
        monkeypatch.setattr(runner, "_homes", {SEQUENCE: tmp_path})
        row = runner.run(SEQUENCE, TASK)
    assert seeds == ["hotloop", "1", "2"]
    assert (row.attempts, row.result.wall_s, row.result.solved) == (3, 30, True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--task", "no_such_task"], 2, "no_such_task"),
        (["--hotloop", "no-such-program"], 3, "no-such-program"),
        (["--model", "no-such-model"], 3, "no-such-model"),
    ],
)
def test_wrong_requests(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--embedded", *arguments]) == status
    assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--embedded", "--variants", "on,none"])


def test_attempts_with_another_seed_ask_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Asking, "ask", Asking.ask)  # so that it is put back
    root = tmp_path / "repo"
    root.mkdir()
    (root / "one.py").write_text("def one():\n    return 2\n")
    (root / "test_one.py").write_text(
        "from one import one\n\n\ndef test_one():\n    assert one() == 1\n"
    )
    model = CopyingModel({})
    sample(2)
    asyncio.run(repaired(root, model, "one() is 1", config=Config(without=NAMES)))
    assert model.bodies
    assert {body["temperature"] for body in model.bodies} == {WARMTH}
    assert min(body["seed"] for body in model.bodies) == 2_000
