"""Export what was added to a JavaScript module, in the way that the module exports the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COMMON_JS = re.compile(r"^(?:module\.)?exports\b", re.MULTILINE)
_LIST = re.compile(r"^(?:module\.exports\s*=|export)\s*\{", re.MULTILINE)
_ONE_BY_ONE = re.compile(r"^(?:module\.)?exports\.\w+\s*=", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def mend_exports(source: str, names: Iterable[str]) -> str:
    """Return a module's source with those of `names` exported that it defines on top level."""
    for name in names:
        found = re.compile(
            rf"^(export )?((?:async )?(?:function\*?|class|const|let|var) {re.escape(name)}\b)",
            re.MULTILINE,
        ).search(source)
        if found is not None:
            source = _exported(source, name, found)
    return source


def _exported(source: str, name: str, found: re.Match[str]) -> str:
    if _COMMON_JS.search(source) and found[1]:
        source = source[: found.start()] + source[found.start(2) :]
    elif found[1]:
        return source
    names = _LIST.search(source)
    if names is not None:
        end = source.find("}", names.end())
        if re.search(rf"\b{re.escape(name)}\b", source[names.end() : end]):
            return source
        return f"{source[: names.end()]} {name},{source[names.end() :]}"
    if re.search(rf"^(?:module\.)?exports\.{re.escape(name)}\s*=", source, re.MULTILINE):
        return source
    if _ONE_BY_ONE.search(source):
        return f"{source.rstrip()}\nexports.{name} = {name};\n"
    if _EXPORT.search(source):
        return f"{source[: found.start(2)]}export {source[found.start(2) :]}"
    return source
