"""Ways of making the loop shorter: each has a name, a switch (`--without`) and an account."""

NAMES = (
    "eager",
    "finish",
    "prefetch",
    "slot_restore",
    "warm_tests",
)
"""The levers that can be switched off by name."""
