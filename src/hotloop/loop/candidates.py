"""Tell candidates apart: which are code at all, and which are the same code."""

from __future__ import annotations

import ast
import re

from hotloop.workspace.syntax import language_of

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def is_valid(path: str, text: str) -> bool:
    """Say whether a definition's text parses, as far as that can be told without its file."""
    if not text.strip():
        return False
    if not path.endswith(".py"):
        return _is_balanced(text)
    try:
        compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def is_comment(path: str, token: str) -> bool:
    """Say whether a token begins a comment, which cannot mend anything."""
    return token.lstrip().startswith((comment_sign(path), "/*"))


def comment_sign(path: str) -> str:
    """Return what begins a comment to the end of the line in a file's language."""
    return "#" if path.endswith((".py", ".sh", ".rb")) else "//"


def fingerprint(path: str, text: str) -> str:
    """Return what two texts share exactly when they are the same code but for layout."""
    if path.endswith(".py"):
        try:
            return ast.dump(_without_docstrings(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return text
    if language_of(path):
        text = _COMMENT.sub("", text)
    return " ".join(text.split())


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


def _is_balanced(text: str) -> bool:
    closing = {")": "(", "]": "[", "}": "{"}
    stack: list[str] = []
    bare = re.sub(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", "", text)
    for char in _COMMENT.sub("", bare):
        if char in closing.values():
            stack.append(char)
        elif char in closing and (not stack or stack.pop() != closing[char]):
            return False
    return not stack
