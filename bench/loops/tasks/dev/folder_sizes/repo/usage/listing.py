r"""Read the output of `find -printf '%s %P\n'` and show it as a tree."""

from collections.abc import Iterable, Iterator

from usage.tree import Folder

UNITS = ["B", "K", "M", "G", "T"]


def read_listing(lines: Iterable[str]) -> Folder:
    """Return the tree of lines such as '1200 photos/cat.jpg'."""
    root = Folder("")
    for line in lines:
        size, _, path = line.strip().partition(" ")
        if path:
            root.add(path, int(size))
    return root


def human(size: float) -> str:
    """Return a size such as 12K."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f}{unit}"
        size /= 1024
    return f"{size:.0f}{UNITS[-1]}"


def tree_lines(folder: Folder, depth: int = 0) -> Iterator[str]:
    """Yield one line for each folder below, the largest first."""
    folders = [entry for entry in folder.entries.values() if isinstance(entry, Folder)]
    for entry in sorted(folders, key=lambda entry: -entry.size):
        yield f"{'  ' * depth}{entry.name} {human(entry.size)}"
        yield from tree_lines(entry, depth + 1)
