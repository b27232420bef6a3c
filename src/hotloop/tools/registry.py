"""The tools by name."""

from __future__ import annotations

from collections.abc import Iterable

from hotloop.tools.base import Tool
from hotloop.tools.define import DefineTool
from hotloop.tools.edit import EditTool
from hotloop.tools.list_ import ListTool
from hotloop.tools.read import ReadTool
from hotloop.tools.run import RunTool
from hotloop.tools.search import SearchTool
from hotloop.tools.write import WriteTool

TOOLS: tuple[Tool, ...] = (
    ReadTool(),
    ListTool(),
    SearchTool(),
    EditTool(),
    WriteTool(),
    DefineTool(),
    RunTool(),
)


def registry(extra: Iterable[Tool] = ()) -> dict[str, Tool]:
    """Return the standard tools and `extra` by name; a later one replaces one of the same name."""
    return {tool.name: tool for tool in (*TOOLS, *extra)}
