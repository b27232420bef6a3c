"""The stitches that a pattern may use."""

from typing import NamedTuple


class Stitch(NamedTuple):
    """What a stitch takes off the left needle and what it leaves on the right one."""

    takes: int
    leaves: int
    words: str


STITCHES: dict[str, Stitch] = {
    "k": Stitch(1, 1, "knit"),
    "p": Stitch(1, 1, "purl"),
    "yo": Stitch(0, 1, "yarn over"),
    "sl": Stitch(1, 1, "slip"),
    "kfb": Stitch(1, 2, "knit front and back"),
    "k2tog": Stitch(2, 1, "knit two together"),
    "ssk": Stitch(2, 1, "slip, slip, knit"),
}
