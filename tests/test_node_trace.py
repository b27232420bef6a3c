from __future__ import annotations

import asyncio
import shutil
import textwrap
from pathlib import Path

import pytest

from hotloop.workspace.localise import localise
from hotloop.workspace.testplan import detect
from hotloop.workspace.testrun import TestOutcome, run_tests
from hotloop.workspace.tracer import TracedTest

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="no node")

SHOP_CJS = """\
    const RATE = 10;

    const tax = (cents) => cents * RATE / 1000;

    function gross(cents) {
      if (cents < 0) {
        throw new RangeError('negative');
      }
      return cents + tax(cents);
    }

    function plain(cents) {
      return cents;
    }

    module.exports = { gross, plain };
    """
TEST_CJS = """\
    const { describe, it, test } = require('node:test');
    const assert = require('node:assert');
    const { gross, plain } = require('../lib/shop.js');

    test('plain', () => { assert.equal(plain(3), 3); });
    describe('gross', () => {
      it('adds the tax', () => { assert.equal(gross(1000), 1100); });
      it('is never negative', () => { assert.throws(() => gross(-1), RangeError); });
    });
    """


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))


def run(root: Path, files: dict[str, str], *, trace: bool = True) -> TestOutcome:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    plan = detect(root, "node --test")
    assert plan is not None
    return asyncio.run(run_tests(plan, root, deadline_s=60, trace=trace))


def traced(outcome: TestOutcome) -> dict[str, TracedTest]:
    assert outcome.trace is not None
    return {one.id: one for one in outcome.trace.tests}


def test_each_test_has_its_own_lines(tmp_path: Path) -> None:
    root = tmp_path / "a shop"
    outcome = run(root, {"lib/shop.js": SHOP_CJS, "test/shop.test.js": TEST_CJS})
    tests = traced(outcome)
    assert {name: one.outcome for name, one in tests.items()} == {
        "test/shop.test.js::plain": "passed",
        "test/shop.test.js::gross > adds the tax": "failed",
        "test/shop.test.js::gross > is never negative": "passed",
    }
    assert tests["test/shop.test.js::plain"].lines == {"lib/shop.js": [12, 13]}
    assert tests["test/shop.test.js::gross > adds the tax"].lines == {"lib/shop.js": [3, 5, 6, 9]}
    refused = tests["test/shop.test.js::gross > is never negative"].lines
    assert refused == {"lib/shop.js": [5, 6, 7]}
    found = localise(outcome, root, ["lib/shop.js", "test/shop.test.js"])
    assert {one.name for one in found.definitions[:2]} == {"gross", "tax"}
    assert (found.lines[0].path, found.lines[0].score) == ("lib/shop.js", 1.0)


def test_modules(tmp_path: Path) -> None:
    files = {
        "lib/ümlaut name.mjs": "export function one() {\n  return 2;\n}\n",
        "one.test.mjs": """\
            import test from 'node:test';
            import assert from 'node:assert/strict';
            import { one } from './lib/ümlaut name.mjs';
            test('one', async (t) => {
              await t.test('inner', () => { assert.equal(one(), 1); });
            });
            """,
    }
    tests = traced(run(tmp_path, files))
    assert tests["one.test.mjs::one > inner"].lines == {"lib/ümlaut name.mjs": [1, 2]}
    assert {one.outcome for one in tests.values()} == {"failed"}


SAME = {
    "a.test.js": "require('./nowhere.js');\n",
    "b.test.mjs": "import { nope } from './lib.mjs';\nimport test from 'node:test';\n",
    "c.test.js": "const { test } = require('node:test');\ntest('c', () => {});\nlost();\n",
    "d.test.js": "console.log('a plain script');\n",
    "e.test.js": """\
        const { test } = require('node:test');
        const { execFileSync } = require('node:child_process');
        const assert = require('node:assert');
        test('environment', () => {
          const code = 'console.log(Object.keys(process.env).join())';
          for (const names of [Object.keys(process.env).join(),
                               execFileSync(process.execPath, ['-e', code]).toString()]) {
            assert.doesNotMatch(names, /HOTLOOP_(TRACE|NODE)|NODE_OPTIONS/);
          }
        });
        """,
    "lib.mjs": "export const a = 1;\n",
}


def test_a_traced_run_shows_what_a_plain_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_OPTIONS", raising=False)
    plain, with_trace = (run(tmp_path, SAME, trace=trace) for trace in (False, True))
    assert (with_trace.passed, with_trace.failed) == (plain.passed, plain.failed) == (2, 3)
    assert [(one.test_id, one.message, one.kind, one.frames) for one in with_trace.failures] == [
        (one.test_id, one.message, one.kind, one.frames) for one in plain.failures
    ]
    assert plain.trace is None
    assert {"d.test.js", "e.test.js::environment"} <= {*traced(with_trace)}


def test_options_of_the_user_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-deprecation")
    files = {
        "a.test.js": """\
            const { test } = require('node:test');
            const assert = require('node:assert');
            test('a', () => {
              assert.equal(process.env.NODE_OPTIONS, '--no-deprecation');
              assert.ok(process.noDeprecation);
            });
            """
    }
    outcome = run(tmp_path, files)
    assert outcome.green
    assert [*traced(outcome)] == ["a.test.js::a"]


def test_a_recorder_that_fails_does_no_harm(tmp_path: Path) -> None:
    files = {
        "lib/shop.js": SHOP_CJS,
        "test/shop.test.js": "require('node:fs').appendFileSync = null;\n"
        "require('node:inspector').Session.prototype.post = () => { throw new Error('no'); };\n"
        + textwrap.dedent(TEST_CJS),
    }
    outcome = run(tmp_path, files)
    assert (outcome.passed, outcome.failed) == (2, 1)
    assert outcome.failures[0].test_id == "test/shop.test.js::gross > adds the tax"


def test_a_recorder_that_cannot_be_loaded_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "hotloop_tracer.cjs"
    monkeypatch.setattr("hotloop.workspace.testcommand.node_hook", lambda: missing)
    outcome = run(tmp_path, {"lib/shop.js": SHOP_CJS, "test/shop.test.js": TEST_CJS})
    assert (outcome.passed, outcome.failed, outcome.trace) == (2, 1, None)


def test_coverage_of_the_user_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_V8_COVERAGE", str(tmp_path / "coverage"))
    outcome = run(tmp_path, {"lib/shop.js": SHOP_CJS, "test/shop.test.js": TEST_CJS})
    assert (outcome.passed, outcome.failed, outcome.trace) == (2, 1, None)
    assert [*(tmp_path / "coverage").iterdir()]


def test_recording_ends_where_it_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = """\
        const { performance } = require('node:perf_hooks');
        let clock = 0;
        performance.now = () => { clock += 60; return clock; };
        """
    (tmp_path / "slow.cjs").write_text(textwrap.dedent(slow))
    monkeypatch.setenv("NODE_OPTIONS", f"--require {tmp_path}/slow.cjs")
    tests = "".join(f"test('number {number}', () => {{}});\n" for number in range(9))
    outcome = run(tmp_path, {"many.test.js": f"const {{ test }} = require('node:test');\n{tests}"})
    assert outcome.passed == 9
    assert outcome.trace is not None
    assert outcome.trace.truncated
    assert 0 < len(outcome.trace.tests) < 9
