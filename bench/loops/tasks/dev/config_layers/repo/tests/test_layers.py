from layers import lookup, merge, merge_all, parse

DEFAULTS = {"server": {"port": 80, "hosts": ["a"]}, "theme": "light"}


def test_plain_value_is_replaced():
    assert merge(DEFAULTS, {"theme": "dark"})["theme"] == "dark"


def test_tables_are_merged():
    merged = merge(DEFAULTS, {"server": {"port": 8080}})
    assert merged["server"] == {"port": 8080, "hosts": ["a"]}


def test_lists_are_replaced():
    assert merge(DEFAULTS, {"server": {"hosts": ["b"]}})["server"]["hosts"] == ["b"]


def test_none_removes_a_key():
    assert merge(DEFAULTS, {"theme": None}) == {"server": {"port": 80, "hosts": ["a"]}}


def test_none_removes_a_nested_key_and_ignores_unknown_ones():
    merged = merge(DEFAULTS, {"server": {"port": None, "socket": None}})
    assert merged["server"] == {"hosts": ["a"]}


def test_inputs_are_left_alone():
    high = {"server": {"hosts": ["b"]}}
    merged = merge(DEFAULTS, high)
    merged["server"]["hosts"].append("c")
    assert high == {"server": {"hosts": ["b"]}}
    assert DEFAULTS["server"]["hosts"] == ["a"]


def test_unset_in_a_file():
    user = parse('theme = "unset"\n[server]\nport = 81\n')
    assert "theme" not in merge_all([DEFAULTS, user])


def test_lookup():
    assert lookup(DEFAULTS, "server.port") == 80
    assert lookup(DEFAULTS, "server.port.x", "none") == "none"
