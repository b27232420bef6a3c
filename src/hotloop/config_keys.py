"""The keys of the configuration: what each accepts, and who may set it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from hotloop.errors import UsageError

Dialect = Literal["auto", "native", "schema", "fenced", "terse"]
Think = Literal["with", "apart"]
Layer = Literal["user", "repository", "environment", "flag"]

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=604_800)]
_Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
_SECONDS = "a number of seconds above 0"
_COUNT = "a whole number from 1"
TABLES = ("engine", "timeouts", "roles")
ROLES = ("select", "generate", "reason")
_INNER_TABLES = tuple(f"roles.{role}" for role in ROLES)


class Key(msgspec.Struct, frozen=True):
    """A setting: its type, the same in words, and whether a repository's file may set it."""

    type: object
    accepts: str
    repository: bool = False


KEYS = {
    "backend": Key(_Text, 'a base URL or "embedded"'),
    "model": Key(_Text, "the name of a model", True),
    "api_key_env": Key(_Text, "the name of an environment variable"),
    "budget_s": Key(_Seconds, _SECONDS, True),
    "test": Key(_Text, "a command line", True),
    "dialect": Key(Dialect, "auto, native, schema, fenced or terse", True),
    "think": Key(Think, "with or apart", True),
    "without": Key(tuple[_Text, ...], "a list of lever names", True),
    "yes": Key(bool, "true or false"),
    "replicas": Key(tuple[_Text, ...], "a list of base URLs of the same model"),
    "max_steps": Key(_Count, _COUNT, True),
    "context_tokens": Key(_Count, _COUNT),
    "keep_sessions": Key(_Count, _COUNT),
    "keep_days": Key(_Days, "a number of days above 0"),
    "engine.idle_s": Key(_Seconds, _SECONDS),
    "engine.threads": Key(_Count, _COUNT),
    "engine.context": Key(_Count, _COUNT),
    "engine.speculation": Key(bool, "true or false"),
    "timeouts.dns_s": Key(_Seconds, _SECONDS),
    "timeouts.connect_s": Key(_Seconds, _SECONDS),
    "timeouts.tls_s": Key(_Seconds, _SECONDS),
    "timeouts.send_s": Key(_Seconds, _SECONDS),
    "timeouts.first_byte_s": Key(_Seconds, _SECONDS),
    "timeouts.chunk_s": Key(_Seconds, _SECONDS),
    "timeouts.total_s": Key(_Seconds, _SECONDS),
    "roles.probed": Key(bool, "true or false"),
}
for _role in ROLES:
    KEYS[f"roles.{_role}.backend"] = Key(_Text, "a base URL")
    KEYS[f"roles.{_role}.model"] = Key(_Text, "the name of a model", True)
    KEYS[f"roles.{_role}.api_key_env"] = Key(_Text, "the name of an environment variable")


def flatten(content: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a file with the keys of its tables as `table.key`."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict) and (key in TABLES or key in _INNER_TABLES):
            inner: dict[str, object] = msgspec.convert(value, dict[str, object])
            flat |= flatten({f"{key}.{name}": content for name, content in inner.items()})
        else:
            flat[key] = value
    return flat


def check(settings: Mapping[str, object], layer: Layer, source: str) -> dict[str, object]:
    """Return the settings of one layer with their values converted to their types.

    `source` is the file or variable to blame. Raises UsageError that names source, key, and what
    is accepted.
    """
    return {key: _value(key, value, layer, source) for key, value in settings.items()}


def _value(key: str, value: object, layer: Layer, source: str) -> object:
    rule = KEYS.get(key)
    if key in ("api_key", "key"):
        raise UsageError(
            f"{source}: a key has no place in a configuration file (`{key}`)",
            "set OPENAI_API_KEY, or name another variable with `api_key_env` in the user's file",
        )
    if layer == "repository" and rule and not rule.repository:
        raise UsageError(
            f"{source}: a repository must not set `{key}`",
            f"remove it, or set it in the user's file; allowed here: {_allowed(layer)}",
        )
    if rule is None:
        raise UsageError(f"{source}: {_unknown(key)}", f"allowed here: {_allowed(layer)}")
    try:
        value = msgspec.convert(value, rule.type, strict=layer != "environment")
    except msgspec.ValidationError as exc:
        shown = repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]} …"
        cause = f"{source}: {_name(key, layer)} must be {rule.accepts}, not {shown}"
        raise UsageError(cause, "correct it there") from exc
    if layer == "repository" and key.rpartition(".")[2] == "model":
        _check_foreign_model(str(value), source)
    return value


def _check_foreign_model(model: str, source: str) -> None:
    """Let a repository choose a model, not bring one: native code parses a model file."""
    if model.startswith(("hf:", "/", ".", "~")) or model.endswith(".gguf"):
        raise UsageError(
            f"{source}: a repository must not name a model file (`model`)",
            "name it with --model or HOTLOOP_MODEL if you trust it",
        )


def _name(key: str, layer: Layer) -> str:
    if layer == "flag":
        return "--" + key.removesuffix("_s").replace("_", "-")
    return "it" if layer == "environment" else f"`{key}`"


def _allowed(layer: Layer) -> str:
    return ", ".join(key for key, rule in KEYS.items() if rule.repository or layer != "repository")


def _unknown(key: str) -> str:
    if key in TABLES or key in _INNER_TABLES:
        return f"`{key}` must be a table: write [{key}]"
    from difflib import get_close_matches

    near = get_close_matches(key, KEYS, 1)
    return f"unknown key `{key}`" + (f"; did you mean `{near[0]}`?" if near else "")
