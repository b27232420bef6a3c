from __future__ import annotations

import time
from pathlib import Path

import pytest

from e2e_helpers import fill
from hotloop.errors import UsageError
from hotloop.workspace.testcommand import Framework
from hotloop.workspace.testplan import detect, find_python

pytestmark = pytest.mark.usefixtures("own_pytest")


@pytest.mark.parametrize(
    ("given", "framework", "argv"),
    [
        ({"tests/test_a.py": ""}, Framework.PYTEST, None),
        ({"pytest.ini": ""}, Framework.PYTEST, None),
        ({"Cargo.toml": ""}, Framework.CARGO, ("cargo", "test", "--offline", "-q")),
        ({"go.mod": ""}, Framework.GO, ("go", "test", "./...")),
        (
            {"package.json": '{"scripts": {"test": "node --test test/"}}'},
            Framework.NODE,
            ("node", "--test", "--test-reporter=tap", "test/"),
        ),
        (
            {"package.json": '{"scripts": {"test": "jest"}}'},
            Framework.OTHER,
            ("npm", "test", "--silent"),
        ),
        ({"test/a.test.mjs": ""}, Framework.NODE, ("node", "--test", "--test-reporter=tap")),
        ({"Makefile": "all:\n\ntest: all\n\t./t\n"}, Framework.OTHER, ("make", "-s", "test")),
    ],
)
def test_detection(
    root: Path, given: dict[str, str], framework: Framework, argv: tuple[str, ...] | None
) -> None:
    fill(root, given)
    plan = detect(root)
    assert plan is not None
    assert plan.framework is framework
    assert argv is None or plan.argv == argv


def test_nothing_to_detect_and_quickness(root: Path) -> None:
    fill(root, {f"node_modules/m{n}/test_x.py": "" for n in range(50)})
    fill(root, {f"pkg{n}/mod.py": "" for n in range(50)})
    assert detect(root) is None
    times: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        detect(root)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02


def test_interpreter_of_the_workspace_wins(root: Path) -> None:
    fill(root, {"venv/bin/python": "", "venv/lib/python3.11/site-packages/pytest/__init__.py": ""})
    assert find_python(root) == (str(root / "venv/bin/python"), True)


def test_override_with_open_quotes_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="close the quotes"):
        detect(root, "pytest -k 'a")


@pytest.mark.parametrize(
    ("command", "framework", "needs_shell"),
    [
        ("pytest -x tests", Framework.PYTEST, False),
        ("FOO=1 python -m pytest", Framework.PYTEST, True),
        ("python -m unittest discover", Framework.UNITTEST, False),
        ("node --test", Framework.NODE, False),
        ("cargo test --lib", Framework.CARGO, False),
        ("go test ./pkg", Framework.GO, False),
        ("make check | tee log", Framework.OTHER, True),
    ],
)
def test_override_is_classified(
    root: Path, command: str, framework: Framework, needs_shell: bool
) -> None:
    plan = detect(root, command)
    assert plan is not None
    assert (plan.framework, bool(plan.shell)) == (framework, needs_shell)
