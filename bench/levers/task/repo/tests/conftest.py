"""Every test waits for a till, so that ten of them take about 5 s with the start of Python and pytest.

Test number N is over N times `TEST_S` after `python -m pytest` began, however busy the machine is.
Where another script began and kept the process ready, its start counts as `START_S` seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_S = 0.0
TEST_S = 0.5


def age_s() -> float:
    """Return the seconds since this process began."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    began_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began_s


LOADED_S = time.monotonic()
AGE_S = age_s()
IS_COLD = Path(sys.modules["__main__"].__file__ or "").name == "__main__.py"
BEGAN_S = LOADED_S - (AGE_S if IS_COLD else START_S)
RUN: list[int] = []


@pytest.fixture(autouse=True)
def till() -> Iterator[None]:
    RUN.append(1)
    yield
    time.sleep(max(0.0, BEGAN_S + TEST_S * len(RUN) - time.monotonic()))
