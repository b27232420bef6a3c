"""What the probe makes of numbers and texts, without any server."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.ledger.events import Marks, Usage
from hotloop.probe.counting import Counter
from hotloop.probe.decode import rate_figure, usual_calls
from hotloop.probe.figure import figure, quantile
from hotloop.probe.fit import fit_line
from hotloop.probe.prompts import Prompts, one_byte_changed
from hotloop.probe.sample import Sample
from hotloop.probe.schemas import classify_call, classify_text, keeps_shape
from hotloop.probe.settings import Prices, Settings, plan
from hotloop.probe.tails import slow_calls
from hotloop.probe.ttft import fit_with_break

SIZES = (50, 1_000, 2_000, 4_000, 8_000, 16_000)
VALID = '{"files":[{"path":"a.py","why":"It holds the parser of it."}]}'


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_lies_among_the_values(values: list[float], share: float) -> None:
    ordered = sorted(values)
    assert ordered[0] <= quantile(ordered, share) * (1 + 1e-12)
    assert quantile(ordered, share) <= ordered[-1] * (1 + 1e-12)


@pytest.mark.parametrize(
    ("values", "sure", "why"),
    [
        ([1.0], "none", "one sample"),
        ([1.0, 1.1, 1.0], "low", "3 samples"),
        ([1.0, 1.0, 1.1, 1.0, 1.05], "high", ""),
        ([1.0, 1.0, 3.0, 5.0, 5.0], "low", "spread"),
    ],
)
def test_a_figure_says_how_sure_it_is(values: list[float], sure: str, why: str) -> None:
    found = figure(values)
    assert found is not None
    assert found.sure == sure
    assert why in found.why
    assert bool(found.why) == (sure != "high")


def test_no_samples_make_no_figure() -> None:
    assert figure([]) is None


@settings(max_examples=40)
@given(st.floats(0.005, 1.0), st.floats(500, 50_000), st.integers(0, 2**32))
def test_slow_calls_do_not_bend_the_line(base: float, rate: float, seed: int) -> None:
    source = random.Random(seed)
    points = [(float(x), base + x / rate) for x in SIZES for _ in range(4)]
    for size in source.sample(range(len(SIZES)), 2):
        x, y = points[4 * size]
        points[4 * size] = (x, y * source.uniform(1.5, 6))
    line = fit_line(points)
    assert line is not None
    assert 1 / line.slope == pytest.approx(rate, rel=0.01)
    assert line.at(50) == pytest.approx(base + 50 / rate, rel=0.01)


def test_a_line_needs_two_sizes() -> None:
    assert fit_line([]) is None
    assert fit_line([(10.0, 1.0), (10.0, 2.0)]) is None


@pytest.mark.parametrize(("from_tokens", "breaks"), [(99_999, None), (16_000, 16_000)])
def test_the_fit_says_where_it_breaks(from_tokens: int, breaks: int | None) -> None:
    def seconds(x: float) -> float:
        return 0.1 + x / 5_000 * (2.5 if x >= from_tokens else 1)

    points = [(float(x), seconds(x)) for x in SIZES for _ in range(2)]
    line, at, error = fit_with_break(points)
    assert at == breaks
    assert error < 0.05
    assert 1 / line.slope == pytest.approx(5_000, rel=0.05)


def test_the_share_of_slow_calls_is_found() -> None:
    source = random.Random(3)
    usual = [0.1 * source.uniform(0.99, 1.01) for _ in range(180)]
    slow = [0.1 * math.exp(abs(source.gauss(0, 0.8))) for _ in range(20)]
    share, sigma = slow_calls([*usual, *slow])
    assert share == pytest.approx(0.1, abs=0.02)
    assert sigma == pytest.approx(0.8, rel=0.4)
    assert slow_calls(usual) == (0.0, 0.0)
    assert slow_calls([]) == (0.0, 0.0)


def decoded(pace_s: float, tokens: int) -> Sample:
    usage = Usage(input_tokens=60, output_tokens=tokens)
    pieces = [1.0 + number * pace_s for number in range(tokens)]
    sample = Sample(asked_chars=200, asked_tokens=tokens, usage=usage, piece_s=pieces)
    sample.marks = Marks(first_token_s=pieces[0], end_s=pieces[-1])
    return sample


def decode_rate(stories: list[Sample], small: list[Sample]) -> float:
    counter = learned(*(answered(chars, 20 + chars // 3) for chars in (100, 1_000, 4_000)))
    found = rate_figure(usual_calls(stories, small, counter), counter)
    assert found is not None
    return found.median


@settings(max_examples=40)
@given(st.integers(3, 7), st.floats(20, 300), st.floats(0.02, 0.9), st.integers(0, 2**32))
def test_stories_that_are_slow_by_chance_do_not_move_the_rate(
    count: int, rate: float, sigma: float, seed: int
) -> None:
    source = random.Random(seed)

    def slow() -> float:
        return math.exp(abs(source.gauss(0, sigma)))

    stories = [decoded(slow() / rate, 64) for _ in range(count - 1)] + [decoded(1 / rate, 64)]
    small = [
        decoded(source.uniform(0.99, 1.01) * (slow() if number % 8 == 0 else 1) / rate, 8)
        for number in range(40)
    ]
    assert decode_rate(stories, small) == pytest.approx(rate, rel=0.1)


def test_noise_in_stories_is_not_taken_for_slow_calls() -> None:
    stories = [decoded(share / 100, 64) for share in (0.9, 0.95, 1.0, 1.08, 1.12)]
    alone, beside = decode_rate(stories, []), decode_rate(stories, [decoded(0.02, 8)] * 40)
    assert alone == pytest.approx(100)
    assert beside == pytest.approx(100)
    assert decode_rate(stories, [decoded(0.005, 8)] * 40) == pytest.approx(100)  # no story is usual


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (VALID, "valid"),
        (f"```json\n{VALID}\n```", "fenced_json"),
        (f"Here it is:\n```\n{VALID}\n```\nDone.", "fenced_json"),
        ('{"files":[{"path":1}]}', "wrong_arguments"),
        ('{"files":[', "wrong_arguments"),
        ("Read a.py first.", "prose"),
        ("", "prose"),
    ],
)
def test_answers_under_a_schema_are_told_apart(text: str, form: str) -> None:
    assert classify_text(text) == form


@pytest.mark.parametrize(
    ("name", "arguments", "text", "calls", "form"),
    [
        ("read_files", VALID, "", 1, "valid"),
        ("read_file", VALID, "", 1, "wrong_arguments"),
        ("read_files", '{"files":"a.py"}', "", 1, "wrong_arguments"),
        ("", "", "```json\n{}\n```", 0, "fenced_json"),
        ("", "", ' {"name":"read_files"}', 0, "bare_json"),
        ("", "", "I would read a.py.", 0, "prose"),
    ],
)
def test_tool_calls_are_told_apart(
    name: str, arguments: str, text: str, calls: int, form: str
) -> None:
    assert classify_call(name, arguments, text, calls) == form


def test_a_schema_is_kept_also_by_an_answer_that_was_cut() -> None:
    assert keeps_shape('{"files":[]}', cut=False)
    assert keeps_shape('{"files":[{"pa', cut=True)
    assert not keeps_shape("hello", cut=False)
    assert not keeps_shape("hello", cut=True)
    assert not keeps_shape('{"word":"hello"}', cut=False)


@given(st.integers(100, 5_000), st.integers(0, 2**32))
def test_prompts_have_their_length_and_a_beginning_of_their_own(length: int, seed: int) -> None:
    prompts = Prompts(seed)
    first, second = prompts.prefix(length)[0], prompts.prefix(length)[0]
    assert len(str(first["content"])) == length
    assert str(first["content"])[:12] != str(second["content"])[:12]
    assert Prompts(seed).prefix(length)[0] == first


def test_one_byte_is_changed_early() -> None:
    before = Prompts(1).new("Go on.", 300)
    after = one_byte_changed(before)
    old, new = str(before[0]["content"]), str(after[0]["content"])
    assert [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b] == [0]
    assert after[1:] == before[1:]


def answered(chars: int, tokens: int, output: int = 8, limit: int = 8, finish: str = "") -> Sample:
    usage = Usage(input_tokens=tokens, output_tokens=output)
    sample = Sample(asked_chars=chars, asked_tokens=limit, usage=usage, text="x" * 30)
    sample.finish, sample.marks = finish, Marks(first_token_s=1.0)
    return sample


def learned(*samples: Sample) -> Counter:
    counter = Counter()
    for sample in samples:
        counter.learn(sample)
    return counter


def test_tokens_are_calibrated_by_what_the_endpoint_reports() -> None:
    counter = learned(*(answered(chars, 20 + chars // 3) for chars in (100, 1_000, 4_000)))
    assert counter.trusted
    assert counter.tokens.chars_per_token == pytest.approx(3, rel=0.01)
    assert counter.tokens.overhead_tokens == pytest.approx(20, abs=1)
    assert counter.chars(1_020) == pytest.approx(3_000, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([answered(100, 30), answered(4_000, 30)], "does not grow"),
        ([answered(100, 3), answered(4_000, 130)], "characters per token"),
        ([answered(100, 30, output=20, limit=8)], "limited to 8"),
        ([answered(100, 30, output=8, limit=100, finish="length")], "limit of 100"),
        ([answered(100, 30, output=0)], "no tokens"),
    ],
)
def test_impossible_counts_are_not_believed(samples: list[Sample], why: str) -> None:
    counter = learned(*samples)
    assert not counter.trusted
    assert why in counter.doubt
    assert counter.input(samples[0]) == samples[0].asked_chars / 4
    assert counter.cached(samples[0]) is None


def test_money_counts_cached_tokens_apart() -> None:
    prices = Prices(input_per_million=10, cached_per_million=1, output_per_million=100)
    assert prices.of(1_000_000, 400_000, 10_000) == pytest.approx(6 + 0.4 + 1)
    assert plan(Settings(requests=10)).money is None
    assert plan(Settings(requests=10, idle_s=(5.0, 10.0))).time_s == 75.0
