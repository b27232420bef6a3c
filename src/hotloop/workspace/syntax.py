"""Where a source file's definitions are, by tree-sitter; by braces for C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import msgspec

from hotloop.workspace.c_functions import c_functions

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser

Kind = Literal["function", "method", "class", "constant"]

_LANGUAGE_OF_SUFFIX = {
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
    ".tsx": "tsx",
    ".go": "go",
    ".rs": "rust",
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp"), "c"),
}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A named piece of code. Lines count from 1 and are inclusive; bytes are of the UTF-8 source.

    The range begins with the comments, attributes and decorators directly above. The definition
    itself begins at `head_byte`, and after `export`, `pub` or `exports.x =` at `bare_byte`.
    `indent` is the white space before it. `parent` is the qualified name of what it is in.
    `body` is the byte range inside the braces, or the block, of a class.
    """

    name: str
    qualified_name: str
    kind: Kind
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    indent: str
    parent: str = ""
    head_byte: int
    bare_byte: int
    body: tuple[int, int] = (0, 0)


def language_of(path: str) -> str:
    """Return the language of a file by its suffix, empty when definitions cannot be found."""
    return _LANGUAGE_OF_SUFFIX.get(PurePath(path).suffix.lower(), "")


def parser(language: str) -> Parser:
    """Return a tree-sitter parser of a language other than C, for the calling thread only."""
    import tree_sitter

    return tree_sitter.Parser(grammar(language))


@cache
def grammar(language: str) -> Language:
    """Return the tree-sitter grammar of a language other than C. Raises ValueError for others."""
    import tree_sitter

    match language:
        case "python":
            import tree_sitter_python

            grammar = tree_sitter_python.language()
        case "javascript":
            import tree_sitter_javascript

            grammar = tree_sitter_javascript.language()
        case "typescript" | "tsx":
            import tree_sitter_typescript

            typescript = language == "typescript"
            grammar = (
                tree_sitter_typescript.language_typescript()
                if typescript
                else tree_sitter_typescript.language_tsx()
            )
        case "go":
            import tree_sitter_go

            grammar = tree_sitter_go.language()
        case "rust":
            import tree_sitter_rust

            grammar = tree_sitter_rust.language()
        case _:
            raise ValueError(f"no grammar for {language}")
    return tree_sitter.Language(grammar)


def read_definitions(language: str, source: bytes) -> list[Definition]:
    """Return a file's definitions in order of appearance, a class before its members."""
    if language == "c":
        return [*_c_definitions(source)]
    return [*_Reader(source).read(parser(language).parse(source).root_node, "")]


_TRANSPARENT = frozenset(
    {
        *("if_statement", "try_statement", "else_clause", "elif_clause", "except_clause", "block"),
        *("finally_clause", "with_statement", "declaration_list", "class_body", "interface_body"),
    }
)
_ABOVE = frozenset({"comment", "line_comment", "block_comment", "attribute_item", "decorator"})
_FUNCTIONS = frozenset(
    {
        *("function_definition", "function_declaration", "generator_function_declaration"),
        *("function_item", "method_definition", "method_declaration", "function_signature"),
        *("function_signature_item", "abstract_method_signature", "macro_definition"),
    }
)
_CLASSES = frozenset(
    {
        *("class_definition", "class_declaration", "abstract_class_declaration", "struct_item"),
        *("interface_declaration", "enum_declaration", "enum_item", "trait_item", "impl_item"),
        *("mod_item", "union_item"),
    }
)
_CONSTANTS = frozenset(
    {
        *("const_item", "static_item", "type_item", "type_alias_declaration", "field_definition"),
        *("public_field_definition", "type_declaration", "const_declaration", "var_declaration"),
    }
)
_VALUES = {
    **dict.fromkeys(("arrow_function", "function_expression", "generator_function"), "function"),
    "class": "class",
}


class _Reader:
    """Walks a syntax tree and yields definitions; does not look into function bodies."""

    def __init__(self, source: bytes) -> None:
        self.source = source

    def text(self, node: Node | None) -> str:
        return self.source[node.start_byte : node.end_byte].decode() if node else ""

    def read(self, node: Node, parent: str) -> Iterator[Definition]:
        for child in node.named_children:
            if child.type in _TRANSPARENT:
                yield from self.read(child, parent)
            else:
                yield from self.statement(child, parent)

    def statement(self, node: Node, parent: str) -> Iterator[Definition]:
        core = node
        if node.type == "decorated_definition":
            core = node.child_by_field_name("definition") or node
        elif node.type == "export_statement":
            inner = node.child_by_field_name("declaration") or node.child_by_field_name("value")
            core = inner or node
        if core.type in _FUNCTIONS:
            yield self.definition(
                node, core, self.name(core), self.function_kind(core, parent), parent
            )
        elif core.type in _CLASSES:
            yield from self.container(node, core, core, self.name(core), parent)
        elif core.type in _CONSTANTS:
            yield self.definition(node, core, self.name(core), "constant", parent)
        elif core.type in {"lexical_declaration", "variable_declaration"}:
            yield from self.variable(node, core, parent)
        elif core.type == "expression_statement":
            yield from self.assignment(node, core, parent)

    def function_kind(self, core: Node, parent: str) -> Kind:
        return "method" if parent or core.type == "method_declaration" else "function"

    def name(self, core: Node) -> str:
        """Return a node's name; Go's methods and specs, and Rust's impl blocks, need a look."""
        if core.type == "impl_item":
            of = self.text(core.child_by_field_name("trait"))
            name = self.text(core.child_by_field_name("type"))
            return f"impl {of} for {name}" if of else f"impl {name}"
        if core.type == "method_declaration":
            receiver = self.text(core.child_by_field_name("receiver"))
            owner = re.sub(r"\[.*", "", receiver.strip("() ").split(" ")[-1]).lstrip("*")
            return f"{owner}.{self.text(core.child_by_field_name('name'))}"
        named = core.child_by_field_name("name") or core.child_by_field_name("property")
        if named is not None:
            return self.text(named)
        found = re.search(r"[A-Za-z_]\w*", self.text(core).partition(" ")[2])
        return found[0] if found else ""

    def container(
        self, node: Node, core: Node, holder: Node, name: str, parent: str
    ) -> Iterator[Definition]:
        """Yield a class and its members; `holder` is the node with the body."""
        found = self.definition(node, core, name, "class", parent, holder)
        yield found
        body = holder.child_by_field_name("body")
        if body is not None:
            prefix = re.sub(r"^impl (?:.* for )?", "", found.qualified_name)
            yield from self.read(body, re.sub(r"<.*", "", prefix))

    def variable(self, node: Node, core: Node, parent: str) -> Iterator[Definition]:
        declarators = [one for one in core.named_children if one.type == "variable_declarator"]
        if len(declarators) != 1:
            return
        name, value = (declarators[0].child_by_field_name(field) for field in ("name", "value"))
        if name is None or name.type != "identifier" or is_require(self.text(value)):
            return
        yield from self.valued(node, core, self.text(name), value, parent)

    def assignment(self, node: Node, core: Node, parent: str) -> Iterator[Definition]:
        inner = core.named_children[0] if core.named_children else core
        if inner.type not in {"assignment", "assignment_expression"}:
            return
        left, value = (inner.child_by_field_name(field) for field in ("left", "right"))
        name = self.text(left)
        if inner.type == "assignment" and left is not None and left.type == "identifier":
            yield self.definition(node, core, name, "constant", parent)
        if inner.type == "assignment" or left is None or left.type != "member_expression":
            return
        exported = re.fullmatch(r"(?:module\.)?exports\.(\w+)", name)
        method = re.fullmatch(r"(\w+)\.(?:prototype\.)?(\w+)", name)
        if exported:
            yield from self.valued(node, core, exported[1], value, parent, bare=value)
        elif name == "module.exports":
            yield self.definition(node, core, name, "constant", parent)
        elif method:
            yield from self.valued(node, core, f"{method[1]}.{method[2]}", value, parent)

    def valued(
        self,
        node: Node,
        core: Node,
        name: str,
        value: Node | None,
        parent: str,
        bare: Node | None = None,
    ) -> Iterator[Definition]:
        """Yield what a name is set to: a function, a class, or a constant."""
        kind = _VALUES.get(value.type, "constant") if value else "constant"
        if kind == "class" and value is not None:
            yield from self.container(node, bare or core, value, name, parent)
        else:
            what: Kind = "function" if kind == "function" else "constant"
            yield self.definition(node, bare or core, name, what, parent)

    def definition(
        self, node: Node, core: Node, name: str, kind: Kind, parent: str, holder: Node | None = None
    ) -> Definition:
        first = self.first_above(node)
        head = core.start_byte if node.type == "decorated_definition" else node.start_byte
        line_start = self.source.rfind(b"\n", 0, first.start_byte) + 1
        indent = self.source[line_start : first.start_byte].decode()
        body = holder.child_by_field_name("body") if holder else None
        braced = body is not None and self.source[body.start_byte : body.start_byte + 1] == b"{"
        end = node.end_byte
        return Definition(
            name=name.rpartition(".")[2] if kind != "constant" else name,
            qualified_name=f"{parent}.{name}" if parent else name,
            kind=kind,
            start_line=first.start_point[0] + 1,
            end_line=self.source.count(b"\n", 0, end) + 1,
            start_byte=first.start_byte,
            end_byte=end,
            indent=indent if not indent.strip() else "",
            parent=parent or (name.rpartition(".")[0] if kind != "constant" else ""),
            head_byte=head,
            bare_byte=self.bare(core, head),
            body=(body.start_byte + braced, body.end_byte - braced) if body else (0, 0),
        )

    def bare(self, core: Node, head: int) -> int:
        """Return where a definition starts without its visibility."""
        first = core.children[0] if core.children else core
        if first.type == "visibility_modifier" and first.next_sibling is not None:
            return first.next_sibling.start_byte
        return max(core.start_byte, head)

    def before(self, node: Node) -> Node | None:
        """Return what precedes a node; a comment below `class X:` is no part of Python's block."""
        parent = node.parent
        if node.prev_sibling is None and parent is not None and parent.type == "block":
            return parent.prev_sibling
        return node.prev_sibling

    def first_above(self, node: Node) -> Node:
        """Return the first of the comments and attributes that stand directly above a node."""
        first, before = node, self.before(node)
        while before is not None and before.type in _ABOVE:
            text = self.text(before).rstrip()
            end_row = before.start_point[0] + text.count("\n")
            earlier = self.before(before)
            trailing = earlier is not None and earlier.end_point[0] == before.start_point[0]
            trailing = trailing and earlier.end_point[1] > 0 if earlier else trailing
            if end_row + 1 < first.start_point[0] or trailing or text.startswith("#!"):
                break
            first, before = before, earlier
        return first


def is_require(value: str) -> bool:
    """Say whether a JavaScript expression is an import."""
    return bool(re.match(r"(await\s+import|require)\s*\(", value))


def _c_definitions(source: bytes) -> Iterator[Definition]:
    for span in c_functions(source):
        yield Definition(
            name=span.name,
            qualified_name=span.name,
            kind="function",
            start_line=source.count(b"\n", 0, span.start) + 1,
            end_line=source.count(b"\n", 0, span.end) + 1,
            start_byte=span.start,
            end_byte=span.end,
            indent="",
            head_byte=span.head,
            bare_byte=span.head,
        )
