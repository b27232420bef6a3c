from __future__ import annotations

import pytest

from hotloop.workspace.exports import mend_exports

NEW = "function b(x) {\n  return x;\n}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{NEW}module.exports = {{ a }};\n", f"{NEW}module.exports = {{ b, a }};\n"),
        (f"{NEW}module.exports = {{\n  a,\n}};\n", f"{NEW}module.exports = {{ b,\n  a,\n}};\n"),
        (f"export {{ a }};\n{NEW}", f"export {{ b, a }};\n{NEW}"),
        (f"exports.a = a;\n{NEW}", f"exports.a = a;\n{NEW}exports.b = b;\n"),
        (f"export const a = 1;\n{NEW}", f"export const a = 1;\nexport {NEW}"),
        (f"export {NEW}module.exports = {{ a }};\n", f"{NEW}module.exports = {{ b, a }};\n"),
    ],
)
def test_a_new_function_is_exported_as_the_others_are(before: str, after: str) -> None:
    assert mend_exports(before, ["b"]) == after
    assert mend_exports(after, ["b"]) == after


def test_what_is_not_defined_or_in_no_module_is_left_alone() -> None:
    assert mend_exports("export const a = 1;\n", ["b"]) == "export const a = 1;\n"
    assert mend_exports(NEW, ["b"]) == NEW
