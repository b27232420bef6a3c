"""`python docs/picture.py [SESSION] > docs/run.svg`: a picture of a recorded session.

Draws what `hotloop run` printed, by the same code, from the ledger; by default of the latest.
Only folders in test commands are left out.
"""

from __future__ import annotations

import re
import sys
from io import StringIO

import msgspec
from rich.console import Console
from rich.text import Text

from hotloop.ledger.events import Event, TestsRun
from hotloop.ledger.store import Ledger
from hotloop.ui.screen import Screen

WIDTH = 100
# rich's own frame, without the web fonts that it would have browsers fetch.
FRAME = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
<rect fill="#1b1f27" width="{width}" height="{height}" rx="8"/>
<g transform="translate(9, 25)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def main(session: str | None) -> None:
    """Print the picture."""
    ledger = Ledger()
    row = ledger.session(session)
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text(f'$ hotloop run "{row.goal}"', style="bold"))
    Screen(console).show([_without_folders(event) for event in ledger.load(row.session)])
    print(console.export_svg(code_format=FRAME, unique_id="run"))


def _without_folders(event: Event) -> Event:
    if not isinstance(event, TestsRun):
        return event
    return msgspec.structs.replace(event, command=re.sub(r"^/\S*/", "", event.command))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
