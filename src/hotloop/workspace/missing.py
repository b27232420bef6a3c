"""Names that a failing test uses and the workspace does not define."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from hotloop.workspace.failures import Failure, is_test_path


class Missing(msgspec.Struct, frozen=True):
    """A definition to be added: its name (empty: the whole file), the file, how tests call it."""

    name: str
    path: str
    module: str = ""

    def __str__(self) -> str:
        if not self.name:
            return f"missing: file {self.path}"
        return f"missing: {self.name} in {self.path or self.module}"


_FROM = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_MODULE_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_ATTRIBUTE = re.compile(r"(?:'(\w+)' object|type object '(\w+)') has no attribute '(\w+)'")
_UNDEFINED = re.compile(r"name '(\w+)' is not defined|\b(\w+) is not defined|undefined: (\w+)")
_JS_EXPORT = re.compile(r"requested module '(.+?)' does not provide an export named '(\w+)'")
_JS_MODULE = re.compile(r"Cannot find module '([^']+)'")
_JS_CALL = re.compile(r"(?:(\w+)\.)*(\w+) is not a (?:function|constructor)")
_RUST_METHOD = re.compile(r"named `(\w+)` found for (?:\w+ )+`&?(?:mut )?(\w+)")
_RUST_NAME = re.compile(r"cannot find \w+ `(\w+)`|unresolved import `(?:\w+::)*(\w+)`")
_GO_METHOD = re.compile(r"undefined \(type \*?(?:\w+\.)?(\w+) has no field or method (\w+)\)")


def missing_names(
    failures: Collection[Failure], root: Path, files: Collection[str]
) -> list[Missing]:
    """Return what the failures say is not defined, each once, in their order.

    `files` are the workspace's files; a path that is not among them is where one would be made.
    """
    found = (one for failure in failures for one in _missing(failure, root, files))
    return list(dict.fromkeys(found))


def _missing(failure: Failure, root: Path, files: Collection[str]) -> Iterator[Missing]:
    text = f"{failure.message}\n{failure.detail}"
    frame_path = failure.frames[-1].path if failure.frames else failure.path
    if found := _FROM.search(text):
        yield Missing(found[1], python_module(found[2], files), found[2])
    elif found := _MODULE_ATTRIBUTE.search(text):
        yield Missing(found[2], python_module(found[1], files), found[1])
    elif found := _NO_MODULE.search(text):
        yield Missing("", python_module(found[1], files), found[1])
    elif found := _ATTRIBUTE.search(text):
        holder = found[1] or found[2]
        path = _where_defined(holder, root, files)
        if path:
            yield Missing(f"{holder}.{found[3]}", path)
    elif found := _JS_EXPORT.search(text):
        yield Missing(found[2], js_module(found[1], failure.path, files), found[1])
    elif (found := _JS_MODULE.search(text)) and found[1].startswith((".", "/")):
        path = found[1].removeprefix(f"{root.resolve()}/")
        yield Missing("", js_module(path, failure.path, files), found[1])
    elif found := _JS_CALL.search(text):
        yield Missing(found[2], _js_origin(found[1] or found[2], found[2], failure, root, files))
    elif found := (_RUST_METHOD.search(text) or _GO_METHOD.search(text)):
        holder, name = (found[2], found[1]) if found.re is _RUST_METHOD else (found[1], found[2])
        yield Missing(f"{holder}.{name}", _where_defined(holder, root, files) or frame_path)
    elif found := (_UNDEFINED.search(text) or _RUST_NAME.search(text)):
        name = next(filter(None, found.groups()))
        path = frame_path
        if is_test_path(path):
            path = _js_origin(name, name, failure, root, files) if path.endswith("js") else ""
        yield Missing(name, path)


def python_module(module: str, files: Collection[str]) -> str:
    """Return the file of a dotted module, or where it would be."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        base = "/".join(parts[:length])
        for name in (f"{base}.py", f"{base}/__init__.py"):
            homes = [path for path in files if path == name or path.endswith(f"/{name}")]
            if homes and length == len(parts):
                return min(homes, key=len)
            if homes:
                folder = posixpath.dirname(min(homes, key=len))
                return posixpath.join(folder, *parts[length:]) + ".py"
    top = next((path for path in files if f"/{parts[0]}/" in f"/{path}"), "")
    prefix = top[: f"/{top}".index(f"/{parts[0]}/")] if top else ""
    return f"{prefix}{'/'.join(parts)}.py"


def js_module(module: str, importer: str, files: Collection[str]) -> str:
    """Return the file of a relative import, or where it would be."""
    path = module
    if module.startswith("."):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), module))
    for ending in ("", ".js", ".mjs", ".cjs", ".ts", "/index.js"):
        if path + ending in files:
            return path + ending
    return path if posixpath.splitext(path)[1] else f"{path}.js"


_JS_IMPORT = re.compile(
    r"(?:import\s+(?P<a>.+?)\s+from|(?:const|let|var)\s+(?P<b>.+?)\s*=\s*(?:await\s+import|require)\s*\()"
    r"\s*['\"](?P<module>\.[^'\"]+)['\"]",
    re.DOTALL,
)


def _js_origin(
    receiver: str, name: str, failure: Failure, root: Path, files: Collection[str]
) -> str:
    """Return the file that the using file imports a name from; its first local import if none."""
    user = failure.frames[-1].path if failure.frames else failure.path
    imports = [*_JS_IMPORT.finditer(_read(root, user))]
    wanted = {receiver, name}
    named = [one for one in imports if wanted & {*re.findall(r"\w+", one["a"] or one["b"])}]
    chosen = (named or imports or [None])[0]
    return js_module(chosen["module"], user, files) if chosen else user


def _where_defined(name: str, root: Path, files: Collection[str]) -> str:
    pattern = re.compile(rf"^\s*(?:\w+ )*(?:class|struct|enum|trait|type) {name}\b", re.MULTILINE)
    return next(
        (path for path in files if not is_test_path(path) and pattern.search(_read(root, path))), ""
    )


def _read(root: Path, path: str) -> str:
    try:
        return (root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
