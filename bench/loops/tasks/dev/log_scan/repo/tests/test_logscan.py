from logscan.parse import parse_line, parse_lines
from logscan.summary import at_least, by_source, longest_gap

LOG = """\
2026-02-11T08:14:03 - INFO - gateway - started
2026-02-11T08:14:09 - WARN - disk - at 91%
2026-02-11T08:15:09 - ERROR - gateway - lost peer
  after 3 attempts
"""


def test_one_line():
    entry = parse_line("2026-02-11T08:14:03 - INFO - gateway - started\n")
    assert (entry.level, entry.source, entry.message) == ("INFO", "gateway", "started")


def test_other_text():
    assert parse_line("hello") is None
    assert parse_line("a - b - c - d") is None


def test_message_with_separator():
    entry = parse_line("2026-02-11T08:14:03 - INFO - queue - job 7 - retry - ok")
    assert entry.message == "job 7 - retry - ok"


def test_continuation_lines():
    entries = list(parse_lines(LOG.splitlines()))
    assert entries[-1].message == "lost peer\n  after 3 attempts"


def test_separator_inside_a_log():
    extra = "2026-02-11T08:16:00 - WARN - disk - sda1 - at 92%"
    entries = list(parse_lines([*LOG.splitlines(), extra]))
    assert len(entries) == 4
    assert entries[3].message == "sda1 - at 92%"


def test_summary():
    entries = list(parse_lines(LOG.splitlines()))
    assert len(at_least(entries, "WARN")) == 2
    assert by_source(entries) == [("gateway", 2), ("disk", 1)]
    assert longest_gap(entries) == 60.0
