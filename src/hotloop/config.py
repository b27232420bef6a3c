"""Settings, in layers: defaults, user file, repository file, environment, command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hotloop import paths
from hotloop.config_keys import ROLES, TABLES, Dialect, Layer, Think, check, flatten
from hotloop.config_toml import read_toml

USER_FILE = "config.toml"
REPOSITORY_FILE = ".hotloop.toml"
EMBEDDED = "embedded"
"""What `backend` says for the model that hotloop runs itself."""
COMMAND_LINE = "command line"
DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY"
VARIABLES = {
    "OPENAI_BASE_URL": "backend",
    "HOTLOOP_MODEL": "model",
    "HOTLOOP_BUDGET": "budget_s",
}
"""The environment variables that are settings, beside the one that holds the key."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that each phase of a request may take.

    `first_byte_s` runs from the last byte of the request to the first token of a stream (prefill
    on a CPU takes minutes) or the first byte of any other answer; `chunk_s` is the longest gap
    between two pieces after that; `total_s` covers everything, retries included.
    """

    dns_s: float = 5.0
    connect_s: float = 10.0
    tls_s: float = 10.0
    send_s: float = 30.0
    first_byte_s: float = 300.0
    chunk_s: float = 60.0
    total_s: float = 1800.0


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the embedded engine; None leaves the choice to it.

    It ends after `idle_s` without a request. `context` is in tokens.
    """

    idle_s: float = 1800.0
    threads: int | None = None
    context: int | None = None
    speculation: bool = False


class RoleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where calls of one role go. `backend` None is the session's own, `model` None its model.

    `api_key_env` is the variable that holds the key of `backend`.
    """

    backend: str | None = None
    model: str | None = None
    api_key_env: str | None = None


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Other backends or models for calls that choose what to do next, write code, or think.

    `probed`: where `select` is not set, a model of the session's own endpoint that was probed as
    faster may have it.
    """

    select: RoleConfig = RoleConfig()
    generate: RoleConfig = RoleConfig()
    reason: RoleConfig = RoleConfig()
    probed: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a run.

    `backend` is a base URL, None for the embedded model; `model` None leaves the choice to the
    backend. `api_key_env` is the variable that `api_key` came from. `think` says whether the model
    thinks and acts in one call (`with`) or in two (`apart`). `without` names levers to switch off.
    What sessions leave for undo is kept for `keep_days`, of the newest `keep_sessions` at most.
    `replicas` are base URLs that serve the same model as `backend`. `role_keys` are the keys of the
    roles' endpoints, by role. `test_needs_consent`: the test command is the repository's own word.
    `origins` says where each setting came from that is no default.
    """

    backend: str | None = None
    model: str | None = None
    api_key: str = ""
    api_key_env: str = DEFAULT_KEY_VARIABLE
    budget_s: float = 20.0
    test: str | None = None
    test_needs_consent: bool = False
    dialect: Dialect = "auto"
    think: Think = "with"
    without: tuple[str, ...] = ()
    yes: bool = False
    max_steps: int = 40
    context_tokens: int = 16_384
    keep_sessions: int = 200
    keep_days: float = 30.0
    engine: EngineConfig = EngineConfig()
    timeouts: Timeouts = Timeouts()
    replicas: tuple[str, ...] = ()
    roles: Roles = Roles()
    role_keys: dict[str, str] = {}
    origins: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{name}={value!r}' for name, value in self._shown())})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return list(self._shown())

    def _shown(self) -> Iterator[tuple[str, object]]:
        for name in self.__struct_fields__:
            value: object = getattr(self, name)
            yield name, "***" if name in ("api_key", "role_keys") and value else value


class _Layers:
    """Settings of all layers so far, the latest winning key by key."""

    def __init__(self) -> None:
        self.settings: dict[str, object] = {}
        self.origins: dict[str, str] = {}

    def add(self, settings: Mapping[str, object], layer: Layer, source: str) -> None:
        self.settings.update(check(settings, layer, source))
        self.origins.update(dict.fromkeys(settings, source))

    def add_file(self, path: Path, layer: Layer) -> None:
        self.add(flatten(read_toml(path)), layer, str(path))


def load_config(
    repo: Path | None, env: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Config:
    """Read all layers and return the settings that hold.

    `repo` is the workspace root, whose `.hotloop.toml` may set only harmless keys. `overrides` are
    those of the command line, by key (`engine.idle_s` for one of a table); None is not given.
    Raises UsageError that names file, variable or flag, key, and what is accepted.
    """
    layers = _Layers()
    layers.add_file(paths.config_dir() / USER_FILE, "user")
    own_backend = layers.settings.get("backend")
    if repo is not None:
        layers.add_file(repo / REPOSITORY_FILE, "repository")
    for variable, key in VARIABLES.items():
        if value := env.get(variable, "").strip():
            layers.add({key: value}, "environment", variable)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    layers.add(given, "flag", COMMAND_LINE)

    settings, origins = layers.settings, layers.origins
    if own_backend not in (None, settings.get("backend")):
        # That key is for the endpoint of the user's file, and the others there go with it: who
        # names another backend for once means it for all calls.
        for key in [key for key in settings if _goes_with_backend(key)]:
            del settings[key]
    _settle_backend(settings, env)
    settings["role_keys"] = _role_keys(settings, env)
    repository_file = repo and str(repo / REPOSITORY_FILE)
    settings["test_needs_consent"] = "test" in origins and origins["test"] == repository_file
    return msgspec.convert(_nested(settings) | {"origins": origins}, Config)


def _settle_backend(settings: dict[str, object], env: Mapping[str, str]) -> None:
    if settings.get("backend") == EMBEDDED:
        settings["backend"] = None
    if settings.get("backend"):
        variable = str(settings.get("api_key_env", DEFAULT_KEY_VARIABLE))
        settings["api_key"] = env.get(variable, "").strip()


def _goes_with_backend(key: str) -> bool:
    return key in ("api_key_env", "replicas") or key.startswith("roles.")


def _role_keys(settings: Mapping[str, object], env: Mapping[str, str]) -> dict[str, str]:
    """Return each role's key: of the variable that is named, else the session's at its endpoint."""
    keys: dict[str, str] = {}
    for role in ROLES:
        backend = settings.get(f"roles.{role}.backend")
        variable = settings.get(f"roles.{role}.api_key_env")
        if variable:
            keys[role] = env.get(str(variable), "").strip()
        elif backend in (None, settings.get("backend")):
            keys[role] = str(settings.get("api_key", ""))
    return {role: key for role, key in keys.items() if key}


def _nested(settings: Mapping[str, object]) -> dict[str, object]:
    nested = {key: value for key, value in settings.items() if "." not in key}
    for table in TABLES:
        prefix = f"{table}."
        inner = {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}
        nested[table] = _nested_roles(inner) if table == "roles" else inner
    return nested


def _nested_roles(flat: Mapping[str, object]) -> dict[str, object]:
    roles: dict[str, dict[str, object]] = {role: {} for role in ROLES}
    for key, value in flat.items():
        role, _, name = key.partition(".")
        if name:
            roles[role][name] = value
    return {**roles, **{key: value for key, value in flat.items() if "." not in key}}
