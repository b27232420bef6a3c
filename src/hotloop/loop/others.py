"""The other endpoints of a session: replicas of its model, and backends of roles."""

from __future__ import annotations

from collections.abc import Callable

from hotloop.backend.client import Client
from hotloop.backend.endpoint import parse_base_url
from hotloop.config import DEFAULT_KEY_VARIABLE, EMBEDDED, Config, RoleConfig
from hotloop.errors import UsageError
from hotloop.levers.roles import USUAL_TOKENS, Role
from hotloop.levers.speed import Speed
from hotloop.probe.cached import Known, load, load_all

Make = Callable[[str, str, str, str], Client]
"""Makes a client of base URL, model, key, and the variable that errors name for the key."""
_USUAL_COLD_TOKENS = 900
"""New tokens of a step in real traces (TraceLab: 875)."""
_CLEARLY = 0.8


def replica_clients(config: Config, home: Client, make: Make) -> list[Client]:
    """Return a client for each replica, none if the lever `hedge` is off.

    Raises UsageError for a base URL that cannot be used.
    """
    if "hedge" in config.without:
        return []
    urls = dict.fromkeys(parse_base_url(url).base_url for url in config.replicas)
    return [
        make(url, home.model, config.api_key, config.api_key_env)
        for url in urls
        if url != home.base_url
    ]


def role_clients(config: Config, home: Client, make: Make) -> dict[Role, Client]:
    """Return a client for each role that has another endpoint or model than the session.

    None if the lever `roles` is off. Raises UsageError for a backend that cannot be used.
    """
    if "roles" in config.without:
        return {}
    given: dict[Role, RoleConfig] = {
        "select": config.roles.select,
        "generate": config.roles.generate,
        "reason": config.roles.reason,
    }
    made: dict[tuple[str, str], Client] = {(home.base_url, home.model): home}
    clients: dict[Role, Client] = {}
    for role, one in given.items():
        url, model = _named(role, one, home)
        if role == "select" and one == RoleConfig() and config.roles.probed:
            model = quickest_model(home)
        if (url, model) not in made:
            variable = one.api_key_env or DEFAULT_KEY_VARIABLE
            made[url, model] = make(url, model, config.role_keys.get(role, ""), variable)
        clients[role] = made[url, model]
    return {role: client for role, client in clients.items() if client is not home}


def quickest_model(home: Client) -> str:
    """Return which model of the session's endpoint is the quickest to choose what to do next.

    Of those that were probed there: no other endpoint is given the session's code unasked. It is
    the session's own where no other that writes actions in the same way is clearly quicker.
    """
    own = load(home.base_url, home.model)
    own_s = _select_s(own)
    if own is None or own_s is None:
        return home.model
    best, best_s = home.model, own_s * _CLEARLY
    for known in load_all(home.base_url):
        takes_s = _select_s(known)
        if takes_s is not None and takes_s < best_s and known.dialect == own.dialect:
            best, best_s = known.model, takes_s
    return best


def _named(role: Role, one: RoleConfig, home: Client) -> tuple[str, str]:
    if one.backend == EMBEDDED:
        cause = f"`roles.{role}.backend` is the embedded model, which only whole sessions can use"
        raise UsageError(cause, "give the base URL of an endpoint")
    url = parse_base_url(one.backend).base_url if one.backend else home.base_url
    if url != home.base_url and not one.model:
        raise UsageError(f"`roles.{role}` names a backend without a model", "add `model` there")
    return url, one.model or home.model


def _select_s(known: Known | None) -> float | None:
    speed = Speed(known.rates() if known else None)
    return speed.call_s(_USUAL_COLD_TOKENS, USUAL_TOKENS["select"])
