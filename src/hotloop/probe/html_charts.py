"""The pictures of a probe's report."""

from __future__ import annotations

from hotloop.ledger.report import LABELS
from hotloop.probe.figure import Figure
from hotloop.probe.html_svg import WIDTH, Canvas, Scale
from hotloop.probe.loopmodel import BUDGET_S, Span, shape, spans, with_levers
from hotloop.probe.present import span
from hotloop.probe.rates import rates_of_result
from hotloop.probe.result import Result
from hotloop.probe.shapes import LEVERS, fitted

_LEFT, _RIGHT = 70, WIDTH - 30
_LABELS_TO = 190
_ROW = 22


def ttft_chart(result: Result) -> str:
    """Return TTFT against prompt size, cold and warm, with the fit; empty without points."""
    points = [point for point in result.ttft.points if point.cold_s or point.warm_s]
    if not points:
        return ""
    canvas = Canvas("Time to first token against prompt size", 275)
    x = Scale(max(p.input_tokens for p in points) * 1.05, _LEFT, _RIGHT)
    tops = [f.p95 for p in points for f in (p.cold_s, p.warm_s) if f]
    y = Scale(max(tops) * 1.1 or 1.0, 250, 30)
    canvas.x_axis(x, 30, 250, "tokens")
    canvas.y_axis(y, _LEFT, _RIGHT, "s")
    base = result.ttft.base_s
    if base is not None:
        rate = result.ttft.prefill_tok_s
        slope_s = 1 / rate.median if rate is not None and rate.median > 0 else 0.0
        end = min(x.most, (y.most - base.median) / slope_s if slope_s else x.most)
        fit = [(x(0), y(base.median)), (x(end), y(base.median + end * slope_s))]
        canvas.path(fit, "fit")
    for point in points:
        pairs = (("cold", point.cold_s), ("warm", point.warm_s))
        for kind, value in pairs:
            if value is not None:
                at, tip = x(point.input_tokens), f"{point.input_tokens:,} tokens {kind}: "
                canvas.line(at, y(value.median), at, y(value.p95), f"{kind} whisker")
                canvas.dot(at, y(value.median), kind, tip + span(value.median))
    canvas.legend(18, [("cold", "cold"), ("warm", "warm (sent again)"), ("fit", "fit")], _LEFT)
    return canvas.svg()


def timeline_chart(result: Result) -> str:
    """Return one answer's pieces as they came, and where a tool call's name and end stand."""
    pieces = result.decode.timeline_s
    marks = _call_marks(result)
    if not pieces and not marks:
        return ""
    canvas = Canvas("When the tokens of an answer arrive", 128 if marks else 88)
    x = Scale(max([*pieces, *(at for at, _ in marks)]) * 1.04, 110, _RIGHT)
    canvas.x_axis(x, 30, 60 + 40 * bool(marks), "s")
    if pieces:
        canvas.text(100, 50, "answer", "label", "end")
        canvas.bar(x(0), 40, x(pieces[0]) - x(0), 14, "wait", f"waiting: {span(pieces[0])}")
        for at_s in pieces:
            canvas.line(x(at_s), 36, x(at_s), 58, "piece")
    if marks:
        canvas.text(100, 86, "tool call", "label", "end")
        for at_s, text in marks:
            canvas.dot(x(at_s), 82, "warm", f"{text}: {span(at_s)}")
        canvas.line(x(0), 82, x(marks[-1][0]), 82, "warm whisker")
    entries = [("wait", "waiting"), ("piece", "a piece of the answer")]
    calls = [("warm", "tool's name, end of the first call")] if marks else []
    canvas.legend(18, [*(entries if pieces else []), *calls], 110)
    return canvas.svg()


def _call_marks(result: Result) -> list[tuple[float, str]]:
    found = (
        (result.structured.name_s, "the tool's name"),
        (result.structured.first_call_s, "the first call's end"),
    )
    return [(value.median, text) for value, text in found if value is not None]


def cache_chart(result: Result) -> str:
    """Return the prefix cache's bars: new, again, changed; then a growing conversation."""
    cache = result.prefix_cache
    rows: list[tuple[str, Figure | None, str]] = [
        ("never seen", cache.cold_s, "cold"),
        ("the same again", cache.same_s, "warm"),
        ("one byte changed early", cache.changed_s, "cold"),
        ("after strangers", cache.strangers_s, "warm"),
    ]
    known = [(label, value, kind) for label, value, kind in rows if value is not None]
    if not known:
        return ""
    grown = [turn for turn in cache.growing if turn.expected_cold_s is not None]
    height = 60 + _ROW * (len(known) + len(grown)) + 30 * bool(grown)
    canvas = Canvas("Time to first token with and without the prefix cache", height)
    longest = [value.p95 for _, value, _ in known]
    longest += [max(turn.ttft_s, turn.expected_cold_s or 0.0) for turn in grown]
    x = Scale(max(longest) * 1.12 or 1.0, _LABELS_TO, _RIGHT)
    canvas.x_axis(x, 28, height - 28, "s")
    y = 34.0
    for label, value, kind in known:
        canvas.text(_LABELS_TO - 8, y + 11, label, "label", "end")
        canvas.bar(x(0), y, x(value.median) - x(0), 14, kind, f"{label}: {span(value.median)}")
        canvas.text(x(value.median) + 6, y + 11, span(value.median), "value")
        y += _ROW
    y += 30 * bool(grown)
    for turn in grown:
        expected_s = turn.expected_cold_s or 0.0
        label = f"turn of {turn.input_tokens:,} tokens"
        canvas.text(_LABELS_TO - 8, y + 11, label, "label", "end")
        canvas.bar(x(0), y, x(expected_s) - x(0), 14, "ghost", f"uncached: {span(expected_s)}")
        canvas.bar(x(0), y, x(turn.ttft_s) - x(0), 14, "warm", f"{label}: {span(turn.ttft_s)}")
        y += _ROW
    keys = [("cold", "not cached"), ("warm", "should be cached")]
    canvas.legend(18, [*keys, *([("ghost", "expected uncached")] if grown else [])], _LABELS_TO)
    return canvas.svg()


def fan_out_chart(result: Result) -> str:
    """Return latency and total rate by the number of calls at once, in two panels."""
    tried = [one for one in result.parallel.fan_out if one.latency_s is not None]
    if not tried:
        return ""
    canvas = Canvas("Calls side by side", 240)
    middle = WIDTH / 2
    longest_s = max(one.latency_s.p95 for one in tried if one.latency_s is not None)
    left = Scale(longest_s * 1.15 or 1.0, 200, 40)
    right = Scale(max(one.total_tok_s or 0.0 for one in tried) * 1.15 or 1.0, 200, 40)
    canvas.y_axis(left, _LEFT, middle - 20, "s")
    canvas.y_axis(right, middle + 60, _RIGHT, "tok/s")
    slot = (middle - 20 - _LEFT) / len(tried)
    for index, one in enumerate(tried):
        at = _LEFT + slot * index + slot / 4
        for start, kind, most in ((at, "cold", left), (at + middle - 10, "warm", right)):
            value = one.latency_s.median if kind == "cold" and one.latency_s else one.total_tok_s
            said = span(value) if kind == "cold" else f"{value or 0:,.0f}"
            top = most(value or 0.0)
            canvas.bar(start, top, slot / 2, 200 - top, kind, f"{one.width} at once: {said}")
            canvas.text(start + slot / 4, top - 5, said, "value", "middle")
            canvas.text(start + slot / 4, 217, str(one.width), "tick", "middle")
        if one.latency_s is not None:
            x = at + slot / 4
            canvas.line(x, left(one.latency_s.median), x, left(one.latency_s.p95), "whisker")
    canvas.text(_LEFT, 22, "latency of each (line: p95)", "key")
    canvas.text(middle + 60, 22, "total rate, tokens/s", "key")
    canvas.text(middle, 235, "calls at once", "tick", "middle")
    return canvas.svg()


def waterfall_chart(result: Result, budget_s: float = BUDGET_S) -> str:
    """Return the article's loop call by call, as it is and with levers; empty without rates."""
    rates = rates_of_result(result)
    if rates is None:
        return ""
    loop = fitted(shape("article"), rates.context_tokens)
    plain = spans(rates, loop)
    shorter = spans(rates, with_levers(rates, loop, LEVERS["article"]))
    end_s = max(plain[-1].start_s + plain[-1].duration_s, budget_s)
    height = 110 + (len(plain) + len(shorter)) * _ROW
    canvas = Canvas("The article's loop at this endpoint, call by call", height)
    x = Scale(end_s * 1.1, 130, _RIGHT)
    canvas.x_axis(x, 28, height - 28, "s")
    below = _lane(canvas, x, plain, "one after the other", 46)
    below = _lane(canvas, x, shorter, "with hotloop's levers", below + 30)
    canvas.line(x(budget_s), 28, x(budget_s), height - 28, "budget")
    canvas.text(x(budget_s) + 4, 40, f"budget {budget_s:g} s", "over")
    keys = [("wait", "time to first token"), ("cold", "answer"), ("ghost", "tests")]
    canvas.legend(18, keys, 130)
    return canvas.svg()


def _lane(canvas: Canvas, x: Scale, lane: list[Span], title: str, y: float) -> float:
    total_s = lane[-1].start_s + lane[-1].duration_s
    canvas.text(x(0) + 2, y, f"{title}, each call at its median: {span(total_s)}", "strong")
    y += 8
    for each in lane:
        label, took = LABELS[each.kind], span(each.duration_s)
        start, wait_end = x(each.start_s), x(each.start_s + each.wait_s)
        end = x(each.start_s + each.duration_s)
        canvas.text(122, y + 11, label, "label", "end")
        if each.wait_s:
            canvas.bar(
                start, y, wait_end - start, 14, "wait", f"{label}: waits {span(each.wait_s)}"
            )
        kind = "ghost" if label == "Run tests" else "cold"
        canvas.bar(wait_end, y, end - wait_end, 14, kind, f"{label}: {took}")
        canvas.text(end + 5, y + 11, took, "value")
        y += _ROW
    return y
