"""How a result is shown: on a terminal, as a page, side by side with others."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hotloop.errors import UsageError
from hotloop.probe.compare import compare, load_result
from hotloop.probe.html import page
from hotloop.probe.html_svg import Scale
from hotloop.probe.present import span
from hotloop.probe.result import Defect, Result
from hotloop.probe.terminal import print_comparison, print_result
from hotloop.probe.verdict import conclude
from hotloop.sim.profile import Cache, Profile, load_profile
from tests.probe_results import result_of

EVIL = "</style><script>alert(1)</script>\x1b[31m"


def full(name: str = "tracelab") -> Result:
    result = result_of(load_profile(name))
    result.decode.timeline_s = [1.3 + piece / 60 for piece in range(64)]
    result.missing["connection.tls_s"] = "the endpoint is not encrypted"
    return conclude(result)


def shown(result: Result, width: int = 100) -> str:
    out = io.StringIO()
    print_result(Console(file=out, width=width, markup=False, emoji=False), result)
    return out.getvalue()


class Tags(HTMLParser):
    """Collects what a page could load, and whether its tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [v or "" for k, v in attrs if k in {"src", "href", "data", "style"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert not tags.open
    return tags


def test_the_terminal_report_fits_and_says_everything() -> None:
    text = shown(full())
    assert max(len(line) for line in text.splitlines()) <= 100
    for heading in (
        "The article's loop, once",
        "with a second iteration",
        "TraceLab",
        "Levers",
        "Time to first token",
        "Prefix cache",
        "Could not be measured",
    ):
        assert heading in text, heading
    assert "levers assumed: prefetch" in text
    assert "connection.tls_s: the endpoint is not encrypted" in text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = shown(full(), width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_a_result_with_nothing_in_it_can_be_shown() -> None:
    empty = conclude(Result(endpoint="http://x/v1"))
    assert "Could not be measured" in shown(empty)
    assert "No verdict" in page(empty)
    parsed(page(empty))


def test_the_servers_words_steer_neither_terminal_nor_page() -> None:
    result = full()
    result.model = EVIL
    result.defects.append(Defect(kind="not_openai", text=EVIL))
    result.missing["tails"] = EVIL
    text = shown(result)
    assert "\x1b[31m" not in text
    written = page(result)
    assert "<script" not in written
    assert "script" not in parsed(written).tags


def test_the_page_stands_alone() -> None:
    text = page(full())
    tags = parsed(text)
    assert not tags.addresses
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & tags.tags
    assert not re.search(r"url\(|@import|https?://(?!127\.0\.0\.1)", text)
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 200_000


def test_the_page_has_its_five_pictures() -> None:
    drawn = re.findall(r"<svg.*?</svg>", page(full()), re.DOTALL)
    roots = [ElementTree.fromstring(svg) for svg in drawn]
    assert [root.find("title").text for root in roots] == [  # type: ignore[union-attr]
        "The article's loop at this endpoint, call by call",
        "Time to first token against prompt size",
        "When the tokens of an answer arrive",
        "Time to first token with and without the prefix cache",
        "Calls side by side",
    ]
    for root in roots:
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for rect in root.iter("rect"):
            x, y = float(rect.attrib["x"]), float(rect.attrib["y"])
            assert 0 <= x <= x + float(rect.attrib["width"]) <= width
            assert 0 <= y <= y + float(rect.attrib["height"]) <= height


def test_the_pictures_draw_the_figures() -> None:
    result = full("slow")
    waterfall, ttft, timeline, *_ = re.findall(r"<svg.*?</svg>", page(result), re.DOTALL)
    assert waterfall.count(">Tool calls</text>") == 5 + 2
    assert re.search(r"median: 37\.[01] s", waterfall)
    assert ttft.count("<circle") == 10
    assert timeline.count('class="piece"') == 64 + 1


def test_colours_of_both_modes_can_be_read() -> None:
    text = page(full())
    modes = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert len(modes) == 2
    for mode in modes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", mode))
        for name in ("ink", "soft", "bad", "warn"):
            assert contrast(colours[name], colours["page"]) >= 4.5, name
        for name in ("cold", "warm"):
            assert contrast(colours[name], colours["page"]) >= 3, name


def contrast(first: str, second: str) -> float:
    """WCAG 2.2: the contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(first), light(second)))
    return (high + 0.05) / (low + 0.05)


@given(st.floats(1e-6, 1e6))
def test_an_axis_has_a_few_round_values(most: float) -> None:
    ticks = Scale(most, 0, 100).ticks()
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= most * 1.000001


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 s"), (0.00042, "0.42 ms"), (0.012, "12 ms"), (0.45, "0.45 s"), (37.06, "37.1 s")],
)
def test_times_are_short(value: float, text: str) -> None:
    assert span(value) == text


def test_results_side_by_side_name_the_better_one_per_step() -> None:
    quick = conclude(result_of(load_profile("fast")))
    reader = Profile(model="reader", ttft_base_s=0.01, decode_tok_s=60, cache=Cache(enabled=False))
    found = compare([quick, conclude(result_of(reader))])
    chosen = {choice.step: choice.number for choice in found.choices}
    assert chosen["Generate code"] == 0
    assert chosen["long conversations"] == 0
    rows = {row.label: row for row in found.rows}
    assert rows["TTFT base"].best == 1
    assert rows["decode"].ratios == [None, pytest.approx(0.75)]
    assert rows["loop p50"].values[0] == pytest.approx(21.7, rel=0.01)


def test_equal_results_are_called_even() -> None:
    same = full()
    found = compare([same, same])
    assert not found.choices
    out = io.StringIO()
    print_comparison(Console(file=out, width=100), found)
    assert "no difference that matters" in out.getvalue()


def test_five_results_fit_the_terminal() -> None:
    results = [
        conclude(result_of(Profile(model=f"m{n}", ttft_base_s=0.1, decode_tok_s=50.0 + 40 * n)))
        for n in range(5)
    ]
    out = io.StringIO()
    print_comparison(Console(file=out, width=100), compare(results))
    text = out.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "Generate code: 5" in text


def test_a_result_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(msgspec.json.encode(full()))
    assert load_result(file) == full()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "cannot read"),
        ("[]", "is no probe result"),
        ("{}", "is no probe result"),
        ("not json", "is no probe result"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1, "ttft": 3}', "is no probe result"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: str | None, cause: str) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=cause):
        load_result(file)


def test_one_result_is_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="two or more"):
        compare([full()])
