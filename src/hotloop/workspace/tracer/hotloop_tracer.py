"""Record which workspace lines each test executes. Runs in the user's interpreter, stdlib only.

As a pytest plugin: `pytest -p hotloop_tracer`; without the environment it only shows compared
values whole. For unittest: `python -m hotloop_tracer ARGS`
takes the arguments of `python -m unittest`. Environment: `HOTLOOP_TRACE_ROOT` is the workspace,
`HOTLOOP_TRACE_OUT` the JSON file to write, `HOTLOOP_TRACE_DEADLINE_S` the seconds after which it
is written even though a test hangs. `HOTLOOP_FAILED_OUT` names a file that gets the id of each
test as it fails. `HOTLOOP_FIRST` holds a JSON list of ids and files of tests that run before all
others; the run ends behind them if one of them failed, and at the first failure after that.
Works on Python 3.8 and later.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
import threading
import unittest
from collections.abc import Callable, Generator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ImportError:  # unittest only
    pytest = None

EVENTS_PER_TEST = 200_000
"""Line events after which a test is no longer followed: about 0.1 s on a usual machine."""
STALE_EVENTS = 2_000
"""Line events without a new line after which the running frame (a hot loop) is left alone."""

SHOWN = 120
"""Characters of a compared value that are shown."""
SHOWN_BEFORE = 40
"""How many of them stand before the first difference."""

_SKIPPED = re.compile(
    r"(^|/)(tests?|site-packages|dist-packages|node_modules|\.?venv|\.[^/]+)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$"
)

if TYPE_CHECKING:
    Lines = dict[str, set[int]]
    LocalTrace = Callable[[FrameType, str, Any], Any]


class Recorder:
    """Collects executed lines between `start` and `stop`, test by test."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root) + os.sep
        self.tests: list[dict[str, Any]] = []
        self.truncated = False
        self.current = ""
        self.lines: Lines = {}
        self.outcomes: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._locals: dict[str, LocalTrace] = {}
        self._events = 0

    def path_of(self, filename: str) -> str:
        """Return the workspace-relative path of a code object's file, empty if not of interest."""
        known = self._paths.get(filename)
        if known is not None:
            return known
        real = "" if filename.startswith("<") else os.path.realpath(filename)
        path = real[len(self.root) :].replace(os.sep, "/") if real.startswith(self.root) else ""
        if path and _SKIPPED.search(path):
            path = ""
        self._paths[filename] = path
        return path

    def begin(self, test: str) -> None:
        """Start a new test; its lines are empty."""
        self.current = test
        self.lines = {}
        self._locals = {}
        self._events = 0

    def finish(self) -> None:
        """Keep what the running test executed."""
        if not self.current:
            return
        lines = {path: sorted(hit) for path, hit in list(self.lines.items())}
        outcome = self.outcomes.get(self.current, "failed")
        self.tests.append({"id": self.current, "outcome": outcome, "lines": lines})
        self.current = ""

    def start(self) -> None:
        """Begin to record."""
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def stop(self) -> None:
        """Stop recording."""
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]  # documented to take None

    def _on_call(self, frame: FrameType, event: str, arg: object) -> LocalTrace | None:
        filename = frame.f_code.co_filename
        path = self._paths.get(filename)
        if path is None:
            path = self.path_of(filename)
        if not path or self._events > EVENTS_PER_TEST:
            return None
        local = self._locals.get(path)
        if local is None:
            local = self._locals[path] = self._local(self.lines.setdefault(path, set()))
        return local

    def _local(self, hit: set[int]) -> LocalTrace:
        stale = 0

        def on_line(frame: FrameType, event: str, arg: object) -> LocalTrace:
            nonlocal stale
            if event != "line":
                return on_line
            self._events += 1
            if frame.f_lineno not in hit:
                hit.add(frame.f_lineno)
                stale = 0
                return on_line
            stale += 1
            if stale > STALE_EVENTS or self._events > EVENTS_PER_TEST:
                frame.f_trace_lines = False
                stale = 0
                self.truncated = True
            return on_line

        return on_line

    def write(self, out: str) -> None:
        """Write everything so far as JSON; the file appears at once or not at all."""
        part = f"{out}.{os.getpid()}.part"
        with open(part, "w", encoding="utf-8") as file:  # noqa: PTH123  # no import of pathlib
            json.dump({"tests": self.tests, "truncated": self.truncated}, file)
        os.replace(part, out)  # noqa: PTH105


def _monitoring() -> Any:
    return getattr(sys, "monitoring", None)


class MonitoringRecorder(Recorder):
    """The same through `sys.monitoring` (PEP 669, Python 3.12): a line costs once per test."""

    TOOL = 4

    def start(self) -> None:
        """Begin to record."""
        monitoring = _monitoring()
        if monitoring.get_tool(self.TOOL) is None:
            monitoring.use_tool_id(self.TOOL, "hotloop")
            monitoring.register_callback(self.TOOL, monitoring.events.LINE, self._on_line)
        self._disable: object = monitoring.DISABLE
        monitoring.set_events(self.TOOL, monitoring.events.LINE)
        monitoring.restart_events()

    def stop(self) -> None:
        """Stop recording."""
        monitoring = _monitoring()
        monitoring.set_events(self.TOOL, 0)

    def _on_line(self, code: CodeType, line: int) -> object:
        path = self.path_of(code.co_filename)
        if path:
            self.lines.setdefault(path, set()).add(line)
        return self._disable


def _recorder() -> Recorder | None:
    root, out = os.environ.get("HOTLOOP_TRACE_ROOT"), os.environ.get("HOTLOOP_TRACE_OUT")
    if not root or not out:
        return None
    made = (MonitoringRecorder if _monitoring() else Recorder)(root)
    deadline = float(os.environ.get("HOTLOOP_TRACE_DEADLINE_S", "0"))
    if deadline:
        timer = threading.Timer(deadline, _write_unfinished, (made, out))
        timer.daemon = True
        timer.start()
    owner = os.getpid()
    atexit.register(lambda: made.write(out) if os.getpid() == owner else None)
    return made


def _write_unfinished(recorder: Recorder, out: str) -> None:
    recorder.truncated = True
    recorder.finish()
    recorder.write(out)


RECORDER = _recorder()


def _recorded() -> Generator[None, None, None]:
    if RECORDER is not None:
        RECORDER.start()
    yield
    if RECORDER is not None:
        RECORDER.stop()


def compared(left: object, right: object) -> list[str] | None:
    """Return `left == right` as text, long values from shortly before their first difference."""
    try:
        sides = [repr(left), repr(right)]
    except Exception:  # a user's own __repr__: pytest has a way of showing what it raised
        return None
    shorter = min(map(len, sides))
    same = next((at for at in range(shorter) if sides[0][at] != sides[1][at]), shorter)
    start = max(0, same - SHOWN_BEFORE) if max(map(len, sides)) > SHOWN else 0
    cut = [
        ("..." if start else "") + side[start : start + SHOWN] + "..." * (len(side) > start + SHOWN)
        for side in sides
    ]
    return [f"{cut[0]} == {cut[1]}"]


class Order:
    """Which tests run first, and what failed so far."""

    def __init__(self) -> None:
        self.first: list[str] = json.loads(os.environ.get("HOTLOOP_FIRST") or "[]")
        self.failed_out = os.environ.get("HOTLOOP_FAILED_OUT", "")
        self.failed = False
        self._left = 0

    def arrange(self, items: list[Any]) -> None:
        """Move the tests that are to run first to the front."""
        ahead = [item for item in items if self._is_first(item.nodeid)]
        known = {id(item) for item in ahead}
        items[:] = [*ahead, *(item for item in items if id(item) not in known)]
        self._left = len(ahead)

    def _is_first(self, test: str) -> bool:
        return test in self.first or test.partition("::")[0] in self.first

    def note(self, test: str) -> None:
        """Write down a test that failed."""
        self.failed = True
        if self.failed_out:
            with open(self.failed_out, "a", encoding="utf-8") as file:  # noqa: PTH123
                file.write(test + "\n")

    def is_over(self) -> bool:
        """Say after a test whether what is left to run can wait."""
        self._left -= 1
        return bool(self.first) and self.failed and self._left <= 0


ORDER = Order()


if pytest is not None:

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(config: Any, items: Any) -> None:
        """Order the tests; where they are spread over processes, they stay as they are."""
        if hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None):
            ORDER.first = []
        ORDER.arrange(items)

    def pytest_collectreport(report: Any) -> None:
        """Note a file whose tests cannot be collected."""
        if report.outcome == "failed":
            ORDER.note(report.nodeid)

    def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
        """Show both sides whole, or where they begin to differ: pytest shows some 30 characters."""
        return compared(left, right) if op == "==" else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(config: Any) -> None:
        """Run in one process and without coverage: both would hide the lines from us."""
        if RECORDER is None:
            return
        off: dict[str, Any] = {"numprocesses": 0, "dist": "no", "tx": [], "no_cov": True}
        for name, value in off.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(item: Any, nextitem: Any) -> Generator[None, None, None]:
        """Frame one test."""
        if RECORDER is not None:
            RECORDER.begin(item.nodeid)
        yield
        if RECORDER is not None:
            RECORDER.finish()
        if ORDER.is_over():
            item.session.shouldfail = "hotloop: red, the rest can wait"

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(item: Any) -> Generator[None, None, None]:
        """Record fixtures."""
        yield from _recorded()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(item: Any) -> Generator[None, None, None]:
        """Record the test itself."""
        yield from _recorded()

    def pytest_runtest_logreport(report: Any) -> None:
        """Note the outcome: the test's own, or a failure of what is around it."""
        if report.outcome == "failed":
            ORDER.note(report.nodeid)
        if RECORDER is not None and (report.when == "call" or report.outcome != "passed"):
            RECORDER.outcomes[report.nodeid] = report.outcome


class TracedResult(unittest.TextTestResult):
    """unittest's usual result, which also frames each test for the recorder."""

    def startTest(self, test: unittest.TestCase) -> None:
        """Begin to record."""
        super().startTest(test)
        if RECORDER is not None:
            self._bad = len(self.failures) + len(self.errors)
            RECORDER.begin(test.id())
            RECORDER.start()

    def stopTest(self, test: unittest.TestCase) -> None:
        """Keep what was recorded, with the outcome."""
        if RECORDER is not None:
            RECORDER.stop()
            failed = len(self.failures) + len(self.errors) > self._bad
            RECORDER.outcomes[test.id()] = "failed" if failed else "passed"
            RECORDER.finish()
        super().stopTest(test)


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # noqa: PTH109  # as `python -m unittest` does
    runner: Any = unittest.TextTestRunner
    unittest.main(module=None, testRunner=runner(resultclass=TracedResult))
