"""Ways of making the loop shorter: each has a name, a switch (`--without`) and an account."""

NAMES = (
    "eager",
    "finish",
    "prefetch",
    "race",
    "slot_restore",
    "stable_prefix",
    "warm_tests",
)
"""The levers that can be switched off by name."""
