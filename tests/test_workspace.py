from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotloop.errors import ToolError, UsageError
from hotloop.workspace import search as search_module
from hotloop.workspace.root import TEXT_LIMIT_BYTES, Workspace
from hotloop.workspace.search import SearchResult, search
from hotloop.workspace.text import decode

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    root = tmp_path / "repo"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("one = 1\ntwo = 2\n")
    (root / "README.md").write_text("hello\n")
    return Workspace(root)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_root_that_is_no_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        Workspace(tmp_path / "none")


def test_paths_inside_resolve(work: Workspace) -> None:
    assert work.resolve("src/../src/a.py") == work.root / "src" / "a.py"
    assert work.resolve(str(work.root / "src")) == work.root / "src"
    assert work.relative("./src/a.py") == "src/a.py"
    assert work.resolve("not/yet/there.py") == work.root / "not" / "yet" / "there.py"


@pytest.mark.parametrize(
    "path", ["..", "../other", "/etc/passwd", "src/../../x", "/", "a\0b", "x" * 5000, "~/../../x"]
)
def test_paths_outside_are_refused(work: Workspace, path: str) -> None:
    with pytest.raises(ToolError):
        work.resolve(path)


def test_links_that_leave_are_refused_and_links_inside_followed(work: Workspace) -> None:
    (work.root / "out").symlink_to("/etc")
    (work.root / "in").symlink_to("src")
    (work.root / "loop").symlink_to("loop")
    with pytest.raises(ToolError, match="outside"):
        work.resolve("out/passwd")
    assert work.resolve("in/a.py") == work.root / "src" / "a.py"
    with pytest.raises(ToolError):
        work.resolve("loop/x")


def test_pipes_and_git_internals_are_refused(work: Workspace) -> None:
    os.mkfifo(work.root / "pipe")
    with pytest.raises(ToolError, match="regular file"):
        work.read_text("pipe")
    (work.root / ".git" / "hooks").mkdir(parents=True)
    (work.root / "hooks").symlink_to(".git/hooks")
    for path in (".git/config", ".GIT/config", "hooks/pre-commit", "src/.git"):
        with pytest.raises(ToolError, match="git"):
            work.resolve(path, for_writing=True)
    with pytest.raises(ToolError, match="folder"):
        work.resolve("src", for_writing=True)


_PIECES = st.sampled_from(
    ["..", ".", "/", "//", "src", "a.py", "out", "deep", "etc", "up", "~", "\\", " ", "\0", "é", ""]
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=8), slash=st.booleans())
def test_resolve_never_leaves_the_workspace(tmp_path: Path, pieces: list[str], slash: bool) -> None:
    root = tmp_path / "repo"
    if not root.exists():
        (root / "src" / "deep").mkdir(parents=True)
        (root / "out").symlink_to("/")
        (root / "src" / "up").symlink_to("../..")
        (root / "deep").symlink_to("src/deep")
    path = ("/" if slash else "") + "/".join(pieces)
    try:
        found = Workspace(root).resolve(path)
    except ToolError:
        return
    assert Path(os.path.realpath(found)).is_relative_to(os.path.realpath(root))


def test_binary_and_undecodable_files_are_refused(work: Workspace) -> None:
    (work.root / "b.bin").write_bytes(b"\x7fELF\0\1")
    (work.root / "l.txt").write_bytes("grün".encode("latin-1"))
    for name in ("b.bin", "l.txt"):
        with pytest.raises(ToolError, match="not text"):
            work.read_text(name)


def test_missing_files_suggest_near_names(work: Workspace) -> None:
    with pytest.raises(ToolError, match=r"did you mean src/a\.py"):
        work.read_text("a.py")
    with pytest.raises(ToolError, match="is a folder"):
        work.read_text("src")


def test_huge_files_are_read_by_ranges(work: Workspace) -> None:
    line = "x" * 99 + "\n"
    (work.root / "huge.txt").write_text(line * (TEXT_LIMIT_BYTES // 100 + 50) + "end\n")
    with pytest.raises(ToolError, match=r"2\.0 MiB[\s\S]*range of lines"):
        work.read_text("huge.txt")
    excerpt = work.read_lines("huge.txt", 20_000, 20_001)
    assert (excerpt.text, excerpt.last) == ((line * 2).rstrip("\n"), 20_001)
    with pytest.raises(ToolError, match="more than 2 MiB"):
        work.read_lines("huge.txt", 1)
    last = TEXT_LIMIT_BYTES // 100 + 51
    assert work.read_lines("huge.txt", last).text == "end"
    with pytest.raises(ToolError, match=f"only {last} lines"):
        work.read_lines("huge.txt", last + 1)


def test_one_huge_line_does_not_fill_the_memory(work: Workspace) -> None:
    (work.root / "min.js").write_text("y" * (3 * TEXT_LIMIT_BYTES) + "\nlast\n")
    with pytest.raises(ToolError, match="2 MiB"):
        work.read_lines("min.js", 1, 1)
    assert work.read_lines("min.js", 2, 2).text == "last"


def test_line_ranges(work: Workspace) -> None:
    assert work.read_lines("src/a.py", 2, 99).text == "two = 2"
    assert work.read_lines("src/a.py", 1, 1).total == 2
    with pytest.raises(ToolError, match="only 2 lines"):
        work.read_lines("src/a.py", 3)
    with pytest.raises(ToolError, match="no lines 2 to 1"):
        work.read_lines("src/a.py", 2, 1)


def test_files_without_git_leave_out_build_folders(work: Workspace) -> None:
    for folder in ("node_modules", "__pycache__", ".venv", "target", "dist", "build", ".hidden"):
        (work.root / folder).mkdir()
        (work.root / folder / "x.py").write_text("")
    assert work.files() == ["README.md", "src/a.py"]
    assert work.files("src") == ["src/a.py"]


@needs_git
def test_files_with_git_respect_gitignore_and_leave_the_index_alone(work: Workspace) -> None:
    git(work.root, "init", "-q")
    (work.root / ".gitignore").write_text("*.log\nbuilt/\n")
    git(work.root, "add", "README.md", ".gitignore")
    (work.root / "x.log").write_text("")
    (work.root / "built").mkdir()
    (work.root / "built" / "y").write_text("")
    (work.root / "gone.txt").write_text("")
    git(work.root, "add", "gone.txt")
    (work.root / "gone.txt").unlink()
    index = (work.root / ".git" / "index").read_bytes()
    assert work.files() == [".gitignore", "README.md", "src/a.py"]
    assert (work.root / ".git" / "index").read_bytes() == index


@needs_git
def test_listing_runs_no_program_that_the_repository_configures(work: Workspace) -> None:
    git(work.root, "init", "-q")
    hook = work.root / "evil.sh"
    hook.write_text("#!/bin/sh\ntouch owned\n")
    hook.chmod(0o755)
    git(work.root, "config", "core.fsmonitor", str(hook))
    assert "src/a.py" in work.files()
    assert not (work.root / "owned").exists()


def test_copy_tree_keeps_content_modes_and_links(work: Workspace, tmp_path: Path) -> None:
    (work.root / "src" / "a.py").chmod(0o755)
    (work.root / "link").symlink_to("src")
    (work.root / "node_modules").mkdir()
    copy = work.copy_tree(tmp_path / "copies" / "1")
    assert copy.files() == ["README.md", "src/a.py"]
    assert copy.resolve("src/a.py").stat().st_mode & 0o777 == 0o755
    assert (copy.root / "link").readlink() == Path("src")
    assert (copy.root / "node_modules").readlink() == work.root / "node_modules"
    copy.resolve("README.md").write_text("changed")
    assert work.read_text("README.md").text == "hello\n"


@needs_git
def test_copy_tree_links_what_git_ignores_but_no_build_folders(
    work: Workspace, tmp_path: Path
) -> None:
    git(work.root, "init", "-q")
    (work.root / ".gitignore").write_text("_version.py\ndeps/\ntarget/\n__pycache__/\n")
    for name in ("src/_version.py", "deps/d.js", "target/t", "src/__pycache__/a.pyc"):
        (work.root / name).parent.mkdir(exist_ok=True)
        (work.root / name).write_text("built")
    copy = work.copy_tree(tmp_path / "copy").root
    assert (copy / "src" / "_version.py").readlink() == work.root / "src" / "_version.py"
    assert (copy / "deps").readlink() == work.root / "deps"
    assert sorted(path.name for path in copy.iterdir()) == [
        ".gitignore",
        "README.md",
        "deps",
        "src",
    ]
    assert not (copy / "src" / "__pycache__").exists()
    assert not (copy / "src" / "a.py").is_symlink()


_LINES = st.lists(st.text(alphabet="ab é", max_size=3), min_size=1, max_size=6)


@given(
    lines=_LINES,
    endings=st.lists(st.sampled_from(["\n", "\r\n"]), min_size=6, max_size=6),
    code=st.sampled_from([("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe")]),
)
def test_decoding_and_encoding_is_the_identity(
    lines: list[str], endings: list[str], code: tuple[str, bytes]
) -> None:
    encoding, mark = code
    whole = "".join(a + b for a, b in zip(lines, endings, strict=False))
    for text in (whole, whole.rstrip("\r\n")):
        data = mark + text.encode(encoding)
        file = decode(data, "f")
        assert file.encode(file.text) == data


def test_changed_text_keeps_encoding_and_endings() -> None:
    crlf = decode(b"\xef\xbb\xbfa\r\nb", "f")
    assert crlf.encode("a\nx\nb") == b"\xef\xbb\xbfa\r\nx\r\nb"
    mixed = decode(b"a\r\nb\nc\r\nd\r\n", "f")
    assert mixed.encode("a\nb\nX\nd\n") == b"a\r\nb\nX\r\nd\r\n"
    assert mixed.encode("a\nb\nc\nd\ne\n") == b"a\r\nb\nc\r\nd\r\ne\r\n"
    latin = decode("# coding: latin-1\ns = 'ü'\n".encode("latin-1"), "f.py")
    assert latin.encode(latin.text.replace("ü", "ö")).endswith(b"'\xf6'\n")
    with pytest.raises(ToolError, match=r"latin|8859"):
        latin.encode("→")


def found(work: Workspace, pattern: str, path: str = ".") -> SearchResult:
    return asyncio.run(search(work, pattern, path))


@pytest.fixture(params=["ripgrep", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "python":
        monkeypatch.setattr(search_module, "_ripgrep", lambda: None)
    elif search_module._ripgrep() is None:  # pyright: ignore[reportPrivateUsage]
        pytest.skip("needs ripgrep")
    return str(request.param)


@pytest.mark.usefixtures("engine")
def test_search_finds_lines(work: Workspace) -> None:
    (work.root / "node_modules").mkdir()
    (work.root / "node_modules" / "n.py").write_text("two = 2\n")
    (work.root / "b.bin").write_bytes(b"two = 2\0")
    result = found(work, r"two\s*=")
    assert [(m.path, m.line, m.text) for m in result.matches] == [("src/a.py", 2, "two = 2")]
    assert result.complete
    assert not found(work, "two", "README.md").matches
    assert [m.path for m in found(work, "two", "src/a.py").matches] == ["src/a.py"]


@pytest.mark.usefixtures("engine")
def test_search_takes_what_is_no_regex_literally(work: Workspace) -> None:
    (work.root / "c.py").write_text("call(1)\n")
    result = found(work, "call(")
    assert result.literal
    assert [m.path for m in result.matches] == ["c.py"]


def test_search_knows_look_around(work: Workspace) -> None:
    result = found(work, r"(?<!n)e = 1")
    assert not result.literal
    assert not result.matches
    assert found(work, r"\w(?= = 2)").matches


@pytest.mark.usefixtures("engine")
def test_search_is_bounded(work: Workspace) -> None:
    (work.root / "many.txt").write_text("needle\n" * 500)
    result = asyncio.run(search(work, "needle", max_matches=10))
    assert len(result.matches) == 10
    assert not result.complete


def test_a_search_that_never_ends_is_ended(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "_ripgrep", lambda: None)
    (work.root / "trap.txt").write_text("a" * 60 + "!\n")
    result = asyncio.run(search(work, r"(a+)+$", deadline_s=0.4))
    assert result.timed_out
    assert not result.complete


@needs_git
@pytest.mark.usefixtures("engine")
def test_search_respects_gitignore(work: Workspace) -> None:
    git(work.root, "init", "-q")
    (work.root / ".gitignore").write_text("secret.txt\n")
    (work.root / "secret.txt").write_text("two\n")
    assert [m.path for m in found(work, "two").matches] == ["src/a.py"]


@pytest.mark.usefixtures("engine")
def test_search_follows_no_link_out_of_the_workspace(work: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("two private\n")
    (work.root / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert [m.path for m in found(work, "two").matches] == ["src/a.py"]
    with pytest.raises(ToolError, match="outside"):
        found(work, "two", "link.txt")


def test_search_outside_is_refused(work: Workspace) -> None:
    with pytest.raises(ToolError, match="outside"):
        found(work, "root", "/etc")
    with pytest.raises(ToolError, match="no nowhere"):
        found(work, "x", "nowhere")
    with pytest.raises(ToolError, match="empty"):
        found(work, "")
