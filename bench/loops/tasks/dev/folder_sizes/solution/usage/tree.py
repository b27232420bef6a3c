"""A tree of folders and files with their sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class File:
    name: str
    size: int


@dataclass
class Folder:
    """A folder; `entries` are its files and folders by name."""

    name: str
    entries: dict[str, File | Folder] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries.values())

    def walk(self, above: str = "") -> Iterator[tuple[str, File]]:
        """Yield (path, file) of everything below; paths do not begin with this folder."""
        for name, entry in self.entries.items():
            path = f"{above}{name}"
            if isinstance(entry, Folder):
                yield from entry.walk(f"{path}/")
            else:
                yield path, entry

    def largest(self, count: int) -> list[tuple[str, int]]:
        """Return (path, size) of the largest files below, equally large ones by path."""
        files = [(path, file.size) for path, file in self.walk()]
        return sorted(files, key=lambda item: (-item[1], item[0]))[:count]

    def folder_at(self, path: str) -> Folder:
        """Return the folder at a path, made if it is not there yet."""
        folder = self
        for name in filter(None, path.split("/")):
            entry = folder.entries.setdefault(name, Folder(name))
            if isinstance(entry, File):
                raise NotADirectoryError(path)
            folder = entry
        return folder

    def add(self, path: str, size: int) -> None:
        """Put a file at a path."""
        above, _, name = path.rpartition("/")
        self.folder_at(above).entries[name] = File(name, size)
