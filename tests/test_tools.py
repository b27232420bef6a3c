from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.actions.types import (
    Done,
    List,
    Observation,
    Read,
    Run,
    Search,
)
from hotloop.ledger.events import Effect
from hotloop.tools.base import Limits, ToolContext, cap, perform
from hotloop.tools.edit import EditTool
from hotloop.tools.registry import TOOLS, registry
from hotloop.workspace.root import TEXT_LIMIT_BYTES
from hotloop.workspace.sandbox import Consent, Sandbox
from tools_bench import SANDBOX, SOURCE, Bench

needs_bwrap = pytest.mark.skipif(not SANDBOX.available, reason="needs bubblewrap")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    return Bench(tmp_path)


def test_the_registry_knows_each_tool_and_its_effect() -> None:
    effects = {name: tool.effect for name, tool in registry().items()}
    assert effects == {
        "read": Effect.NONE,
        "list": Effect.NONE,
        "search": Effect.NONE,
        "edit": Effect.WORKSPACE,
        "write": Effect.WORKSPACE,
        "define": Effect.WORKSPACE,
        "run": Effect.PROCESS,
    }
    other = EditTool()
    assert registry([other])["edit"] is other
    assert len(TOOLS) == len(registry())


def test_an_action_for_another_tool_is_a_programming_error(bench: Bench) -> None:
    with pytest.raises(TypeError, match="Edit expected, got Done"):
        asyncio.run(EditTool().run(Done(), bench.context))


def test_read(bench: Bench) -> None:
    whole = bench.do(Read(path="./shop.py"))
    assert whole.text == f"shop.py lines 1-17 of 17\n{SOURCE.rstrip()}"
    part = bench.do(Read(path="shop.py", start=4, end=5))
    assert part.text == "shop.py lines 4-5 of 17\ndef add(a, b):\n    return a - b"
    bench.put("empty.txt", "")
    assert bench.do(Read(path="empty.txt")).text.startswith("empty.txt is empty")


def test_read_cuts_at_a_line_and_says_how_to_go_on(bench: Bench) -> None:
    bench.put("long.txt", "".join(f"line {n}\n" for n in range(1, 2001)))
    first = bench.do(Read(path="long.txt"))
    assert len(first.text) < 6_200
    header, _, body = first.text.partition("\n")
    last = int(body.rpartition("\n")[2].removeprefix("line "))
    assert header == f"long.txt lines 1-{last} of 2000 (cut; read on with start={last + 1})"


@pytest.mark.parametrize(
    ("path", "said"),
    [("/etc/passwd", "outside"), ("no.py", "no file"), (".", "folder"), ("bin", "not text")],
)
def test_read_errors_are_told_to_the_model(bench: Bench, path: str, said: str) -> None:
    bench.put("bin", "\0")
    seen = bench.do(Read(path=path))
    assert not seen.ok
    assert seen.text.startswith("error: ")
    assert said in seen.text


def test_read_of_a_huge_file_asks_for_a_range(bench: Bench) -> None:
    bench.put("huge.txt", "x" * 99 + "\n" + ("y" * 99 + "\n") * (TEXT_LIMIT_BYTES // 100))
    assert "range of lines" in bench.do(Read(path="huge.txt")).text
    assert bench.do(Read(path="huge.txt", start=1, end=1)).text.endswith("x" * 99)


def test_list(bench: Bench) -> None:
    bench.put("pkg/a.py", "")
    bench.put("pkg/sub/b.py", "")
    bench.put("node_modules/x.js", "")
    assert bench.do(List()).text == ".:\npkg/ (2 files)\nshop.py"
    assert bench.do(List(path="pkg")).text == "pkg:\nsub/ (1 files)\na.py"
    assert "not a folder" in bench.do(List(path="shop.py")).text
    assert "outside" in bench.do(List(path="..")).text


def test_search(bench: Bench) -> None:
    bench.put("b.py", "total = 1\n")
    seen = bench.do(Search(pattern="total"))
    assert seen.text == "b.py\n  1: total = 1\nshop.py\n  9:     def total(self, items):"
    assert seen.summary == "2 matches in 2 files"
    assert bench.do(Search(pattern="nothing like it")).text == "no match for nothing like it"
    assert bench.do(Search(pattern="total(")).text.startswith("(not a regular expression")


def test_long_output_is_cut_in_the_middle_and_kept_whole(bench: Bench) -> None:
    bench.put("many.txt", "needle in a long line of hay " * 4 + "\n")
    for n in range(80):
        bench.put(f"d/{n}.txt", "needle in a long line of hay " * 4 + "\n")
    seen = bench.do(Search(pattern="needle"))
    assert len(seen.text) < 6_300
    assert f"lines left out; all of it is in {seen.full_path}]" in seen.text
    assert Path(seen.full_path).read_text().count("needle") == 81 * 4


@given(lines=st.lists(st.text(alphabet="ab", max_size=8), max_size=60), limit=st.integers(30, 300))
def test_cap_keeps_beginning_and_end_and_counts_the_rest(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    seen = cap(text, limit)
    assert len(seen) <= limit + 60
    if len(text) <= limit:
        assert seen == text
        return
    head, _, rest = seen.partition("[")
    number, _, tail = rest.partition(" lines left out]")
    kept = len(head.split("\n")) - 1 + len(tail.split("\n")) - 1
    assert int(number) + kept == len(lines)
    assert text.startswith(head.rstrip("\n"))
    assert text.endswith(tail.lstrip("\n"))


def test_cap_of_one_long_line() -> None:
    assert cap("x" * 100, 30) == "x" * 10 + "\n[70 characters left out]\n" + "x" * 20


@needs_bwrap
def test_run_is_contained(bench: Bench, tmp_path: Path) -> None:
    seen = bench.do(Run(command="echo hi; echo oops >&2; echo x > made; exit 4"))
    assert seen.text == "exit status 4\nhi\noops"
    assert not seen.ok
    assert (bench.root / "made").exists()
    bench.do(Run(command=f"echo x > {tmp_path}/escaped"))
    assert not (tmp_path / "escaped").exists()
    assert bench.do(Run(command="true")).ok


def run_with(bench: Bench, command: str, context: ToolContext) -> Observation:
    return asyncio.run(perform(registry()["run"], Run(command=command), context))


def with_limits(bench: Bench, limits: Limits, consent: Consent, sandbox: Sandbox) -> ToolContext:
    base = bench.context
    return ToolContext(
        workspace=base.workspace,
        checkpoint=base.checkpoint,
        output_dir=base.output_dir,
        scratch=base.scratch,
        sandbox=sandbox,
        consent=consent,
        limits=limits,
    )


def test_run_ends_at_its_deadline_and_caps_its_output(bench: Bench) -> None:
    context = with_limits(
        bench, Limits(output_chars=300, command_deadline_s=0.5), Consent("yes"), Sandbox()
    )
    slow = run_with(bench, "echo begun; sleep 60", context)
    assert slow.text == "ended at its deadline of 0.5 s\nbegun"
    assert not slow.ok
    long = run_with(bench, "seq 1 5000", context)
    assert long.text.endswith("\n5000")
    assert len(long.text) < 600
    assert Path(long.full_path).read_text() == "".join(f"{n}\n" for n in range(1, 5001))
    assert "empty" in run_with(bench, "  ", context).text


def test_run_without_sandbox_and_consent_is_refused(bench: Bench) -> None:
    context = with_limits(bench, Limits(), Consent("deny"), Sandbox(reason="no bwrap here"))
    assert "no bwrap here" in run_with(bench, "touch evil", context).text
    assert not (bench.root / "evil").exists()
