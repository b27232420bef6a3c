"""The table of routes and who answers them."""

from routing.pattern import compile_pattern, specificity


class NotFound(LookupError):
    """No route has this path."""


class Table:
    """Routes, the most specific first."""

    def __init__(self):
        self._routes = []

    def add(self, pattern, handler):
        self._routes.append((specificity(pattern), compile_pattern(pattern), handler))
        self._routes.sort(key=lambda route: route[0])

    def resolve(self, path):
        """Return (handler, parameters) of a path."""
        for _, regex, handler in self._routes:
            match = regex.fullmatch(path)
            if match:
                return handler, match.groupdict()
        raise NotFound(path)
