"""Slips: each kind is undone, where it should be, and the likeliest come first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.levers.slips import slips
from hotloop.loop.candidates import is_valid


def undone(source: str, language: str = "python", start: int = 0) -> list[str]:
    """Return what a definition becomes, the likeliest first."""
    found = sorted(slips(source, start, language), key=lambda one: -one.weight)
    return [one.text for one in found]


def function(*lines: str) -> str:
    return "\n".join(["def f(items, low, high):", *(f"    {line}" for line in lines)])


@pytest.mark.parametrize(
    ("slip", "fix"),
    [
        ("return items[:low]", "return items[-low:]"),
        ("return items[low:]", "return items[:low]"),
        ("return items[:low]", "return items[:low - 1]"),
        ("return items[low : high]", "return items[low : high + 1]"),
        ("return low + high", "return low + high + 1"),
        ("return gap.seconds / 60", "return gap.total_seconds() / 60"),
        ("first = next(rows)", "first = next(rows, None)"),
        ("a, b, c = line.split(',')", "a, b, c = line.split(',', 2)"),
        ("name.strip()", "name = name.strip()"),
        ("items.sort(key=lambda x: (x.a, x.b))", "items.sort(key=lambda x: (x.a, -x.b))"),
        ("return (x.a, x.b, x.c)", "return (x.a, -x.b, -x.c)"),
        ("return (len(low), len(high))", "return (len(low), -len(high))"),
        ("top = sorted(items)", "top = sorted(items, reverse=True)"),
        ("grid = [[0] * 3] * low", "grid = [[0] * 3 for _ in range(low)]"),
        ("name = name.lstrip('abc')", "name = name.removeprefix('abc')"),
        ("if low:", "if low is not None:"),
        ("return low or high", "return low if low is not None else high"),
        ("return low * 60", "return low * 1000"),
        ("return 'a' + ','.join(items)", "return 'a' + ', '.join(items)"),
        ("return high - low", "return low - high"),
        ("return low // 2", "return low / 2"),
        ("return self.begin + low", "return self.begin + high"),
        ("return f'{low} of {items}'", "return f'{high} of {items}'"),
        ("return math.floor(low)", "return math.ceil(low)"),
        ("return 1 + low", "return low"),
        ("return low ^ high", "return low & high"),
        ("return f(low, high)", "return f(low + 1, high)"),
        ("return f(low % high, high)", "return f(high, low % high)"),
        ("return items[low][high]", "return items[high][low]"),
        ("return f(items)", "return items"),
        ("return low.begin + high.end", "return low.end + high.end"),
        ("if items[0] == low:", "if items and items[0] == low:"),
        ("return items[len(items)]", "return items[len(items) - 1]"),
        ("return wall.a < wall.b", "return wall.b < wall.b"),
        ("groups.get(low, []).append(high)", "groups.setdefault(low, []).append(high)"),
        ("for k, g in groupby(rows, by):", "for k, g in groupby(sorted(rows, key=by), by):"),
        ("return list(zip(low, high))", "return list(itertools.zip_longest(low, high))"),
        ("for name, age in ages:", "for name, age in ages.items():"),
        ("return ', '.join(items)", "return ', '.join(map(str, items))"),
        ("return max(votes)", "return max(votes, key=votes.get)"),
        ("return low.replace('a', high)", "return low.replace('a', high, 1)"),
        ("return re.sub(low, high, items, re.I)", "return re.sub(low, high, items, flags=re.I)"),
        ('return low.split("\\n")', "return low.splitlines()"),
        ('return low.strftime("%H:%m")', 'return low.strftime("%H:%M")'),
        ("return datetime.strptime(low, '%d.%m.%y')", "return datetime.strptime(low, '%d.%m.%Y')"),
        ("return bisect_left(items, low)", "return bisect_right(items, low)"),
    ],
)
def test_a_slip_of_one_line_is_undone(slip: str, fix: str) -> None:
    body = "    pass" if slip.endswith(":") else ""
    source, mended = (function(one) + ("\n    " + body if body else "") for one in (slip, fix))
    assert mended in undone(source)


@pytest.mark.parametrize(
    ("slip", "fix"),
    [
        ("return text.replace('-', ' ');", "return text.replaceAll('-', ' ');"),
        ("return text.replace(/-/, ' ');", "return text.replace(/-/g, ' ');"),
        ("return parts.map(parseInt);", "return parts.map(Number);"),
        ("return Math.max(items);", "return Math.max(...items);"),
        ("return new Date(low, month, 1);", "return new Date(low, month - 1, 1);"),
        ("return items.sort((a, b) => a.n > b.n);", "return items.sort((a, b) => a.n - b.n);"),
        ("return low.toFixed(2) + high;", "return Number(low.toFixed(2)) + high;"),
        ("return text.split('');", "return [...text];"),
        ("return items.length;", "return items.size;"),
        ("return items.sort();", "return items.sort((a, b) => a - b);"),
        ("return items.sort((a, b) => a - b);", "return items.sort((a, b) => b - a);"),
        ("return items.sort((x, y) => x.n - y.n);", "return items.sort((x, y) => y.n - x.n);"),
        ("return low || 10;", "return low ?? 10;"),
        ("return items.slice(0, low);", "return items.slice(0, low + 1);"),
        ("return items.slice(0, low);", "return items.slice(-low);"),
        ("for (const x in items) use(x);", "for (const x of items) use(x);"),
        ("return Math.floor(low);", "return Math.round(low);"),
        ("if (low < 3) return 1;", "if (!(low < 3)) return 1;"),
        ("return Array(low).fill([]);", "return Array.from({ length: low }, () => []);"),
        ("return `${low} of`;", "return `${high} of`;"),
        ("return Math.min(low, high);", "return Math.max(low, high);"),
        ("if (low.next > 1) return 1;", "if (low && low.next > 1) return 1;"),
        ("return low.next.value;", "return low.next?.value;"),
        ("return date.getMonth();", "return date.getMonth() + 1;"),
    ],
)
def test_a_slip_in_javascript_is_undone(slip: str, fix: str) -> None:
    source, mended = (f"function f(items, low, high) {{\n  {one}\n}}" for one in (slip, fix))
    assert mended in undone(source, "javascript")


@pytest.mark.parametrize(
    ("slip", "fix"),
    [
        ("for (int i = 0; i <= n; i++) s += a[i];", "for (int i = 0; i < n; i++) s += a[i];"),
        ("char *c = malloc(strlen(a));", "char *c = malloc(strlen(a) + 1);"),
        ("memset(a, 0, sizeof(a));", "memset(a, 0, sizeof(*a));"),
        ("return n;", "return n + 1;"),
        ("double d = n / 2;", "double d = (double)n / 2;"),
        ("if (n = 2) return 1;", "if (n == 2) return 1;"),
        ("if (n & 2) return 1;", "if (n && 2) return 1;"),
        ("return n % 10;", "return n / 10;"),
        ("  case 1:\n    n = 2;\n  case 2:", "  case 1:\n    n = 2;\n    break;\n  case 2:"),
    ],
)
def test_a_slip_in_c_is_undone(slip: str, fix: str) -> None:
    source, mended = (f"int f(char *a, int n) {{\n  {one}\n}}" for one in (slip, fix))
    assert mended in undone(source, "c")


def test_a_name_that_is_bound_and_never_used_comes_first() -> None:
    source = function(
        "total = [low] * high",
        "order = sorted(items, key=lambda person: person.age)",
        "for place, person in enumerate(order):",
        "    total[place] += 1",
        "return total",
    )
    assert source.replace("total[place]", "total[person]") in undone(source)[:2]


def test_parameters_are_found_below_decorators_and_comments() -> None:
    python = "@once(low=1)\ndef f(low, high):\n    return low"
    assert python.replace("return low", "return high") in undone(python)[:1]
    script = "/**\n * Adds (a, b).\n */\nexport function f(low, high) {\n  return low;\n}"
    assert script.replace("return low", "return high") in undone(script, "javascript")[:1]
    c = "// f(x)\nstatic int f(int low, char *high) {\n  return low;\n}"
    assert c.replace("return low", "return high") in undone(c, "c")[:1]


def test_a_copy_that_was_not_made_comes_first() -> None:
    source = function("left = items", "while left:", "    left.pop()", "return items")
    assert undone(source)[0] == source.replace("left = items", "left = list(items)")
    loop = function("for one in items:", "    items.remove(one)")
    assert undone(loop)[0] == loop.replace("in items", "in list(items)")
    script = "function f(all) {\n  const left = all;\n  left.push(1);\n  return left;\n}"
    assert undone(script, "javascript")[0] == script.replace("= all", "= [...all]")


def test_the_last_group_is_handed_on_behind_the_loop() -> None:
    source = function(
        "groups = []",
        "group = []",
        "for item in items:",
        "    if item:",
        "        groups.append(group)",
        "        group = []",
        "    group.append(item)",
        "return groups",
    )
    mended = source.replace("    return", "    if group:\n        groups.append(group)\n    return")
    assert mended in undone(source)[:2]


def test_a_return_leaves_its_loop() -> None:
    source = "def f(items):\n    n = 0\n    for item in items:\n        n += item\n        return n"
    assert source.replace("        return", "    return") in undone(source)[:2]
    script = (
        "function f(a) {\n  let s = 0;\n  for (const x of a) {\n    s += x;\n    return s;\n  }\n}"
    )
    mended = script.replace("    return s;\n  }\n", "  }\n  return s;\n")
    assert mended in undone(script, "javascript")


def test_lines_are_deleted_and_swapped() -> None:
    source = function("items.append(low)", "items.sort()", "items.pop()", "return items")
    found = undone(source)
    assert source.replace("    items.sort()\n", "") in found
    assert function("items.sort()", "items.append(low)", "items.pop()", "return items") in found


def test_the_more_places_a_kind_has_the_less_each_weighs() -> None:
    def heaviest(source: str) -> float:
        return max(one.weight for one in slips(source) if "<=" in one.text)

    few = function("return low < high")
    many = function(*["low += low < high"] * 9, "return low < high")
    assert heaviest(many) < 0.5 * heaviest(few)


def test_what_cannot_be_a_number_is_not_off_by_one() -> None:
    source = function("name = 'a'", "items.append(name)", "return items")
    assert not [text for text in undone(source) if "items + 1" in text or "items - 1" in text]


def test_patterns_strings_and_comments_of_javascript_are_left_alone() -> None:
    source = (
        "function f(a) {\n  // a < b, don't\n  return a.match(/<[^>]+>/) + 'a < b' + `a < ${a}`;\n}"
    )
    for text in undone(source, "javascript"):
        assert "// a < b, don't\n" in text or "//" not in text
        assert re.search(r"/<\[\^>\]\+>/g?i?", text)
        assert "'a < b'" in text


PIECES = st.sampled_from(
    [
        *("if a < b:", "return a", "x = [b[0]]", "for i in range(len(a)):", "x.append('a < b')"),
        *("# a < b", "else:", "a, b = b.split(',')", "}", "};", "const x = (a, b) => a - b;", "("),
        *(
            "if (a) {",
            "switch (a) {",
            "case 1:",
            "f(a, b);",
            "`${a}`",
            "/a/",
            '"""',
            "'",
            "\t",
            "é",
        ),
        *("return a;", "\\", "x.sort()", "sizeof(a)", "group = []", "    ", "        ", ")]}", "]"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES, max_size=30).map(lambda all_: "def f(a, b):\n" + "\n    ".join(all_)),
    st.sampled_from(["python", "javascript", "c", "go"]),
    st.integers(0, 60),
)
def test_any_text_gives_other_texts_that_differ_from_the_start_on(
    source: str, language: str, start: int
) -> None:
    for one in slips(source, start, language):
        assert one.text != source
        assert one.offset >= start
        assert one.text[: one.offset] == source[: one.offset]
        assert one.weight > 0


def test_most_slips_are_code() -> None:
    source = function(
        "count = {}",
        "for index, item in enumerate(items):",
        "    if low <= item.size < high and not item.gone:",
        "        count[item.name] = count.get(item.name, 0) + items[index - 1].size",
        "return sorted(count.items(), key=lambda pair: pair[1])[:3]",
    )
    texts = undone(source)
    assert len(texts) > 40
    assert sum(is_valid("a.py", text) for text in texts) > 0.9 * len(texts)
