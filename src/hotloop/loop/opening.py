"""Open the backend of a session: the endpoint that is configured, or the embedded engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotloop.backend.client import Client
from hotloop.config import Config, Roles
from hotloop.errors import BackendError, EnvironmentFault, UsageError

if TYPE_CHECKING:
    from hotloop.backend.retry import Retry
    from hotloop.engine.catalog import ModelRef
    from hotloop.engine.manager import EngineHandle
    from hotloop.levers.roles import Role

Say = Callable[[str], None]
OnRetry = Callable[["Retry"], None]
_NO_LIST = (404, 405, 501)
_SHOWN_NAMES = 20


class LocalModel(msgspec.Struct, frozen=True):
    """A model file on this machine, verified, and the name that its engine goes by."""

    name: str
    path: Path


class Opened(msgspec.Struct, kw_only=True):
    """A backend to talk to; `engine` is the embedded one's handle. `start_s` is monotonic.

    `replicas` serve the same model, `roles` are other endpoints or models, by role.
    """

    client: Client
    start_s: float
    engine: EngineHandle | None = None
    replicas: list[Client] = []
    roles: dict[Role, Client] = {}

    @property
    def is_small(self) -> bool:
        """Say whether the model is the embedded one."""
        return self.engine is not None

    async def close(self) -> None:
        """Close connections; the engine stays for the next session."""
        for client in (self.client, *self.replicas, *self.roles.values()):
            await client.aclose()
        if self.engine is not None:
            self.engine.touch()
            self.engine.close()


def local_model(config: Config) -> ModelRef | None:
    """Return the embedded model that the settings ask for; None where they name an endpoint.

    Raises UsageError for an unknown name, EnvironmentFault for a path to something else.
    """
    if config.backend:
        return None
    from hotloop.engine.catalog import default_id, resolve

    return resolve(config.model or default_id())


async def open_backend(
    config: Config, model: LocalModel | None, say: Say, on_retry: OnRetry
) -> Opened:
    """Return the backend, ready; `model` is None for the endpoint that is configured.

    The session's time starts when it is. Starts the engine where need be. Raises
    EnvironmentFault, and UsageError where an endpoint has several models and none is named.
    """
    if model is None:
        opened = await _endpoint(config, on_retry)
        try:
            return _with_others(opened, config, on_retry)
        except BaseException:
            await opened.close()
            raise
    if config.replicas or config.roles != Roles():
        say("replicas and roles are for endpoints: not used with the embedded model")
    engine = await _engine(config, model, say)
    start_s = time.monotonic()
    client = Client(
        engine.base_url,
        engine.model_id,
        engine.api_key,
        timeouts=config.timeouts,
        session_start_s=start_s,
        on_retry=on_retry,
    )
    return Opened(client=client, start_s=start_s, engine=engine)


async def _endpoint(config: Config, on_retry: OnRetry) -> Opened:
    start_s = time.monotonic()
    client = Client(
        config.backend or "",
        config.model or "",
        config.api_key,
        timeouts=config.timeouts,
        session_start_s=start_s,
        on_retry=on_retry,
        api_key_env=config.api_key_env,
    )
    if not config.model:
        try:
            client.model = await _only_model(client)
        except BaseException:
            await client.aclose()
            raise
    return Opened(client=client, start_s=start_s)


def _with_others(opened: Opened, config: Config, on_retry: OnRetry) -> Opened:
    """Add the clients of replicas and roles. None of them connects before it is asked."""
    if not config.replicas and config.roles == Roles():
        return opened
    from hotloop.loop.others import replica_clients, role_clients

    def client(base_url: str, model: str, api_key: str, api_key_env: str) -> Client:
        return Client(
            base_url,
            model,
            api_key,
            timeouts=config.timeouts,
            session_start_s=opened.start_s,
            on_retry=on_retry,
            api_key_env=api_key_env,
        )

    opened.replicas = replica_clients(config, opened.client, client)
    opened.roles = role_clients(config, opened.client, client)
    return opened


async def _only_model(client: Client) -> str:
    """Return the endpoint's model where it has exactly one: to guess would be to surprise."""
    step = "name the model with --model or HOTLOOP_MODEL"
    try:
        names = await client.list_models()
    except BackendError as error:
        if error.status not in _NO_LIST:
            raise
        cause = f"{client.base_url} does not list its models (HTTP {error.status})"
        raise EnvironmentFault(cause, step) from error
    match names:
        case [name]:
            return name
        case []:
            raise EnvironmentFault(f"{client.base_url} has no model", step)
        case _:
            more = ", …" if len(names) > _SHOWN_NAMES else ""
            listed = ", ".join(names[:_SHOWN_NAMES]) + more
            raise UsageError(f"{client.base_url} has {len(names)} models: {listed}", step)


async def _engine(config: Config, model: LocalModel, say: Say) -> EngineHandle:
    from hotloop.engine.manager import ensure_engine
    from hotloop.engine.state import EngineSettings

    settings = EngineSettings(
        context_tokens=config.engine.context or EngineSettings().context_tokens,
        threads=config.engine.threads or 0,
        speculate=config.engine.speculation and EngineSettings().speculate,
        idle_s=config.engine.idle_s,
    )
    return await ensure_engine(model.path, model.name, settings, say)
