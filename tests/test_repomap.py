"""The map of a repository: what is in it, in which order, and when there is one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_session import DONE, FIX, run, says
from hotloop.ledger.events import LeverAccount
from hotloop.levers.prefetch import MAP_CHARS, MAP_FILES, Shown, map_repository, wants_map
from hotloop.workspace.repomap import repo_map
from hotloop.workspace.tags import FileTags, Tag, read_tags

FAR = 3600.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def write(root: Path, files: dict[str, str]) -> list[str]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return sorted(files)


def tags_of(root: Path, files: list[str]) -> dict[str, FileTags]:
    return read_tags(root, files, time.monotonic() + FAR)


# tags -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "heads", "names"),
    [
        (
            "a.py",
            "import os\n\nclass A(B):\n    def go(self, x) -> str:\n        return use(x)  # not\n",
            ["class A(B)", "def A.go(self, x) -> str"],
            {"use", "os", "B"},
        ),
        (
            "a.ts",
            "import { f } from './lib/far';\nexport function g(x: T) {\n}\n",
            ["function g(x: T)"],
            {"far", "T"},
        ),
        (
            "a.js",
            "const { f } = require('./near.js');\nfunction g() {\n}\n",
            ["function g()"],
            {"near"},
        ),
        ("a.go", "package a\n\nfunc (s *S) Run() {\n\ts.f.G()\n}\n", ["func (s *S) Run()"], {"G"}),
        ("a.rs", "use b::C;\nfn f(x: C) -> u8 {\n    1\n}\n", ["fn f(x: C) -> u8"], {"C"}),
        ("a.c", "int f(int x)\n{\n    return 1;\n}\n", ["int f(int x)"], set[str]()),
    ],
)
def test_definitions_and_names_of_a_file(
    tmp_path: Path, path: str, text: str, heads: list[str], names: set[str]
) -> None:
    found = tags_of(tmp_path, write(tmp_path, {path: text}))[path]
    assert [tag.head for tag in found.tags] == heads
    assert names <= set(found.names)
    assert "not" not in found.names


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    files = write(tmp_path, {"a.py": "def a(): ...\n", "b.py": "def b(): ...\n"})
    assert set(tags_of(tmp_path, files)) == {"a.py", "b.py"}
    over = time.monotonic() - 1
    assert set(read_tags(tmp_path, files, over)) == {"a.py", "b.py"}
    (tmp_path / "a.py").write_text("def changed(): ...\n")
    (tmp_path / "b.py").unlink()
    assert set(read_tags(tmp_path, files, over)) == set()
    assert [tag.name for tag in tags_of(tmp_path, files)["a.py"].tags] == ["changed"]


def test_what_there_was_no_time_for_is_read_the_next_time(tmp_path: Path) -> None:
    files = write(tmp_path, {f"m{n}.py": f"def f{n}(): ...\n" for n in range(3)})
    assert read_tags(tmp_path, files, time.monotonic() - 1) == {}
    assert set(tags_of(tmp_path, files[:1])) == {"m0.py"}
    assert set(tags_of(tmp_path, files)) == set(files)


def test_a_broken_cache_and_files_that_are_no_code_do_no_harm(tmp_path: Path) -> None:
    files = write(tmp_path / "r", {"a.py": "def a(): ...\n", "b.txt": "def b"})
    (tmp_path / "r" / "c.py").write_bytes(b"\xff\xfe")
    files += ["c.py", "gone.py"]
    assert set(tags_of(tmp_path / "r", files)) == {"a.py"}
    (cache,) = (tmp_path / "home").rglob("*.msgpack")
    cache.write_bytes(b"\x00broken")
    assert set(tags_of(tmp_path / "r", files)) == {"a.py"}


# the map ----------------------------------------------------------------------------------

SHOP = {
    "shop/basket.py": "from shop.price import total\n\ndef checkout(x):\n    return total(x)\n",
    "shop/price.py": "from shop.tax import rate\n\ndef total(items):\n    return rate()\n",
    "shop/tax.py": "def rate():\n    return 1\n",
    "shop/other.py": "def unrelated():\n    return 1\n",
    "blog/post.py": "from blog.text import shorten\n\ndef render(x):\n    return shorten(x)\n",
    "blog/text.py": "def shorten(post):\n    return post\n",
    "tests/test_basket.py": "from shop.basket import checkout\n\ndef test_it():\n  checkout(0)\n",
}


def test_what_is_near_the_files_at_hand_comes_first(tmp_path: Path) -> None:
    tags = tags_of(tmp_path, write(tmp_path, SHOP))
    at_hand, tests = ["tests/test_basket.py"], ["tests/test_basket.py"]
    found = repo_map(tags, at_hand, (), leave_out=tests, most_chars=1_000)
    assert found.paths[:3] == ("shop/basket.py", "shop/price.py", "shop/tax.py")
    assert found.text.startswith("shop/basket.py:\n3 def checkout(x)\nshop/price.py:\n")
    assert "tests/" not in found.text
    elsewhere = repo_map(tags, ["blog/post.py"], (), leave_out=tests, most_chars=1_000)
    assert elsewhere.paths[0] == "blog/text.py"


def test_names_that_were_spoken_of_are_in_it(tmp_path: Path) -> None:
    tags = tags_of(tmp_path, write(tmp_path, SHOP))
    found = repo_map(tags, ["shop/basket.py"], ["unrelated"], most_chars=40)
    assert found.paths == ("shop/other.py",)


NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "x"])
FILES = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "c/d.py", "c/e.py", "t/test_a.py"]),
    st.builds(
        lambda names, used: FileTags(0, 0, tuple(Tag(n, 1, f"def {n}()") for n in names), used),
        st.lists(NAMES, max_size=4, unique=True),
        st.dictionaries(NAMES | st.sampled_from(["a", "b", "d"]), st.integers(1, 9)),
    ),
)


@given(FILES, st.sets(st.sampled_from(["a.py", "c/d.py", "z.py"])), st.integers(0, 200))
def test_a_map_is_never_longer_than_allowed(
    tags: dict[str, FileTags], at_hand: set[str], most_chars: int
) -> None:
    found = repo_map(tags, at_hand, ["beta"], leave_out=["b.py"], most_chars=most_chars)
    assert len(found.text) <= most_chars
    assert set(found.paths) <= set(tags) - {"b.py"}
    assert all(f"{path}:\n" in found.text for path in found.paths)


# when there is one ------------------------------------------------------------------------


def big(root: Path, count: int = MAP_FILES) -> list[str]:
    files = {f"lib/part{n}.py": f"def piece{n}():\n    return {n}\n" for n in range(count)}
    files["lib/engine.py"] = "from lib.part3 import piece3\n\ndef start():\n    return piece3()\n"
    return write(root, files)


def test_only_a_large_repository_that_nothing_settles_wants_a_map() -> None:
    many = [f"m{n}.py" for n in range(MAP_FILES)]
    assert wants_map(many, [])
    assert not wants_map(many[1:], [])
    assert not wants_map([f"{n}.txt" for n in range(99)], [])
    assert not wants_map([f"tests/test_{n}.py" for n in range(99)], [])
    assert not wants_map(many, [Shown("m1.py", "", "named")])
    assert wants_map(many, [Shown("tests/test_m1.py", "", "named")])


def test_a_word_of_the_goal_puts_its_file_at_hand(tmp_path: Path) -> None:
    files = big(tmp_path)
    found = map_repository(tmp_path, files, "The engine starts with the wrong part", [], [])
    assert found.paths[0] == "lib/part3.py"
    assert len(found.text) <= MAP_CHARS


def session(tmp_path: Path, goal: str, **settings: object) -> tuple[str, str]:
    """Return the first message of a session in a large repository, and the lever's account."""
    repo = tmp_path / "big"
    big(repo)
    (repo / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (repo / "check.py").write_text("import calc\nassert calc.add(2, 3) == 5\n")
    ended = run(tmp_path, [says(FIX), says(DONE)], goal=goal, repo=repo, **settings)
    details = [one.detail for one in ended.of(LeverAccount) if one.lever == "prefetch"]
    return str(ended.requests[0]["messages"][1]["content"]), "".join(details)


def test_the_map_stands_in_the_first_message_and_its_use_is_told(tmp_path: Path) -> None:
    first, account = session(tmp_path, "The engine starts with the wrong part")
    assert "lib/part3.py:\n1 def piece3()" in first
    assert "files in the map: calc.py" in account


@pytest.mark.parametrize(
    ("goal", "without"), [("Mend calc.py", ()), ("The engine is wrong", ("prefetch",))]
)
def test_there_is_no_map_where_it_does_not_pay(
    tmp_path: Path, goal: str, without: tuple[str, ...]
) -> None:
    first, account = session(tmp_path, goal, without=without)
    assert "Definitions that matter" not in first
    assert "map" not in account


def test_touching_a_file_without_changing_it_only_costs_reading_it_again(tmp_path: Path) -> None:
    files = write(tmp_path, {"a.py": "def a(): ...\n"})
    first = tags_of(tmp_path, files)["a.py"]
    os.utime(tmp_path / "a.py", ns=(1, 1))
    again = tags_of(tmp_path, files)["a.py"]
    assert (again.tags, again.names) == (first.tags, first.names)
