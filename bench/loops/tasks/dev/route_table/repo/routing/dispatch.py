"""Call the handler of a path."""

from routing.table import NotFound


def item_key(parameters):
    """Return the numeric key of an item."""
    return int(parameters["id"])


def dispatch(table, path):
    """Return (status, body) for a path."""
    path = path.split("?", 1)[0]
    if len(path) > 1:
        path = path.rstrip("/")
    try:
        handler, parameters = table.resolve(path)
    except NotFound:
        return 404, f"nothing at {path}"
    return 200, handler(parameters)
