"""Every test opens a till, which takes its time."""

from __future__ import annotations

import os
import time

import pytest

OPENING_S = float(os.environ.get("TILL_OPENING_S", "0.46"))


@pytest.fixture(autouse=True)
def till() -> None:
    time.sleep(OPENING_S)
