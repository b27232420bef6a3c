import pytest

from binding import blank_pages, first_page, label, last_page, signatures, spine_mm


def test_signatures():
    assert signatures(16) == 1
    assert signatures(17) == 2


def test_no_pages():
    with pytest.raises(ValueError):
        signatures(0)


def test_first_page():
    assert first_page(1) == 1
    assert first_page(4) == 49


def test_last_page():
    assert last_page(1) == 16
    assert last_page(3) == 48


def test_blank_pages():
    assert blank_pages(30) == 2
    assert blank_pages(32) == 0


def test_label():
    assert label(2) == "2: pages 17-32"


def test_spine():
    assert spine_mm(32) == 9
