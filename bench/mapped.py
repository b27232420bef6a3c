"""`python -m bench.mapped [REPO]`: does the map of a repository show the files that a change needs?

For each commit that changes tests and other source files, the map is made as for a session whose
goal is the commit's subject and whose failing tests are those of the commit. Counted is how many
of the other files changed are in it. The files are those of today, so commits whose files are gone
count with what is left.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

import msgspec

from hotloop.levers.prefetch import imports, map_repository
from hotloop.workspace.failures import is_test_path
from hotloop.workspace.root import Workspace
from hotloop.workspace.syntax import language_of

MOST_COMMITS = 1_000
LISTED_FILES = 60
MOST_FILES = 4
"""Source files of a commit; larger ones are rarely one goal."""


def commits(root: Path, files: set[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield subject, tests and other source files of commits that change both."""
    command = ["git", "log", f"-{MOST_COMMITS}", "--no-merges", "--name-only", "--format=%x00%s"]
    log = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for entry in log.split("\0")[1:]:
        subject, *names = filter(None, entry.split("\n"))
        known = [name for name in names if name in files and language_of(name)]
        tests = [name for name in known if is_test_path(name)]
        sources = [name for name in known if not is_test_path(name)]
        if tests and 0 < len(sources) <= MOST_FILES:
            yield subject, tests, sources


class Tried(msgspec.Struct):
    """One commit: the shares of its files found in each way, and what the map cost."""

    mapped: float
    listed: float
    imported: float
    map_s: float
    chars: int
    paths: int


def try_commit(
    workspace: Workspace, files: list[str], subject: str, tests: list[str], sources: list[str]
) -> Tried:
    """Return how much of a commit is found."""
    start_s = time.perf_counter()
    found = map_repository(workspace.root, files, subject, [], tests)
    map_s = time.perf_counter() - start_s
    texts = ((test, workspace.read_text(test).text) for test in tests)
    direct = {path for test, text in texts for path in imports(test, text, {*files})}
    return Tried(
        mapped=_share(sources, {*found.paths}),
        listed=_share(sources, {*files[:LISTED_FILES]}),
        imported=_share(sources, direct),
        map_s=map_s,
        chars=len(found.text),
        paths=len(found.paths),
    )


def main(arguments: list[str]) -> int:
    """Print the share of changed files that each way shows, and what the map costs."""
    root = Path(arguments[0] if arguments else ".").resolve()
    workspace = Workspace(root)
    files = workspace.files()
    tried = [try_commit(workspace, files, *commit) for commit in commits(root, {*files})]
    times = [one.map_s for one in tried]
    count = sum(1 for path in files if language_of(path))
    print(f"{count} source files, {len(tried)} commits; changed files that are")
    print(f"  in the list of {LISTED_FILES} files   {mean(one.listed for one in tried):.0%}")
    print(f"  imported by the tests  {mean(one.imported for one in tried):.0%}")
    print(f"  in the map             {mean(one.mapped for one in tried):.0%}")
    paths, chars = (median(getattr(one, name) for one in tried) for name in ("paths", "chars"))
    print(f"a map has {paths:.0f} files in {chars:.0f} characters (medians)")
    print(f"seconds: first map {times[0]:.2f}, median {median(times):.2f}, most {max(times):.2f}")
    return 0


def _share(wanted: list[str], found: set[str]) -> float:
    return len(found.intersection(wanted)) / len(wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
