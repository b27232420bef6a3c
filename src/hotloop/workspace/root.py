"""The user's repository: which paths belong to it, what is in it, and reading its files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from hotloop.errors import ToolError, UsageError
from hotloop.workspace import text

TEXT_LIMIT_BYTES = 2 << 20
SKIPPED_FOLDERS = frozenset(
    {"node_modules", "__pycache__", ".venv", "venv", "target", "dist", "build"}
)
_DEPENDENCY_FOLDERS = ("node_modules", ".venv", "venv")
_MADE_ANEW = frozenset({"__pycache__", "target", "dist", "build", ".git"})
_GIT_LIMIT_S = 20.0


class Excerpt(msgspec.Struct, frozen=True):
    """Lines `first` to `last` (1-based) of a file; `total` is None where it was not counted."""

    text: str
    first: int
    last: int
    total: int | None


class Workspace:
    """A folder that the agent may read and change, and nothing outside of it."""

    def __init__(self, root: Path | str) -> None:
        """Raises UsageError when `root` is not a folder."""
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise UsageError(f"{root} is not a folder", "name the repository with --repo DIR")

    def resolve(self, path: str | Path, *, for_writing: bool = False) -> Path:
        """Return the absolute path that `path` names, symbolic links followed.

        Raises ToolError for a path that leaves the workspace, for devices, pipes and sockets,
        and `for_writing` for folders and for anything in `.git`.
        """
        try:
            full = (self.root / path).resolve()
            mode = full.stat().st_mode if full.exists() else None
        except (OSError, ValueError, RuntimeError) as error:
            raise ToolError(f"{str(path)!r} is not a usable path: {error}") from error
        if not full.is_relative_to(self.root):
            raise ToolError(f"{path} is outside the workspace", "use paths inside the repository")
        if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ToolError(f"{path} is not a regular file")
        if for_writing:
            self._check_writable(path, full, mode)
        return full

    def _check_writable(self, path: str | Path, full: Path, mode: int | None) -> None:
        if any(part.lower() == ".git" for part in full.relative_to(self.root).parts):
            raise ToolError(f"{path} belongs to git", "leave .git alone")
        if mode is not None and stat.S_ISDIR(mode):
            raise ToolError(f"{path} is a folder", "name a file")

    def relative(self, path: str | Path) -> str:
        """Return `path` as seen from the root, with "/" as separator. Raises like `resolve`."""
        return self.resolve(path).relative_to(self.root).as_posix()

    def read_bytes(self, path: str | Path) -> bytes:
        """Return a file's bytes. Raises ToolError when there is no such readable file."""
        with self._open(path) as file:
            return file.read()

    def read_text(self, path: str | Path) -> text.TextFile:
        """Return a text file of up to 2 MiB. Raises ToolError for a binary or larger one."""
        with self._open(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > TEXT_LIMIT_BYTES:
                raise ToolError(
                    f"{path} is too large to read whole ({size / (1 << 20):.1f} MiB)",
                    "read a range of lines (start, end), or search it",
                )
            return text.decode(file.read(), str(path))

    def read_lines(self, path: str | Path, start: int = 1, end: int | None = None) -> Excerpt:
        """Return lines `start` to `end` (1-based, inclusive) of a text file of any size.

        Raises ToolError when `start` is beyond its end or the lines hold more than 2 MiB.
        """
        first = max(start, 1)
        if end is not None and end < first:
            raise ToolError(f"there are no lines {start} to {end}", "ask for start <= end")
        with self._open(path) as file:
            if os.fstat(file.fileno()).st_size > TEXT_LIMIT_BYTES:
                return _stream_lines(file, str(path), first, end)
            whole = text.decode(file.read(), str(path)).text
        lines = whole.split("\n")
        total = len(lines) - (lines[-1] == "")
        if first > max(total, 1):
            raise ToolError(f"{path} has only {total} lines", f"ask for lines up to {total}")
        last = total if end is None else min(end, total)
        return Excerpt("\n".join(lines[first - 1 : last]), first, last, total)

    def _open(self, path: str | Path) -> BinaryIO:
        full = self.resolve(path)
        if full.is_dir():
            raise ToolError(f"{path} is a folder", "list it, or name a file")
        if not full.exists():
            raise ToolError(f"there is no file {path}", self._suggest(path))
        try:
            return full.open("rb")
        except OSError as error:
            raise ToolError(f"cannot read {path}: {error.strerror}") from error

    def _suggest(self, path: str | Path) -> str:
        import difflib

        files = self.files()
        name = Path(path).name
        same_name = [file for file in files if Path(file).name == name]
        near = same_name or difflib.get_close_matches(str(path), files, n=3, cutoff=0.6)
        return f"did you mean {', '.join(near[:3])}?" if near else "list the folder to see names"

    def files(self, under: str | Path = ".") -> list[str]:
        """Return the sorted paths of all files that are not ignored, as seen from the root.

        With git these are tracked and untracked files less what .gitignore names (the index is
        not touched, no hook runs); without, hidden files and build folders are left out.
        Raises ToolError when `under` is outside the workspace.
        """
        base = self.relative(under)
        paths = [path for path in self._listed() if (self.root / path).is_file()]
        if base == ".":
            return paths
        return [path for path in paths if path == base or path.startswith(f"{base}/")]

    def _listed(self) -> list[str]:
        """Return files and symbolic links, those to folders too."""
        return sorted(self._git_files("-co") or _walk(self.root, ""))

    def _git_files(self, *options: str) -> list[str]:
        """Return what git lists; [] without git, and where the whole folder is ignored."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        # A repository's own configuration could make git run a program (core.fsmonitor).
        git = ["git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"]
        try:
            listed = subprocess.run(
                [*git, "ls-files", "-z", "--exclude-standard", *options],
                cwd=self.root,
                env={**env, "GIT_OPTIONAL_LOCKS": "0"},
                capture_output=True,
                timeout=_GIT_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        return list({os.fsdecode(name) for name in listed.stdout.split(b"\0") if name})

    def copy_tree(self, dest: Path) -> Workspace:
        """Copy the workspace's files to the new folder `dest`, for trying out changes there.

        Modes and symbolic links are kept. What .gitignore names (installed dependencies, built
        extensions) is linked to, not copied; caches and build folders are left out.
        Raises ToolError when the copy cannot be written.
        """
        try:
            dest.mkdir(parents=True)
            for name in self._listed():
                # What is in the index may be deleted, or a submodule.
                if (self.root / name).is_file() or (self.root / name).is_symlink():
                    shutil.copy2(self.root / name, _place(dest, name), follow_symlinks=False)
            for name in self._linkable():
                target = _place(dest, name)
                if not os.path.lexists(target):
                    target.symlink_to(self.root / name)
        except OSError as error:
            raise ToolError(
                f"cannot copy the workspace to {dest}: {error}", "free disk space and try again"
            ) from error
        return Workspace(dest)

    def _linkable(self) -> list[str]:
        """Return ignored files and folders that a run of the project may need."""
        ignored = self._git_files("-oi", "--directory") or _DEPENDENCY_FOLDERS
        names = (name.rstrip("/") for name in ignored if (self.root / name).exists())
        return [name for name in names if not _MADE_ANEW.intersection(Path(name).parts)]


def _place(dest: Path, name: str) -> Path:
    target = dest / name
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # an unreadable folder has no files for us
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or entry.is_file():
            yield prefix + entry.name
        elif entry.is_dir() and entry.name not in SKIPPED_FOLDERS:
            yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")


def _stream_lines(file: BinaryIO, name: str, first: int, end: int | None) -> Excerpt:
    """Read lines of a file that is too large to hold, a bounded piece at a time."""
    kept: list[bytes] = []
    size = number = 0
    line = b"\n"
    while True:
        number += line.endswith(b"\n")
        if end is not None and number > end:
            break
        line = file.readline(TEXT_LIMIT_BYTES)
        if not line:
            break
        if number < first:
            continue
        kept.append(line)
        size += len(line)
        if size >= TEXT_LIMIT_BYTES:
            raise ToolError(
                f"lines {first} to {number} of {name} hold more than 2 MiB", "ask for fewer lines"
            )
    if not kept:
        raise ToolError(f"{name} has only {number - 1} lines", "ask for a line before its end")
    body = text.decode(b"".join(kept), name).text.removesuffix("\n")
    return Excerpt(body, first, first + body.count("\n"), None)
