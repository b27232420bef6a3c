"""Book binding: a book is sewn together from signatures of folded sheets."""

from math import ceil

PAGES = 16
PAGES_PER_SHEET = 4
SEWING_MINUTES = 4
PAGES_PER_MM = 12
BOARD_MM = 3


def signatures(pages):
    """Return how many signatures a book of so many pages needs."""
    if pages < 1:
        raise ValueError("a book has at least one page")
    return ceil(pages / PAGES)


def first_page(signature):
    """Return the first page of a signature; the first signature has number 1."""
    return (signature - 1) * PAGES + 1


def last_page(signature):
    """Return the last page of a signature."""
    return first_page(signature) + PAGES


def blank_pages(pages):
    """Return how many pages stay empty at the end of a book."""
    return last_page(signatures(pages)) - pages


def label(signature):
    """Return what is pencilled on a signature."""
    return f"{signature}: pages {first_page(signature)}-{last_page(signature)}"


def spine_mm(pages):
    """Return the width of the spine with both boards, in whole millimetres."""
    return ceil(signatures(pages) * PAGES / PAGES_PER_MM) + 2 * BOARD_MM
