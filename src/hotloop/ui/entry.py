"""Entry point of the console command: `--version` at once, everything else through click."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status.

    0 solved or done, 1 unsolved or over budget, 2 usage, 3 environment, 130 interrupted.
    """
    if sys.argv[1:] in (["--version"], ["-V"]):
        from hotloop import __version__

        sys.stdout.write(f"hotloop {__version__}\n")
        return
    from hotloop.ui.cli import run_cli

    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
