from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from hotloop.loop.focus import focus_on
from hotloop.loop.tables import with_tables
from hotloop.workspace.definitions import definitions
from hotloop.workspace.localise import Localisation, SuspectDefinition
from hotloop.workspace.root import Workspace

FILES = {
    "line.py": """\
        LIMITS = {
            "a": 1,
        }


        class Line:
            def advance(self, job):
                job.move("on", LIMITS)

            def other(self):
                return 1
        """,
    "job.py": """\
        from moves import MOVES

        UNSEEN = {
            "b": 1,
        }


        class Job:
            def move(self, name, limits):
                return MOVES[name], limits

            def rest(self):
                return UNSEEN
        """,
    "moves.py": '''\
        _TABLE = """
        on off
        """


        def _read(table):
            return dict([table.split()])


        MOVES = _read(_TABLE)
        ''',
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    return Workspace(tmp_path)


def order(workspace: Workspace, suspects: list[str], executed: list[str]) -> list[str]:
    """Return the names of focuses: `suspects` with their tables, where `executed` ran too."""
    known = {
        one.qualified_name: SuspectDefinition(
            path, one.qualified_name, one.start_line, one.end_line, 1.0
        )
        for path in FILES
        for one in definitions(path, workspace.read_text(path).text)
    }
    localisation = Localisation(definitions=tuple(known[name] for name in [*suspects, *executed]))
    found = [focus_on(workspace, known[name], localisation) for name in suspects]
    named = with_tables([one for one in found if one], workspace, localisation)
    return [one.name for one in named]


def test_own_table_follows_the_first_suspect(workspace: Workspace) -> None:
    assert order(workspace, ["Line.advance", "Line.other"], []) == [
        "Line.advance",
        "LIMITS",
        "Line.other",
    ]


def test_table_of_another_module_behind_a_method_that_ran(workspace: Workspace) -> None:
    expected = ["Line.advance", "LIMITS", "Line.other", "_TABLE"]
    assert order(workspace, ["Line.advance", "Line.other"], ["Job.move"]) == expected


def test_table_follows_the_function_that_reads_it(workspace: Workspace) -> None:
    names = order(workspace, ["Line.advance", "Line.other", "Job.move"], [])
    assert names == ["Line.advance", "LIMITS", "Line.other", "Job.move", "_TABLE"]


def test_table_of_the_only_suspect(workspace: Workspace) -> None:
    assert order(workspace, ["Job.move"], []) == ["Job.move", "_TABLE"]
    assert order(workspace, ["LIMITS"], []) == ["LIMITS"]
    assert order(workspace, [], ["Job.move"]) == []
