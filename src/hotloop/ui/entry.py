"""Entry point of the console command: `--version` at once, everything else through click."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its status.

    0 solved or done, 1 unsolved, over budget or an internal error, 2 usage, 3 environment,
    130 interrupted.
    """
    if sys.argv[1:] in (["--version"], ["-V"]):
        from hotloop import __version__

        sys.stdout.write(f"hotloop {__version__}\n")
        return
    try:
        if sys.argv[1:2] == ["run"]:
            from hotloop.ui.interrupts import defer

            defer()
        from hotloop.ui.cli import run_cli

        status = run_cli(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were still being imported
        status = _INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()
