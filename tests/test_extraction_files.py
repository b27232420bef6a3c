"""Functions made of what several files spell out: all is imported, and does what it did."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from copying_model import CopyingModel, CopyingStream
from hotloop.backend.types import TextDelta, Watch
from hotloop.config import Config
from hotloop.levers.extraction import Wanted, extracted
from hotloop.loop.extracting import parameters_in
from hotloop.workspace.related import related
from hotloop.workspace.root import Workspace
from repair_session import repaired

NORTH = '''"""The north."""

from __future__ import annotations

import re
from datetime import date

{above}
WORD = re.compile(r"[a-z]+")


def names(text: str) -> list[str]:
    """Return the words."""
    low = text.strip().lower()
    found = WORD.findall(low)
    return sorted(dict.fromkeys(found), key=len)


def day() -> date:
    return date(2024, 1, 2)
'''
SOUTH = """import re

{above}
WORD = re.compile(r"[a-z]+")


class Page:
    def __init__(self, title):
        self.title = title

    def count(self):
        line = self.title.strip().lower()
        parts = WORD.findall(line)
        return len(sorted(dict.fromkeys(parts), key=len))
"""
CHECK = """
import {0}north as north, {0}south as south
print(north.names("b aa B c1"), south.Page("x yy x").count(), north.day())
"""


def project(folder: str, north: str, south: str, others: dict[str, str]) -> dict[str, str]:
    files = {"north.py": NORTH.format(above=north), "south.py": SOUTH.format(above=south)}
    return {f"{folder}{path}": text for path, text in (files | others).items()}


def printed(root: Path, sources: dict[str, str], code: str) -> str:
    """Return what code prints with these files."""
    for path, text in sources.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


LAYOUTS: list[tuple[str, str, str, dict[str, str], str]] = [
    ("", "", "", {}, "from words import words_of"),
    ("", "from words import OTHER", "", {"words.py": "OTHER = 1\n"}, "import OTHER, words_of"),
    ("", "import words", "", {"words.py": "OTHER = 1\n"}, "words.words_of(text)"),
    (
        "pkg/",
        "from . import words",
        "",
        {"words.py": "", "__init__.py": ""},
        "words.words_of(text)",
    ),
    (
        "pkg/",
        "from pkg.base import A",
        "",
        {"base.py": "A = 1\n"},
        "from pkg.words import words_of",
    ),
    (
        "pkg/",
        "from .base import A",
        "from pkg import base",
        {"base.py": "A = 1\n", "__init__.py": ""},
        "from .words import words_of",
    ),
]


@pytest.mark.parametrize(("folder", "north", "south", "others", "line"), LAYOUTS)
def test_a_function_of_two_files_is_imported_as_they_import_already(
    tmp_path: Path, folder: str, north: str, south: str, others: dict[str, str], line: str
) -> None:
    sources = project(folder, north, south, others)
    wanted = Wanted("words_of", ("text",))
    code = CHECK.format(folder.replace("/", "."))
    before = printed(tmp_path / "before", sources, code)
    changes = extracted(f"{folder}words.py", sources, wanted)
    assert changes
    for at, change in enumerate(changes):
        assert printed(tmp_path / str(at), sources | change, code) == before
    assert line in changes[0][f"{folder}north.py"]
    assert "import re\n" in changes[0][f"{folder}words.py"]


def test_what_means_something_else_is_not_made_one() -> None:
    sources = project("", "", "", {})
    sources["south.py"] = sources["south.py"].replace("[a-z]+", "[a-y]+")
    for change in extracted("words.py", sources, Wanted("words_of", ("text",))):
        assert "WORD" not in change["words.py"] or len(change) == 2


def test_no_import_goes_round_in_a_circle(tmp_path: Path) -> None:
    sources = project("", "", "", {"words.py": "import south\n\nPAGE = south.Page\n"})
    for at, change in enumerate(extracted("words.py", sources, Wanted("words_of", ("text",)))):
        assert "south.py" not in change
        printed(tmp_path / str(at), sources | change, CHECK.format(""))


def test_a_function_that_files_have_alike_is_moved(tmp_path: Path) -> None:
    code = 'def loud(text):\n    """{0}"""\n    return text.upper() + END\n'
    sources = {
        "one.py": f'END = "!"\n\n\n{code.format("One.")}\n\ndef one():\n    return loud("a")\n',
        "two.py": f'import re\n\nEND = "!"\n\n\n{code.format("Two.")}',
    }
    check = "import one, two; print(one.one(), two.loud('b'), one.loud is two.loud)"
    assert printed(tmp_path / "before", sources, check) == "A! B! False\n"
    (change, *_) = extracted("both.py", sources, Wanted("loud", ("text",)))
    assert printed(tmp_path / "after", sources | change, check) == "A! B! True\n"
    assert all("def loud" not in change[path] for path in sources)


def test_a_method_is_made_in_the_class_that_both_come_from(tmp_path: Path) -> None:
    kind = """from base import Base


class {0}(Base):
    def __init__(self, side):
        self.side = side

    def {1}(self):
        whole = self.side * 4 + self.side ** 2
        return whole{2}
"""
    sources = {
        "base.py": 'class Base:\n    """Base."""\n',
        "one.py": kind.format("One", "text", " + 1"),
        "two.py": kind.format("Two", "size", " - 1"),
    }
    check = "import one, two; print(one.One(2).text(), two.Two(3).size())"
    before = printed(tmp_path / "before", sources, check)
    for wanted in (Wanted("whole", None, "Base"), Wanted("whole", ("side",), "Base")):
        changes = extracted("base.py", sources, wanted)
        assert len(changes[0]) == 3
        for at, change in enumerate(changes):
            root = tmp_path / f"{at}{wanted.parameters}"
            assert printed(root, sources | change, check) == before
    static = extracted("base.py", sources, Wanted("whole", ("side",), "Base"))[0]
    after = printed(tmp_path / "static", sources | static, "import base; print(base.Base.whole(1))")
    assert after == "5\n"


def test_related_files_are_those_that_goal_tests_and_imports_name(tmp_path: Path) -> None:
    files = {
        "pkg/core.py": "from . import used\n",
        "pkg/used.py": "",
        "pkg/user.py": "from .core import x\n",
        "pkg/named.py": "",
        "pkg/holder.py": "def long_name(): pass\n",
        "pkg/far.py": "",
        "pkg/tested.py": "",
        "pkg/__init__.py": "",
        "test_core.py": "from pkg.tested import y\n",
    }
    printed(tmp_path, files, "")
    goal = "named and long_name() share it"
    found = related(Workspace(tmp_path), "pkg/core.py", goal, ["test_core.py"])
    wanted = {f"pkg/{one}.py" for one in ("core", "used", "user", "named", "holder", "tested")}
    assert wanted <= set(found) <= {*wanted, "pkg/__init__.py"}
    assert next(iter(found)) == "pkg/core.py"


class Mute(CopyingModel):
    """Has nothing to say."""

    async def chat(self, body: bytes, watch: Watch = lambda marks: None) -> CopyingStream:
        self.bodies.append(body)  # pyright: ignore[reportArgumentType]
        return CopyingStream([TextDelta("\n```")])


def test_a_file_is_made_without_asking_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    tests = (
        "import north, south\nfrom words import words_of\n\n\n"
        "def test_words():\n    assert words_of(' B a1') == ['b', 'a']\n\n\n"
        "def test_used():\n    assert north.words_of is south.words_of is words_of\n"
    )
    sources = project("", "", "", {"test_words.py": tests})
    printed(root, sources, "")
    model = Mute({})
    goal = "north.py and south.py split words alike: make that words_of(text) in words.py."
    ended = asyncio.run(repaired(root, model, goal, config=Config()))
    assert ended.solved
    assert not model.bodies
    assert "words_of" in {
        node.name
        for node in ast.parse((root / "words.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


LETTERS = """def hello(person):
    title = person.strip().title() if person else "all"
    cents = 12
    price = f"{cents // 100}.{cents % 100:02d} EUR"
    return f"Dear {title}, {price}"


def bye(name, rest):
    title = name.strip().title() if name else "all"
    return "Bye " + title + f"{rest // 100}.{rest % 100:02d} EUR"
"""


def test_functions_that_tests_import_at_once_are_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    root = tmp_path / "repo"
    root.mkdir()
    (root / "letters.py").write_text(LETTERS)
    tests = (
        "from letters import bye, euros, hello, named\n\n\n"
        "def test_all():\n    assert named('') == 'all'\n    assert euros(305) == '3.05 EUR'\n"
        "    assert hello('ann') == 'Dear Ann, 0.12 EUR'\n    assert bye('', 0)[:7] == 'Bye all'\n"
    )
    (root / "test_letters.py").write_text(tests)
    model = Mute({})
    goal = "Move what both letters share into named(person) and euros(cents)."
    ended = asyncio.run(repaired(root, model, goal, config=Config()))
    assert ended.solved
    assert not model.bodies


@pytest.mark.parametrize(
    ("goal", "parameters"),
    [
        ("Add swap(glaze, old, factor=1.0) to it", "glaze, old, factor=1.0"),
        ('Add swap(a: int, *rest, by: str = ", ") to it', None),
        ("Add swap(a, *rest, by: str = '-') to it", "a, *rest, by: str = '-'"),
        ("Add swap() to it", ""),
        ("swap(...) is slow", None),
        ("swap(3, 4) is wrong", None),
        ("swap is wrong", None),
    ],
)
def test_parameters_are_read_off_the_goal(goal: str, parameters: str | None) -> None:
    assert parameters_in(goal, "swap") == parameters
