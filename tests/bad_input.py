"""What every bad input must lead to."""

from __future__ import annotations

import shutil

import pytest

from e2e_helpers import (
    BROKEN,
    Ended,
    Home,
)

HAS_BWRAP = shutil.which("bwrap") is not None


def assert_fails(home: Home, ended: Ended, status: int, *says: str) -> None:
    """A clear error with its next step, and the user's files as they were."""
    assert ended.status == status, ended.err
    assert ended.end["outcome"] == "error"
    assert "Traceback" not in ended.err
    assert "next:" in ended.err
    for text in says:
        assert text in ended.err
    assert home.files() == {"calc.py": BROKEN.encode()}


contained = pytest.mark.parametrize(
    "contained",
    [pytest.param(True, marks=pytest.mark.skipif(not HAS_BWRAP, reason="no bwrap")), False],
)


def assert_interrupted(home: Home, ended: Ended) -> None:
    assert ended.status == 130, ended.err
    assert ended.end["outcome"] == "error"
    assert ended.err == ""
    assert home.files() == {"calc.py": BROKEN.encode()}
