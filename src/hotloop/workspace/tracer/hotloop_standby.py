"""One cold pytest run whose start is over before it is wanted. Runs in the user's interpreter.

`python hotloop_standby.py PIPE BEGUN` imports pytest, and nothing of the workspace, notes in
`PIPE.ready` how many seconds after BEGUN (monotonic) that was done, and waits. One line of JSON
comes through the named pipe: {"cwd", "argv", "env"}. Then it does what `python -m pytest ARGV` does
in `cwd`, and ends. Nobody writing any more means that it is not needed. Standard library only;
Python 3.8 and later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Import, wait, run."""
    pipe, begun_s = sys.argv[1], float(sys.argv[2])
    import pytest

    Path(pipe + ".ready").write_text(str(time.monotonic() - begun_s))
    with Path(pipe).open() as inbox:
        line = inbox.readline()
    if not line:
        return
    job = json.loads(line)
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    sys.path[0] = job["cwd"]
    sys.argv = [str(Path(pytest.__file__).with_name("__main__.py")), *job["argv"]]
    raise SystemExit(pytest.console_main())


if __name__ == "__main__":
    main()
