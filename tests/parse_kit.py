"""Answers parsed in one go."""

from __future__ import annotations

from hotloop.actions.parse import Parsed, TextParser


def parse(text: str, *, cut: bool = False, default_path: str = "") -> list[Parsed]:
    parser = TextParser(default_path)
    return [*parser.feed(text), *parser.finish(cut=cut)]


def faults(text: str, **options: bool) -> list[str]:
    parsed = parse(text, **options)
    assert [one.action for one in parsed if one.action is not None] == []
    return [one.fault for one in parsed]


QWEN = '```json\n{"name": "read", "arguments": {"path": "a.py"}}\n```'
