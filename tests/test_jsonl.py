from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

from article_session import article_events, session_start
from e2e_helpers import END_FIELDS
from hotloop.ledger.events import CallDelta, Event, Note
from hotloop.ui.jsonl import JsonLines


def lines(events: list[Event]) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    sink = JsonLines(stream)
    for event in events:
        sink(event)
    assert sink.close() == ""
    return [json.loads(line) for line in stream.getvalue().decode().splitlines()]


def test_the_last_line_is_session_end_with_exactly_the_agreed_fields() -> None:
    *_, last = lines(article_events())
    assert list(last) == END_FIELDS
    assert last["type"] == "session.end"
    assert last["outcome"] == "solved"
    assert (last["wall_s"], last["model_calls"], last["output_tokens"]) == (21.7, 9, 1120)
    assert list(last["steps"][0]) == ["kind", "start_s", "duration_s", "budget_s"]


def test_nothing_comes_after_session_end() -> None:
    events = [*article_events(), Note(t_s=30, level="info", text="late")]
    assert lines(events)[-1]["type"] == "session.end"


def test_text_still_gathering_comes_before_session_end() -> None:
    *before, end = article_events()
    delta = CallDelta(t_s=21, call=99, channel="text", text="last words")
    *_, text, last = lines([*before, delta, end])
    assert text["text"] == "last words"
    assert last["type"] == "session.end"


def test_every_line_is_one_object_that_names_its_type_first() -> None:
    made = lines(article_events())
    assert [next(iter(line)) for line in made] == ["type"] * len(made)
    assert made[0]["type"] == "session.start"
    texts = [line["text"] for line in made if line["type"] == "call.delta" and line["call"] == 0]
    assert "".join(texts) == "plan 0\nplan 1\nplan 2\nplan 3\n"


def test_floats_have_six_decimals_at_most() -> None:
    (line,) = lines([Note(t_s=1 / 3, level="info", text="")])
    assert line["t_s"] == 0.333333


def test_line_breaks_and_secrets_in_texts_do_not_break_lines() -> None:
    key = "sk-" + "a1b2c3d4" * 4
    (line,) = lines([session_start(goal=f"first\nsecond\u2028third {key}")])
    assert line["goal"] == "first\nsecond\u2028third [redacted:api-key]"


def test_a_reader_that_goes_away_is_no_failure() -> None:
    code = (
        "import sys\nfrom hotloop.ui.jsonl import JsonLines\n"
        "from hotloop.ledger.events import Note\n"
        "sink = JsonLines(sys.stdout.buffer)\n"
        "for i in range(20000): sink(Note(t_s=i, level='info', text='x' * 100))\n"
        "print(repr(sink.close()), file=sys.stderr)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()
        assert process.wait(30) == 0
    assert errors.strip() == "''"


def test_a_stream_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as raw:
        stream: BinaryIO = io.BufferedWriter(raw)
        sink = JsonLines(stream)
        for event in article_events():
            sink(event)
        assert "No space left" in sink.close()
        raw_fd = os.open(tmp_path / "sink", os.O_CREAT | os.O_WRONLY)
        os.dup2(raw_fd, raw.fileno())  # so that the buffer's last flush succeeds
        os.close(raw_fd)
        stream.close()


def test_a_reader_that_takes_nothing_does_not_hold_the_session() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "wb")
    sink = JsonLines(stream)
    for number in range(2000):
        sink(Note(t_s=number, level="info", text="x" * 100))
    assert "took none" in sink.close(timeout_s=0.2)
    os.close(reading)  # ends the blocked write
    assert sink.close() == ""
