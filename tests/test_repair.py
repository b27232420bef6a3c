from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from pathlib import Path

import pytest

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import TextDelta, Watch
from hotloop.config import Config
from hotloop.ledger.events import EditApplied, Emit, Event, StepEnd, StepKind
from hotloop.ledger.events import TestsRun as RanTests
from repair_session import repaired

BANDS = """def band(weight):
    for limit, name in [(1, "small"), (5, "large")]:
        if weight < limit:
            return name
    return "none"
"""
TESTS = """from bands import band


def test_inside():
    assert band(0.5) == "small"


def test_edge():
    assert band(1) == "small"


def test_above():
    assert band(9) == "none"
"""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def _repo(tmp_path: Path, source: str = BANDS, tests: str = TESTS) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(source)
    (root / "test_bands.py").write_text(tests)
    return root


async def _repair(
    root: Path,
    model: CopyingModel,
    goal: str = "a weight at the limit is in the band",
    on_event: Emit = lambda _: None,
    config: Config | None = None,
) -> tuple[bool, list[Event]]:
    ended = await repaired(root, model, goal, config=config, on_event=on_event)
    return ended.solved, ended.events


def test_a_token_the_model_doubts_is_the_fix(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"<": ("<=", 0.2), "name": ("limit", 0.3)})
    solved, events = asyncio.run(_repair(root, model))
    assert solved
    assert (root / "bands.py").read_text() == BANDS.replace("<", "<=")
    assert (root / "test_bands.py").read_text() == TESTS
    assert [event.path for event in events if isinstance(event, EditApplied)] == ["bands.py"]
    assert any(isinstance(e, StepEnd) and e.kind is StepKind.VERIFY for e in events)


def test_the_last_verdict_is_a_run_of_all_tests_in_the_workspace(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    _, events = asyncio.run(_repair(root, CopyingModel({"<": ("<=", 0.2)})))
    last = [event for event in events if isinstance(event, RanTests)][-1]
    assert (last.green, last.targeted, last.passed) == (True, False, 3)


def test_a_line_the_model_completes_is_the_fix(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"weight": ("not", 0.3)}, {"if not": " weight > limit:"})
    solved, _ = asyncio.run(_repair(root, model))
    assert solved
    assert "if not weight > limit:" in (root / "bands.py").read_text()


def test_what_the_model_writes_behind_a_comment_is_the_fix_without_the_comment(
    tmp_path: Path,
) -> None:
    root = _repo(tmp_path)
    loop = '    for limit, name in [(1, "small"), (5, "large")]:'
    remark = f" the limit belongs to it\n{loop}\n        if weight <= limit:"
    solved, _ = asyncio.run(_repair(root, CopyingModel({}, remark=remark)))
    assert solved
    assert (root / "bands.py").read_text() == BANDS.replace("<", "<=")


def test_without_a_likely_candidate_the_workspace_is_as_it_was(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    solved, events = asyncio.run(_repair(root, CopyingModel({"<": (">", 0.2)})))
    assert not solved
    assert (root / "bands.py").read_text() == BANDS
    assert not [event for event in events if isinstance(event, EditApplied)]
    assert not list((tmp_path / "tmp").glob("hotloop-trial-*"))


def test_a_candidate_that_never_ends_is_ended(tmp_path: Path) -> None:
    root = _repo(
        tmp_path,
        "def count(n):\n    total = 0\n    while n > 1:\n        total += 1\n        n -= 1\n"
        "    return total\n",
        "from bands import count\n\n\ndef test_one():\n    assert count(1) == 1\n\n\n"
        "def test_none():\n    assert count(0) == 0\n",
    )
    model = CopyingModel({"-=": ("+=", 0.9), ">": (">=", 0.1)})
    solved, _ = asyncio.run(_repair(root, model))
    assert solved
    assert "while n >= 1" in (root / "bands.py").read_text()


def test_requests_of_a_repair_share_their_beginning(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"weight": ("not", 0.3), "<": (">", 0.3)}, {"if not": " weight:"})
    asyncio.run(_repair(root, model))
    asked = [body["messages"] for body in model.bodies]
    assert len(asked) > 2
    for earlier, later in itertools.pairwise(asked):
        fixed = earlier[:-1] if earlier[-1]["role"] == "assistant" else earlier
        assert later[: len(fixed)] == fixed


def _children() -> set[int]:
    """Return the processes whose parent this one is."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("at", [6, 12, 16, 20, 24, 28, 32])
def test_interrupted_at_any_event_nothing_is_left_half_done(tmp_path: Path, at: int) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"<": ("<=", 0.1), "name": ("limit", 0.3), "1": ("2", 0.2)})
    before = _children()
    seen = itertools.count(1)

    async def interrupted() -> None:
        task = asyncio.current_task()
        assert task is not None

        def on_event(_: Event) -> None:
            if next(seen) == at:
                task.cancel()

        await _repair(root, model, on_event=on_event)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert (root / "bands.py").read_text() in {BANDS, BANDS.replace("<", "<=")}
    assert (root / "test_bands.py").read_text() == TESTS
    assert not list((tmp_path / "tmp").glob("hotloop-trial-*"))
    assert _children() <= before


def _asked_about(model: CopyingModel) -> list[str]:
    """Return what each request's last question shows, without repeats."""
    questions = [
        [m["content"] for m in body["messages"] if m["role"] == "user"][-1] for body in model.bodies
    ]
    return list(dict.fromkeys(questions))


def test_a_table_that_the_most_suspect_function_reads_is_looked_at_second(tmp_path: Path) -> None:
    source = """LIMITS = [
    (1, "small"),
    (4, "large"),
]


def total(weights):
    return sum(weights)


def band(weights):
    weight = total(weights)
    for limit, name in LIMITS:
        if weight <= limit:
            return name
    return "none"
"""
    tests = """from bands import band, total


def test_total():
    assert total([1, 2]) == 3


def test_small():
    assert band([1]) == "small"


def test_large():
    assert band([2, 3]) == "large"
"""
    root = _repo(tmp_path, source, tests)
    model = CopyingModel({"4": ("5", 0.2)})
    solved, _ = asyncio.run(_repair(root, model))
    assert solved
    assert '5, "large")' in (root / "bands.py").read_text()
    assert "LIMITS = [" in _asked_about(model)[1]


def test_after_progress_the_definition_that_was_mended_comes_first(tmp_path: Path) -> None:
    source = """def low(n):
    return n + 1


def high(n):
    if n < 1:
        return 5
    return n - 3
"""
    tests = """from bands import high, low


def test_low():
    assert low(1) == 2


def test_zero():
    assert high(low(-1)) == 6


def test_high():
    assert high(low(1)) == 5
"""
    root = _repo(tmp_path, source, tests)
    model = CopyingModel({"5": ("6", 0.2), "-": ("+", 0.2)})
    solved, events = asyncio.run(_repair(root, model))
    edits = [event for event in events if isinstance(event, EditApplied)]
    assert solved
    assert len(edits) == 2
    assert (root / "bands.py").read_text() == source.replace("5", "6").replace("n - 3", "n + 3")
    assert "def high" in _asked_about(model)[-1]


REFACTOR_TESTS = """import inspect

import bands


def test_clean():
    assert bands.clean(" A ") == "a"


def test_used():
    for function in (bands.first, bands.second):
        assert "clean(" in inspect.getsource(function)
        assert function(" A ") == "a"
"""


class _Writer(CopyingModel):
    """Writes the bodies that a test gives, by the head that the answer is begun with."""

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        request = json.loads(body)
        self.bodies.append(request)
        begun = request["messages"][-1]["content"]
        head = begun.rstrip().rsplit("\n", 1)[-1]
        return CopyingStream([TextDelta(self.endings[head])])


def test_what_the_goal_names_is_written_in_one_answer(tmp_path: Path) -> None:
    source = """def first(text):
    return text.strip().lower()


def second(text):
    return text.strip().lower()
"""
    root = _repo(tmp_path, source, REFACTOR_TESTS)
    model = _Writer(
        {},
        {
            "def clean(text):": "\n    return text.strip().lower()\n```",
            "def first(text):": "    return clean(text)\n```",
            "def second(text):": "    return clean(text)\n```",
        },
    )
    goal = "Move what first() and second() share into clean(text) and use it in both."
    solved, events = asyncio.run(_repair(root, model, goal))
    assert solved
    assert len(model.bodies) == 3
    assert len([event for event in events if isinstance(event, EditApplied)]) == 1
    assert (root / "bands.py").read_text().count("strip()") == 1


class _Improving(CopyingModel):
    """Says what a test gives, one answer after the other; code only, with or without its head."""

    def __init__(self, *bodies: str) -> None:
        super().__init__({})
        self.left = list(bodies)

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        last = json.loads(body)["messages"][-1]
        head = "" if last["role"] == "assistant" else "```python\ndef high(n):\n"
        return CopyingStream([TextDelta(f"{head}{self.left.pop(0)}\n```")])


def test_what_breaks_other_tests_is_no_progress_though_a_name_is_there_now(tmp_path: Path) -> None:
    root = _repo(
        tmp_path,
        "def low(n):\n    return n\n",
        "import bands\n\n\ndef test_low():\n    assert bands.low(2) == 2\n\n\n"
        "def test_high():\n    assert bands.high(2) == 3\n",
    )
    breaks = [f"    return n - {by}\n\n\ndef low(n):\n    return {by}" for by in range(3, 20)]
    solved, events = asyncio.run(_repair(root, _Improving(*breaks), "Add high(n)."))
    assert not solved
    assert not [event for event in events if isinstance(event, EditApplied)]


def test_without_the_race_only_the_models_own_answers_are_tried(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    model = CopyingModel({"<": ("<=", 0.2)})
    solved, events = asyncio.run(_repair(root, model, config=Config(without=("race", "slips"))))
    assert not solved
    assert (root / "bands.py").read_text() == BANDS
    assert not [event for event in events if isinstance(event, EditApplied)]


def test_a_common_slip_is_mended_though_the_model_sees_nothing(tmp_path: Path) -> None:
    root = _repo(tmp_path)
    solved, _ = asyncio.run(_repair(root, CopyingModel({}), config=Config()))
    assert solved
    assert (root / "bands.py").read_text() == BANDS.replace("<", "<=")


MIDDLE = "def middle(items):\n    return items[0]\n"
MIDDLE_TESTS = """from bands import middle


def test_two():
    assert middle([1, 2]) == 2


def test_three():
    assert middle([1, 2, 3]) == 2


def test_five():
    assert middle([1, 2, 3, 4, 5]) == 3
"""


def test_a_slip_that_mends_some_tests_by_chance_does_not_stop_the_search(tmp_path: Path) -> None:
    root = _repo(tmp_path, MIDDLE, MIDDLE_TESTS)
    model = CopyingModel({"0": ("len(items) // 2", 0.3)})
    solved, events = asyncio.run(_repair(root, model, config=Config()))
    runs = [event for event in events if isinstance(event, RanTests)]
    assert solved
    assert any(run.passed and not run.green for run in runs)
    assert (root / "bands.py").read_text() == MIDDLE.replace("0", " len(items) // 2")
    assert len([event for event in events if isinstance(event, EditApplied)]) == 1


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_what_does_not_parse_is_not_tested(tmp_path: Path) -> None:
    def tested(name: str, model: CopyingModel) -> int:
        root = tmp_path / name
        root.mkdir()
        (root / "add.js").write_text("exports.add = (a, b) => {\n  return a - b;\n};\n")
        (root / "add.test.js").write_text(
            "const test = require('node:test');\nconst assert = require('node:assert');\n"
            "const { add } = require('./add.js');\n"
            "test('adds', () => assert.strictEqual(add(1, 2), 3));\n"
        )
        solved, events = asyncio.run(_repair(root, model))
        assert not solved
        return len([event for event in events if isinstance(event, RanTests)])

    certain = tested("certain", CopyingModel({}))
    assert tested("broken", CopyingModel({"-": ("((", 0.3)})) == certain
    assert tested("sound", CopyingModel({"-": ("*", 0.3)})) > certain
