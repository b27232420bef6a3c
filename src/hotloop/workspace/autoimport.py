"""Add the imports that new Python code needs and its file lacks, where there is no doubt which."""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
from collections.abc import Iterator

_IMPORTS = (ast.Import, ast.ImportFrom)


def mend_imports(path: str, source: str) -> str:
    """Return Python source with imports added for names that nothing in it defines.

    A name is imported from a module of the standard library that the file already imports names
    from, or is itself such a module and used as one (`math.ceil`). All else is left as it is.
    """
    if not path.endswith(".py"):
        return source
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    defined = set(_defined(tree)) | set(dir(builtins))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    missing = sorted(used - defined)
    lines = [text for name in missing if (text := _import_for(name, tree))]
    return _inserted(source, tree, lines) if lines else source


def _import_for(name: str, tree: ast.Module) -> str:
    if name in sys.stdlib_module_names and _is_used_as_module(name, tree):
        return f"import {name}"
    for node in tree.body:
        module = node.module if isinstance(node, ast.ImportFrom) and not node.level else None
        if module and module.split(".")[0] in sys.stdlib_module_names and _has(module, name):
            return f"from {module} import {name}"
    return ""


def _is_used_as_module(name: str, tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for node in ast.walk(tree)
    )


def _has(module: str, name: str) -> bool:
    """Say whether a module of the standard library has a public name."""
    try:
        return not name.startswith("_") and hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (one.asname or one.name.split(".")[0] for one in names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass


def _inserted(source: str, tree: ast.Module, lines: list[str]) -> str:
    """Put import lines behind the file's imports, else behind its docstring."""
    places = [node.end_lineno or 0 for node in tree.body if isinstance(node, _IMPORTS)]
    if not places and ast.get_docstring(tree, clean=False) is not None:
        places = [tree.body[0].end_lineno or 0]
    at = max(places, default=0)
    text = source.split("\n")
    return "\n".join([*text[:at], *lines, *text[at:]])
