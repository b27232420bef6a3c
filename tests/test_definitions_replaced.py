from __future__ import annotations

import textwrap

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definition_sources import GO, JAVASCRIPT, PYTHON, RUST, SOURCES, TYPESCRIPT, C, names
from hotloop.errors import ToolError
from hotloop.workspace.definitions import definitions, replace_definitions


def replaced(source: str, code: str, path: str = "a.py") -> str:
    return replace_definitions(path, source, textwrap.dedent(code))[0]


NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])


BODIES = st.sampled_from(
    [
        "return 1",
        "x = '''a\n  b'''\n{i}return x",
        '"""Doc.\n\n{i}more\n{i}"""\n{i}return "é"',
        "if a:\n{i}    return [\n{i}1,\n{i}]\n{i}# end\n{i}return 2",
    ]
)


@st.composite
def functions(draw: st.DrawFn, indent: str = "", first: str = "a") -> str:
    above = draw(
        st.sampled_from(["", "# note\n{i}", "@deco\n{i}", "# note\n{i}@deco(\n{i}  1)\n{i}"])
    )
    head = f"def {draw(NAMES)}({first}):\n{{b}}"
    body = draw(BODIES).replace("{i}", indent + "    ")
    return indent + (above + head).replace("{i}", indent).replace("{b}", indent + "    ") + body


@st.composite
def modules(draw: st.DrawFn) -> str:
    parts = draw(st.lists(functions(), min_size=1, max_size=3))
    methods = draw(st.lists(functions(indent="    ", first="self"), max_size=3))
    if methods:
        parts.insert(draw(st.integers(0, len(parts))), "class Kind:\n" + "\n\n".join(methods))
    return "import os\n\n\n" + "\n\n\n".join(parts) + "\n"


@settings(max_examples=60, deadline=None)
@given(modules())
def test_identity_holds_for_any_module(source: str) -> None:
    for one in definitions("m.py", source):
        text = one.indent + source.encode()[one.start_byte : one.end_byte].decode()
        assert replace_definitions("m.py", source, text)[0] == source


@st.composite
def distinct_modules(draw: st.DrawFn) -> str:
    source = draw(modules())
    found = names("m.py", source)
    hypothesis.assume(len(found) == len({*found}))
    return source


@settings(max_examples=60, deadline=None)
@given(distinct_modules(), distinct_modules())
def test_merging_loses_nothing_and_is_done_once(source: str, code: str) -> None:
    merged = replace_definitions("m.py", source, code)[0]
    found = names("m.py", merged)
    assert {*found} == {*names("m.py", source), *names("m.py", code)}
    assert len(found) == len({*found})
    for one in definitions("m.py", code):
        text = code.encode()[one.head_byte : one.end_byte].decode()
        assert one.kind == "class" or text in merged
    assert replace_definitions("m.py", merged, code)[0] == merged


def test_replaces_a_function_and_says_so() -> None:
    source, done = replace_definitions(
        "a.py", PYTHON, "def distance(a, b):\n    return abs(a - b)\n"
    )
    assert "# How far.\ndef distance(a, b):\n    return abs(a - b)\n\n\nclass" in source
    assert done == ["replaced `distance` (lines 9-11)"]


def test_method_without_its_class_is_indented() -> None:
    source = replaced(
        PYTHON, "def push(self, item):\n    self.items.insert(0, item)\n    return self"
    )
    assert (
        "    def push(self, item):\n        self.items.insert(0, item)\n        return self\n"
        in source
    )
    assert names("a.py", source) == names("a.py", PYTHON)


def test_method_at_class_indentation_with_first_line_cut() -> None:
    code = "def push(self, item):\n        return 1\n\n    def top(self):\n        return 2\n"
    source, done = replace_definitions("a.py", PYTHON, code)
    assert "        return 1\n" in source
    assert "    @property\n    def top(self):\n        return 2\n" in source
    assert len(done) == 2


def test_class_with_some_methods_keeps_the_others() -> None:
    source, done = replace_definitions(
        "a.py",
        PYTHON,
        "class Stack:\n    def push(self, item):\n        pass\n\n"
        "    def pop(self):\n        return 1\n",
    )
    assert names("a.py", source) == [*names("a.py", PYTHON), "Stack.pop"]
    assert "class Stack(list):" in source
    assert "        pass\n\n    def pop(self):\n        return 1\n\n\nif __name__" in source
    assert done == ["replaced `Stack.push` (lines 30-31)", "added `Stack.pop`"]


def test_new_definitions_go_where_they_fit() -> None:
    source = replaced(PYTHON, "def helper(x):\n    return x\n")
    assert "self.items.append(item)\n\n\ndef helper(x):\n    return x\n\n\nif __name__" in source
    source = replaced(
        PYTHON, "def helper(x):\n    return x\n\ndef distance(a, b):\n    return helper(a)\n"
    )
    assert "def helper(x):\n    return x\n\n\n# How far.\ndef distance" in source
    source = replaced(PYTHON, "def Stack.pop(self):\n    return self.items.pop()\n")
    assert "append(item)\n\n    def pop(self):\n        return self.items.pop()\n" in source
    source = replaced(PYTHON, "def pop(self):\n    return self.items.pop()\n")
    assert "    def pop(self):\n        return self.items.pop()\n" in source


def test_property_setter_is_told_from_its_getter() -> None:
    source = replaced(PYTHON, "@top.setter\ndef top(self, value):\n    pass\n")
    assert "return self.items[0]" in source
    assert "    @top.setter\n    def top(self, value):\n        pass\n" in source


def test_constants_are_replaced_and_example_calls_left_out() -> None:
    source, done = replace_definitions(
        "a.py",
        PYTHON,
        "LIMIT = 20\nSCALE = 2\n\ndef distance(a, b):\n    return SCALE\n\n"
        "result = distance(1, 2)\nprint(result)\n",
    )
    assert "LIMIT = 20\n" in source
    assert "SCALE = 2\n\n\n# How far." in source
    assert "result" not in source
    assert done == [
        "replaced `LIMIT` (lines 6-6)",
        "added `SCALE`",
        "replaced `distance` (lines 9-11)",
    ]


def test_missing_imports_are_added_once() -> None:
    code = """
        import os, re
        from math import sqrt, floor
        from a import Stack
        import json

        def distance(a, b):
            return re.sub(str(floor(sqrt(a))), "", os.sep)
    """
    source, done = replace_definitions("a.py", PYTHON, textwrap.dedent(code))
    assert "from math import pi, sqrt\nimport re\nfrom math import floor\n\nLIMIT" in source
    assert "json" not in source
    assert "imported `floor`" in done
    bare = replaced('"""Doc."""\n\ndef f():\n    pass\n', "import re\ndef f():\n    return re\n")
    assert bare.startswith('"""Doc."""\n\nimport re\n\ndef f')


def test_whole_file_and_fence_and_new_file() -> None:
    whole = PYTHON.replace("a - b", "a + b").replace("self.items[0]\n", "self.items[-1]\n")
    assert replaced(PYTHON, whole) == whole
    assert replaced(PYTHON, f"```python\n{whole}```") == whole
    assert replace_definitions("n.py", "", "def f():\n    pass") == (
        "def f():\n    pass\n",
        ["added `f`"],
    )


def test_strings_keep_their_lines_and_docstrings_move() -> None:
    code = 'def push(self, item):\n    """Do.\n\n    More.\n    """\n    return """\nraw\n"""\n'
    source = replaced(PYTHON, code)
    assert '        """Do.\n\n        More.\n        """\n        return """\nraw\n"""\n' in source


def test_tabs_and_line_ends_follow_the_source() -> None:
    tabbed = "class A:\n\tdef f(self):\n\t\treturn 1\n"
    assert replaced(tabbed, "def f(self):\n    return 2\n") == tabbed.replace("1", "2")
    crlf = "def f():\r\n    return 1\r\n"
    assert replaced(crlf, "def f():\n    return 2\n") == crlf.replace("1", "2")


def test_javascript_forms() -> None:
    source = replaced(JAVASCRIPT, "function add(a, b) {\n  return a + b;\n}\n", "a.js")
    assert "/** Adds. */\nfunction add(a, b) {\n  return a + b;\n}\n" in source
    source = replaced(JAVASCRIPT, "push(x) {\n  this.#items.push(x);\n}\n", "a.js")
    assert "  // Puts one on top.\n  push(x) {\n    this.#items.push(x);\n  }\n" in source
    source = replaced(JAVASCRIPT, "export function twice(x) {\n  return 2 * x;\n}\n", "a.js")
    assert "exports.twice = function twice(x) {\n  return 2 * x;\n};\n" in source
    source = replaced(JAVASCRIPT, "const half = (x) => x / 2;", "a.js")
    assert "const half = (x) => x / 2;\n" in source
    source = replaced(
        JAVASCRIPT,
        "const { readFile, stat } = require('fs');\nfunction size(p) {\n  return stat(p);\n}\n"
        "module.exports = { add, half, Stack, size };\n",
        "a.js",
    )
    assert "require('fs');\nconst { stat } = require('fs');\n" in source
    assert source.endswith("module.exports = { add, half, Stack, size };\n")
    assert source.index("function size") < source.index("module.exports")


def test_export_and_pub_are_kept() -> None:
    source = replaced(
        TYPESCRIPT, "async function load(id: string): Promise<void> { await x; }", "a.ts"
    )
    assert "export async function load(id: string): Promise<void> { await x; }" in source
    source = replaced(RUST, "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n", "a.rs")
    assert "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n" in source
    source = replaced(RUST, "fn push(&mut self, x: i32) {\n    self.items.push(x);\n}\n", "a.rs")
    assert "    pub fn push(&mut self, x: i32) {\n        self.items.push(x);\n    }\n" in source
    source = replaced(
        RUST,
        "impl Stack {\n    pub fn len(&self) -> usize {\n        self.items.len()\n    }\n}\n",
        "a.rs",
    )
    assert names("a.rs", source)[:5] == [
        "Stack",
        "impl Stack",
        "Stack.new",
        "Stack.push",
        "Stack.len",
    ]
    source = replaced(RUST, "pub fn sub(a: i32) -> i32 { a }", "a.rs")
    assert source.index("fn sub") < source.index("#[cfg(test)]")


def test_go_and_c() -> None:
    code = """\
        package stack

        import "strings"

        func (s *Stack) Push(x int) {
            s.items = nil
            strings.ToUpper("")
        }

        func (s *Stack) Pop() {}
    """
    source = replaced(GO, code, "a.go")
    assert 'import "fmt"\nimport "strings"\n' in source
    assert "// Push adds.\nfunc (s *Stack) Push(x int) {\n\ts.items = nil\n" in source
    assert "func (s *Stack) Pop() {}" in source
    source = replaced(
        C,
        "#include <stdlib.h>\nint add(int a, int b) {\n    return a + b;\n}\n"
        "int sub(int a) { return a; }\n",
        "a.c",
    )
    assert (
        "#include <stdio.h>\n#include <stdlib.h>\n\n/* Adds. */\n"
        "int add(int a, int b) {\n    return a + b;\n}\n" in source
    )
    assert "int sub(int a) { return a; }" in source


@pytest.mark.parametrize(
    ("path", "code", "cause"),
    [
        ("a.py", "print('hello')", "no definition"),
        ("a.py", "def distance(a, b):\n    return (a -\n", "line 2"),
        ("a.js", "function add(a { return 1 }", "line 1"),
        ("a.rs", "fn add( -> i32 {", "line 1"),
        ("a.rb", "def f; end", "language"),
        ("a.py", "", "no definition"),
    ],
)
def test_bad_code_is_refused(path: str, code: str, cause: str) -> None:
    with pytest.raises(ToolError, match=cause):
        replace_definitions(path, SOURCES.get(path, "x"), code)


def test_ambiguous_method_is_refused() -> None:
    source = (
        "class A:\n    def f(self):\n        pass\n\n\nclass B:\n    def f(self):\n        pass\n"
    )
    with pytest.raises(ToolError, match=r"`A`, `B`"):
        replace_definitions("a.py", source, "def f(self):\n    return 1\n")
    with pytest.raises(ToolError, match="which class"):
        replace_definitions("a.py", source, "def g(self):\n    return 1\n")
    assert "class B:\n    def f(self):\n        return 1\n" in replaced(
        source, "class B:\n    def f(self):\n        return 1\n"
    )
