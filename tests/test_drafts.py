"""Answers that a model nearly gave."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import TextDelta, TokenScore, Watch
from hotloop.config import Config
from hotloop.loop.drafts import Draft, Drafts
from repair_session import repaired

FIRST = Draft(likelihood=1.0, text="```python\ndef f(n):", heads=("later",))


def scored(*tokens: str, **others: dict[str, float]) -> list[TokenScore]:
    """Return tokens, the one at index `at_N` with other tokens and their probabilities."""
    return [
        TokenScore(
            token,
            -0.1,
            tuple((one, math.log(p)) for one, p in others.get(f"at_{at}", {}).items()),
        )
        for at, token in enumerate(tokens)
    ]


def texts(drafts: Drafts) -> list[str]:
    found: list[str] = []
    while (one := drafts.next()) is not None:
        found.append(one.text.removeprefix(FIRST.text))
    return found


def test_the_likeliest_way_comes_first_and_none_twice() -> None:
    drafts = Drafts("a.py", [FIRST])
    assert drafts.next() == FIRST
    scores = scored("\n    return", " n", " - 1", at_1={" n": 0.5, " m": 0.3}, at_2={" + 1": 0.4})
    drafts.nearly(FIRST, scores)
    first = drafts.next()
    assert first is not None
    assert (first.text, first.heads) == (f"{FIRST.text}\n    return n + 1", ("later",))
    drafts.nearly(first, scored(" * 2", at_0={" * 3": 0.9}))
    assert texts(drafts) == ["\n    return n + 1 * 3", "\n    return m"]


def test_comments_layout_and_what_is_behind_the_answer_are_no_other_way() -> None:
    drafts = Drafts("a.py", [FIRST])
    drafts.next()
    drafts.nearly(
        FIRST,
        scored(
            "\n    ",
            "x",
            "  # so",
            " it is",
            "\n```",
            "\nThat",
            at_0={"\n        ": 0.5},
            at_1={"x ": 0.4, "# what": 0.3, "rare": 0.01},
            at_3={" was": 0.5},
            at_4={"\n```\n": 0.5},
            at_5={"\nThis": 0.9},
        ),
    )
    assert texts(drafts) == []


TESTS = """import bands


def test_low():
    assert bands.low(2) == 2


def test_high():
    assert bands.high(2) == 5
"""


class Doubting(CopyingModel):
    """Writes `return n - 3`, and nearly `+`; without probabilities where none are asked for."""

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        request = json.loads(body)
        self.bodies.append(request)
        last = request["messages"][-1]
        if last["role"] != "assistant":
            return CopyingStream([TextDelta("I do not know.")])
        if last["content"].endswith("+"):
            return CopyingStream([TextDelta(" 3\n```")])
        tokens = ("\n    return n", " -", " 3\n```")
        scores = scored(*tokens, at_1={" +": 0.2}) if request.get("logprobs") else []
        return CopyingStream([TextDelta("".join(tokens), scores=tuple(scores))])


@pytest.mark.parametrize("without", [("slips",), ("slips", "race")])
def test_what_an_answer_nearly_was_is_written_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text("def low(n):\n    return n\n")
    (root / "test_bands.py").write_text(TESTS)
    model = Doubting({})
    config = Config(without=without)
    ended = asyncio.run(repaired(root, model, "Add high(n).", config=config))
    assert ended.solved == ("race" not in without)
    if ended.solved:
        assert "return n + 3" in (root / "bands.py").read_text()
        assert len(model.bodies) <= 4
    else:  # then the same questions are asked with a temperature
        assert {body["temperature"] for body in model.bodies} == {0, 0.9}
        assert len({body.get("seed") for body in model.bodies}) > 3
        first, *later = (body["max_tokens"] for body in model.bodies[:16])
        assert max(later) < first  # one that rambles takes no longer than twice the others


FILE = """import math

LEAST = math.inf


def low(n):
    return n
"""


class Repeating(CopyingModel):
    """Repeats the file where it may begin as it likes, up to what the request is to stop at."""

    def __init__(self) -> None:
        super().__init__({})
        self.said: list[str] = []

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        request = json.loads(body)
        self.bodies.append(request)
        if request["messages"][-1]["role"] == "assistant":
            return CopyingStream([TextDelta("\n    return n\n```")])
        text = f"```python\n{FILE}```"
        for one in request.get("stop", []):
            text = text.partition(one)[0]
        self.said.append(text)
        return CopyingStream([TextDelta(text)])


def test_an_answer_that_only_repeats_the_file_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "bands.py").write_text(FILE)
    (root / "test_bands.py").write_text(TESTS)
    model = Repeating()
    asyncio.run(repaired(root, model, "Add high(n).", config=Config(without=("slips",))))
    assert "LEAST" not in model.said[0]
