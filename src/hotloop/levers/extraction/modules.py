"""What names mean in the Python files of a project, and how its files import each other."""

from __future__ import annotations

import ast
import builtins
import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hotloop.levers.extraction.reading import FUNCTIONS

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Origin:
    """Where a name comes from: a module, by its file if the project has it, and its name there.

    `definition` is the code of a constant, which is the same wherever it is the same.
    """

    module: str
    name: str = ""
    definition: str = ""


class Project:
    """Python files by path: those that were read, and the paths of all."""

    def __init__(self, sources: Mapping[str, str], files: Collection[str] = ()) -> None:
        self.sources = sources
        self.files = frozenset(one for one in {*files, *sources} if one.endswith(".py"))
        parsed = {path: _parsed(text) for path, text in sources.items() if path in self.files}
        self.trees = {path: tree for path, tree in parsed.items() if tree is not None}
        self._origins: dict[tuple[str, str], Origin | None] = {}

    @cached_property
    def _by_module(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self.files, key=len):
            parts = module_parts(path)
            for at in range(len(parts)):
                found.setdefault(".".join(parts[at:]), []).append(path)
        return found

    def file_of(self, module: str, level: int, importer: str) -> str:
        """Return the file that an import in the file `importer` means, empty if there is none."""
        if not level:
            return next(iter(self._by_module.get(module, ())), "")
        folder = posixpath.dirname(importer)
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        base = posixpath.join(folder, *module.split(".")) if module else folder
        places = (f"{base}.py", posixpath.join(base, "__init__.py"))
        return next((one for one in places if one in self.files), base)

    def imports(self, path: str) -> Iterator[Import]:
        """Yield a file's imports that are run when it is loaded."""
        tree = self.trees.get(path)
        yield from (one for one in tree.body if isinstance(one, Import)) if tree else ()

    def origin(self, path: str, name: str) -> Origin | None:
        """Return what a name means in a file, outside of its functions; None if that is unclear."""
        key = (path, name)
        if key not in self._origins:
            self._origins[key] = self._origin(path, name)
        return self._origins[key]

    def _origin(self, path: str, name: str) -> Origin | None:
        for node in self.imports(path):
            for alias in node.names:
                if name == (alias.asname or alias.name.split(".")[0]):
                    return self._imported(path, node, alias)
        if node := self.definition(path, name):
            is_constant = isinstance(node, ast.Assign | ast.AnnAssign)
            return Origin("", name, ast.unparse(node)) if is_constant else Origin(path, name)
        return Origin("builtins", name) if hasattr(builtins, name) else None

    def _imported(self, path: str, node: Import, alias: ast.alias) -> Origin:
        if isinstance(node, ast.Import):
            module = alias.name if alias.asname else alias.name.split(".")[0]
            return Origin(self.file_of(module, 0, path) or module)
        module = node.module or ""
        file = self.file_of(module, node.level, path)
        inner = f"{module}.{alias.name}" if module else alias.name
        whole = self.file_of(inner, node.level, path)
        if whole in self.files:
            return Origin(whole)
        own = self.definition(file, alias.name)
        if isinstance(own, ast.Assign | ast.AnnAssign):
            return self.origin(file, alias.name) or Origin(file, alias.name)
        return Origin(file or module, alias.name)

    def definition(self, path: str, name: str) -> ast.stmt | None:
        """Return the statement of a file that defines a name."""
        tree = self.trees.get(path)
        for node in tree.body if tree else ():
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=found)])
                    | ast.AnnAssign(target=ast.Name(id=found), value=ast.expr())
                ):
                    pass
                case ast.ClassDef(name=found):
                    pass
                case _ if isinstance(node, FUNCTIONS):
                    found = node.name
                case _:
                    continue
            if found == name:
                return node
        return None

    def means_same(self, name: str, path: str, other: str) -> bool:
        """Say whether a name surely means the same in two files."""
        origin = self.origin(path, name)
        return origin is not None and origin == self.origin(other, name)

    def importing(self, path: str, name: str) -> Import | None:
        """Return the import of a file that binds a name."""
        for node in self.imports(path):
            if any(name == (one.asname or one.name.split(".")[0]) for one in node.names):
                return node
        return None

    def reaches(self, path: str, other: str) -> bool:
        """Say whether loading one file loads another."""
        seen, todo = set[str](), [path]
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            todo += [file for node in self.imports(one) for file in self.imported_files(one, node)]
        return other in seen

    def imported_files(self, path: str, node: Import) -> Iterator[str]:
        """Yield the files that an import loads."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                found = [self.file_of(alias.name, 0, path)]
            else:
                module = node.module or ""
                inner = f"{module}.{alias.name}" if module else alias.name
                places = [self.file_of(inner, node.level, path)]
                found = [*places, self.file_of(module, node.level, path)]
            yield from (one for one in found if one in self.files)

    def derives(self, path: str, holder: str, base: Origin) -> bool:
        """Say whether a class is another one, or inherits from it."""
        if Origin(path, holder) == base:
            return True
        node = self.definition(path, holder)
        bases = node.bases if isinstance(node, ast.ClassDef) else []
        found = (self.origin(path, one.id) for one in bases if isinstance(one, ast.Name))
        others = ((one.module, one.name) for one in found if one)
        return any(one != (path, holder) and self.derives(*one, base) for one in others)


def module_parts(path: str) -> list[str]:
    """Return the parts of a file's name as a module."""
    parts = path.removesuffix(".py").split("/")
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None
