"""What a session takes from the last probe of its endpoint, and how it notices a drift."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from e2e_helpers import DONE, MEND, Home, profile, script
from hotloop.config import Config
from hotloop.ledger.events import CallEnd, Marks, Usage
from hotloop.loop.capability import choose_dialect, remember
from hotloop.probe.cached import Known, Watch, load, store
from hotloop.probe.result import Result
from hotloop.probe.verdict import conclude
from hotloop.sim.profile import load_profile
from hotloop.sim.server import serving
from tests.probe_results import result_of

URL = "http://127.0.0.1:1/v1"
AUTO = Config()


class Endpoint:
    base_url = URL
    model = "sim-fast"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "hotloop"))


def probed(dialect: str, started_at: float = 4e9, endpoint: str = URL) -> Result:
    result = conclude(result_of(load_profile("fast"), endpoint))
    result.supports.dialect = dialect  # type: ignore[assignment]
    return msgspec.structs.replace(result, started_at=started_at)


def test_what_was_stored_is_known_for_this_endpoint_and_model_only() -> None:
    assert load(URL, "sim-fast") is None
    assert store(probed("schema"))
    known = load(URL, "sim-fast")
    assert known is not None
    assert (known.dialect, known.race_width) == ("schema", 4)
    assert known.decode_tok_s == pytest.approx(80)
    assert known.ttft_s(8_000) == pytest.approx(0.3)
    assert load(URL, "other") is None
    assert load("http://127.0.0.1:2/v1", "sim-fast") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 2}'])
def test_a_broken_or_newer_cache_is_none(content: str) -> None:
    assert store(probed("schema"))
    [file] = Path(os.environ["HOTLOOP_HOME"]).rglob("probes/*.json")
    file.write_text(content)
    assert load(URL, "sim-fast") is None


def test_a_session_speaks_the_probed_dialect() -> None:
    def chosen() -> str:
        return choose_dialect(AUTO, URL, "sim-fast", is_small=False)

    assert chosen() == "native"
    store(probed("schema"))
    assert chosen() == "schema"
    asked = Config(dialect="fenced")
    assert choose_dialect(asked, URL, "sim-fast", is_small=False) == "fenced"
    assert choose_dialect(AUTO, URL, "sim-fast", is_small=True) == "schema"


@pytest.mark.parametrize(("started_at", "expected"), [(1.0, "fenced"), (4e9, "schema")])
def test_the_later_of_probe_and_experience_counts(started_at: float, expected: str) -> None:
    from hotloop.actions.parse import Parsed
    from hotloop.actions.types import Done

    parsed = [Parsed(id="", action=Done(message="x"))]
    assert remember(Endpoint(), "fenced", parsed)  # type: ignore[arg-type]
    store(probed("schema", started_at))
    assert choose_dialect(AUTO, URL, "sim-fast", is_small=False) == expected


def call(tok_s: float = 80.0, ttft_s: float = 0.3, tokens: int = 100, **changes: object) -> CallEnd:
    fields: dict[str, object] = {
        "t_s": 1.0,
        "call": 0,
        "step": 0,
        "wait_s": 1.0,
        "marks": Marks(
            start_s=1.0, first_token_s=1.0 + ttft_s, last_token_s=1 + ttft_s + (tokens - 1) / tok_s
        ),
        "usage": Usage(input_tokens=2_000, output_tokens=tokens),
    }
    return CallEnd(**(fields | changes))  # type: ignore[arg-type]


def known() -> Known:
    store(probed("native"))
    found = load(URL, "sim-fast")
    assert found is not None
    return found


def told(*calls: CallEnd) -> list[str]:
    watch = Watch(known())
    return [text for each in calls if (text := watch.seen(each))]


def test_calls_as_probed_are_no_drift() -> None:
    assert not told(*[call(rate, ttft) for rate in (60, 80, 110) for ttft in (0.1, 0.3, 0.5)])


def test_a_slower_endpoint_is_told_once() -> None:
    found = told(*[call(30)] * 10)
    assert len(found) == 1
    assert "decodes 30.0 tokens/s, 80.0 when it was probed" in found[0]
    assert "hotloop probe" in found[0]


def test_a_much_faster_endpoint_is_another_one_too() -> None:
    assert len(told(*[call(300)] * 3)) == 1


def test_slow_first_tokens_are_told() -> None:
    [text] = told(*[call(ttft_s=1.2)] * 3)
    assert "4.0 times as long" in text


def test_one_slow_call_or_a_few_tokens_say_nothing() -> None:
    assert not told(*[call()] * 6, call(5), call(5))
    assert not told(*[call(5, tokens=8)] * 10)


def test_calls_without_usage_or_with_an_error_say_nothing() -> None:
    unknown = Usage(input_tokens=2_000, output_tokens=100, reported=False)
    assert not told(*[call(5, usage=unknown)] * 5, *[call(5, error="cut")] * 5)


def test_nothing_is_told_without_a_probe() -> None:
    assert not [text for _ in range(5) if (text := Watch(None).seen(call(5)))]


def test_structured_output_may_be_as_slow_as_it_was() -> None:
    result = probed("native")
    result.structured.tool_ratio = 3.0
    store(result)
    found = load(URL, "sim-fast")
    watch = Watch(found)
    assert not [text for _ in range(5) if (text := watch.seen(call(30)))]


def test_a_run_notices_that_its_endpoint_has_changed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    os.environ["HOTLOOP_HOME"] = str(home.folder)
    told_at_length = msgspec.structs.replace(MEND, text="I look at it. " * 30)
    replies = [msgspec.structs.replace(told_at_length, tokens=40) for _ in range(4)]
    slow = profile(decode_tok_s=400)
    with serving(slow, script(*replies, DONE)) as server:
        quick = probed("native", endpoint=server.base_url)
        quick = msgspec.structs.replace(quick, model="sim")
        assert quick.decode.rate_tok_s is not None
        rate = msgspec.structs.replace(quick.decode.rate_tok_s, median=4_000.0)
        quick.decode = msgspec.structs.replace(quick.decode, rate_tok_s=rate)
        store(quick)
        ended = home.run(server.base_url, "--without", "finish", test="false")
    notes = [event["text"] for event in ended.of("note")]
    assert [text for text in notes if "when it was probed" in text], (notes, ended.err)
    assert ended.end["type"] == "session.end"
