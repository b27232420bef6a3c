"""The article's loop as work for the simulated model: what it thinks, looks up and changes.

The article leaves its tokens open; they follow from its seconds (see `hotloop.sim.article`): a plan
of 152 output tokens, 5 look-ups of 56, reasoning of 136, a change of 456 and a verdict of 96. The
simulated backend counts 4 bytes as a token, so the texts here have the lengths that they need, and
no count is set by hand.
"""

from __future__ import annotations

from pathlib import Path

from hotloop.sim.script import Script
from hotloop.sim.work import Change, Look, Say, Work

REPO = Path(__file__).parent / "task" / "repo"
GOAL = (
    "Basket.total() in shop/basket.py takes every voucher off the sum. Only the best one may "
    "count, and nothing is ever paid out."
)
CHANGED = "shop/basket.py"
SINGLE = "One step per message"
VERDICT = "Say whether the goal is met"

PLAN = """\
It is all about what a basket costs once vouchers are redeemed. This is how I go about it: I \
read the basket itself, to see how its total comes about and in which order vouchers are taken \
off. Then I read its tests, for they say what is expected of several vouchers and of a voucher \
that is worth more than all the products. After that I need to know what a voucher is worth and \
how prices are kept, since rounding may matter, and who else calls total, because nobody may \
depend on the old sum. With that I change the one method that is wrong, and nothing beside it; \
the tests have to tell whether it holds."""

LOOKS: tuple[tuple[str, dict[str, str], str], ...] = (
    (
        "read",
        {"path": CHANGED},
        "I will begin with the file that the goal names: it holds the method that is wrong, and "
        "shows me what a basket keeps about its products and vouchers, and how it adds them up "
        "when it is paid.",
    ),
    (
        "read",
        {"path": "tests/test_basket.py"},
        "Next come all the tests of the basket itself, since they show how it is filled, and "
        "what is expected when there are several vouchers or just one that is worth more than "
        "all that is bought.",
    ),
    (
        "read",
        {"path": "shop/vouchers.py"},
        "What a voucher takes off a sum is decided elsewhere, so I look at how its worth is "
        "computed, and whether it depends on the sum that it is given, or on other vouchers "
        "that are redeemed, too.",
    ),
    (
        "read",
        {"path": "shop/prices.py"},
        "The sums are always kept as whole cents, it seems. I want to be sure of that before I "
        "compare or subtract any of them, so I read the module that holds the prices and also "
        "prints them as well.",
    ),
    (
        "search",
        {"pattern": r"\.total\("},
        "Last of all I search for everybody who asks for a total, because whoever calls it may "
        "count on what it returns today, and has to be changed along with it, if there is such "
        "a caller there now.",
    ),
)

REASON = """\
I have seen what I need. The loop in total takes one voucher after the other off the sum, so \
that all of them count, and each share is taken of what the one before has left. What is wanted \
is the largest worth of all vouchers, each taken of the full sum. There may be no voucher at \
all, and then the largest of nothing has to be zero. A voucher can be worth more than the \
products, so the result has to stop at zero as well. Receipt calls total and needs no change, \
and neither do the prices. So one expression takes the place of the old loop."""

VERIFY = """\
The tests pass now, all ten of them. The total takes the worth of the best voucher off the full \
sum, several vouchers no longer add up, and a voucher that is worth more than the products \
leaves nothing to pay instead of a sum below zero. Baskets without a voucher cost what they did, \
and the receipt shows the new total without a change of its own. The goal is met; nothing is \
left."""

VERIFY_RED = """\
The tests do not all pass yet: one of the two that failed before still does. Several vouchers \
are no longer added up, which was the first half of the goal. But a voucher that is worth more \
than all of the products still makes the total fall below zero, which the goal rules out. So the \
goal is not met so far, and there is one thing left to do: a second change to that same method."""

REASON_AGAIN = """\
The failing test redeems a voucher of one hundred cents for an apple of forty, and gets minus \
sixty. I did think of that case, and then forgot it when I wrote the method: it returns the sum \
less the best worth, whatever comes of it. The smallest change is to let the result stop at zero \
where it is returned. It could also be done in the voucher, whose worth would then never be more \
than the sum, but its own tests say that a sum does not depend on what is bought. So the total \
is the right place, and the rest of the method stays as it is."""

_LOOP = """\
        for voucher in self._vouchers:
            total -= voucher.worth(total)
        return total
"""
_BEST = "        best = max((one.worth(total) for one in self._vouchers), default=0)\n"
_HALF = f"{_BEST}        return total - best\n"
_RIGHT = f"{_BEST}        return max(0, total - best)\n"


def solved() -> str:
    """Return the file as it has to be in the end."""
    return (REPO / CHANGED).read_text().replace(_LOOP, _RIGHT)


def script(iterations: int = 1) -> Script:
    """Return the work of one or two iterations; the first of two changes is half of the right one.

    A second iteration is the article's rows after the tool calls once more.
    """
    begun = [Say(text=PLAN), *_looks(), Say(text=REASON)]
    if iterations == 1:
        rest = [_change(_LOOP, _RIGHT), Say(text=VERIFY, asked=VERDICT)]
    else:
        rest = [
            _change(_LOOP, _HALF),
            Say(text=VERIFY_RED, asked=VERDICT),
            Say(text=REASON_AGAIN),
            _change(
                "        return total - best\n", "        return max(0, total - best)\n", _HALF
            ),
            Say(text=VERIFY, asked=VERDICT),
        ]
    return Script(work=Work(items=(*begun, *rest), single=SINGLE))


def _looks() -> list[Look]:
    return [
        Look(text=text, tool=tool, arguments=dict(arguments), answers=_answers(tool, arguments))
        for tool, arguments, text in LOOKS
    ]


def _answers(tool: str, arguments: dict[str, str]) -> tuple[str, ...]:
    """Return what a look-up brings: all of a file, or the lines where a search finds something."""
    if tool == "read":
        return ((REPO / arguments["path"]).read_text().rstrip("\n"),)
    lines = (line for path in sorted(REPO.rglob("*.py")) for line in path.read_text().split("\n"))
    return tuple(dict.fromkeys(line.strip() for line in lines if ".total(" in line))


def _change(old: str, new: str, before: str = _LOOP) -> Change:
    base = (REPO / CHANGED).read_text().replace(_LOOP, before)
    return Change(path=CHANGED, content=base.replace(old, new), old=old, new=new)
