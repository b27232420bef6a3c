"""What is left of an error that nobody expected: one line for the user, the rest in a file."""

from __future__ import annotations

import time
import traceback

from hotloop import paths
from hotloop.ledger.redact import default_redactor


def describe_crash(error: BaseException) -> str:
    """Keep the traceback of an unexpected error in the state folder; return one line about it.

    Where it cannot be kept, the traceback follows the line.
    """
    trace = "".join(traceback.format_exception(error))
    redact = default_redactor().text
    name = time.strftime("%Y%m%d-%H%M%S") + f"-{time.monotonic_ns() % 1_000_000:06}.txt"
    file = paths.state_dir() / "crashes" / name
    words = redact(str(error)).strip().splitlines()
    what = f"internal error: {type(error).__name__}" + (f": {words[0]}" if words else "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(redact(trace), "utf-8", errors="backslashreplace")
    except OSError as fault:
        return f"{what}; its traceback could not be kept ({fault.strerror}):\n{redact(trace)}"
    return f"{what}; report it with the traceback in {file}"
