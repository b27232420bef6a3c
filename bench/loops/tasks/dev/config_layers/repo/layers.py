"""Layered configuration: defaults, then the site's file, then the user's file."""

import copy
import tomllib


def merge(low, high):
    """Return `low` overlaid with `high`.

    Tables are merged key by key, lists and plain values are replaced,
    and None takes a key away.
    """
    result = copy.deepcopy(low)
    for key, value in high.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def merge_all(layers):
    """Merge any number of layers, the lowest first."""
    result = {}
    for layer in layers:
        result = merge(result, layer)
    return result


def parse(text):
    """Read a layer from TOML; the string "unset" stands for None."""

    def unset(value):
        if isinstance(value, dict):
            return {key: unset(item) for key, item in value.items()}
        return None if value == "unset" else value

    return unset(tomllib.loads(text))


def lookup(config, dotted, default=None):
    """Return the value at a dotted path such as "server.tls.port"."""
    node = config
    for part in dotted.split("."):
        if not isinstance(node, dict) or part not in node:
            return default
        node = node[part]
    return node
