"""Ways of making the loop shorter: each has a name, a switch (`--without`) and an account."""

NAMES = (
    "ahead",
    "budget",
    "eager",
    "exact_edits",
    "finish",
    "hedge",
    "overlap_tests",
    "parallel",
    "prefetch",
    "prefill_ahead",
    "race",
    "roles",
    "several",
    "slips",
    "slot_restore",
    "stable_prefix",
    "terse",
    "warm_tests",
)
"""The levers that can be switched off by name."""
