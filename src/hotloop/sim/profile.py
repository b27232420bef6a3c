"""A backend's timetable as data: how long it takes for what, and where it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from hotloop.errors import UsageError
from hotloop.sim.files import read_data

PROFILES = Path(__file__).with_name("profiles")

FaultKind = Literal["http_500", "http_429", "cut", "html", "hang", "broken_json"]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of failing.

    In a profile it strikes the chat requests listed in `at` (0-based) and a `rate` of all.
    In a reply it strikes the first `times` requests with one prompt, 0 for every one.
    `cut`, `hang` and `broken_json` happen after `after_tokens` tokens.
    """

    kind: FaultKind
    rate: Share = 0.0
    at: tuple[Count, ...] = ()
    times: Count = 0
    after_tokens: Count = 0
    retry_after_s: NotNegative = 1.0


class Cache(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prefix cache: whole blocks of `block_tokens`, forgotten `ttl_s` after their last use.

    Without `saves_time` it reports hits and prefills everything all the same.
    """

    enabled: bool = True
    block_tokens: Positive = 16
    ttl_s: NotNegative = 300.0
    saves_time: bool = True


class Tail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `share` of calls is slower as a whole, by exp(abs(N(0, sigma)))."""

    share: Share = 0.0
    sigma: NotNegative = 0.0


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a simulated backend answers. A rate of 0 tokens/s means that it costs no time.

    `connect_s` is paid by the first request of a connection. `structured_factor` multiplies
    the time per token of answers under a schema or grammar and of tool calls. `burst` sends
    the arguments of a tool call in one piece when they are complete. `slots` requests run at
    once, later ones wait; every further sequence decoding at the same time adds `share_cost`
    times the time per token. `usage` says when token counts are sent, `timings` adds
    llama.cpp's. `time_scale` multiplies every duration. An `api_key` is demanded if set.

    What is wrong with some servers: `schema_s` is added by the first use of each schema,
    `ignores_schema` answers as if none were given, `prefill_blocks` lets no answer decode while
    another one's prompt is prefilled, and `usage_factor` multiplies the token counts it reports.
    """

    name: str = "custom"
    model: str = "sim"
    connect_s: NotNegative = 0.0
    queue_s: NotNegative = 0.0
    ttft_base_s: NotNegative = 0.0
    prefill_tok_s: NotNegative = 0.0
    decode_tok_s: NotNegative = 0.0
    structured_factor: NotNegative = 1.0
    burst: bool = False
    slots: Positive = 1
    share_cost: NotNegative = 0.0
    cache: Cache = Cache()
    tail: Tail = Tail()
    faults: tuple[Fault, ...] = ()
    output_tokens: Positive = 64
    context_tokens: Positive = 131_072
    usage: Literal["asked", "always", "never"] = "asked"
    timings: bool = False
    api_key: str = ""
    seed: int = 0
    time_scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    schema_s: NotNegative = 0.0
    ignores_schema: bool = False
    prefill_blocks: bool = False
    usage_factor: Annotated[float, msgspec.Meta(gt=0)] = 1.0

    def scaled(self) -> Profile:
        """Return the same profile with `time_scale` worked into every duration and rate."""
        scale = self.time_scale
        if scale == 1.0:
            return self
        replace = msgspec.structs.replace
        return replace(
            self,
            connect_s=self.connect_s * scale,
            queue_s=self.queue_s * scale,
            ttft_base_s=self.ttft_base_s * scale,
            prefill_tok_s=self.prefill_tok_s / scale,
            decode_tok_s=self.decode_tok_s / scale,
            schema_s=self.schema_s * scale,
            cache=replace(self.cache, ttl_s=self.cache.ttl_s * scale),
            faults=tuple(replace(f, retry_after_s=f.retry_after_s * scale) for f in self.faults),
            time_scale=1.0,
        )


def load_profile(name: str | Path) -> Profile:
    """Return a profile that ships with hotloop, by name, or one from a file.

    The file is TOML or JSON, or a probe's result: JSON with a profile under `profile`.

    Raises UsageError when there is no such profile or a field of it makes no sense.
    """
    shipped = PROFILES / f"{name}.toml"
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in PROFILES.glob("*.toml")))
        raise UsageError(f"no profile {name!s}", f"use one of {names}, or the path of a TOML file")
    profile = read_data(path, Profile, inside="profile")
    return profile if profile.name != "custom" else msgspec.structs.replace(profile, name=path.stem)
