import pytest

from routing.dispatch import dispatch, item_key
from routing.table import Table

ITEMS = {1: "lamp", 3: "rug"}


@pytest.fixture
def table():
    table = Table()
    table.add("/items/{id}", lambda p: ITEMS[item_key(p)])
    table.add("/items/{id}.json", lambda p: {"name": ITEMS[item_key(p)]})
    table.add("/items/new", lambda p: "form")
    table.add("/files.txt", lambda p: "text")
    return table


def test_hole(table):
    assert dispatch(table, "/items/3") == (200, "rug")


def test_fixed_path_wins(table):
    assert dispatch(table, "/items/new") == (200, "form")


def test_hole_with_suffix(table):
    assert dispatch(table, "/items/3.json") == (200, {"name": "rug"})


def test_dot_is_a_dot(table):
    assert dispatch(table, "/files.txt") == (200, "text")
    assert dispatch(table, "/filesXtxt")[0] == 404


def test_query_and_slash(table):
    assert dispatch(table, "/items/1/?page=2") == (200, "lamp")


def test_unknown(table):
    assert dispatch(table, "/shops/3") == (404, "nothing at /shops/3")
