"""What each part of a probe found. Times are in seconds (`*_s`), rates in tokens/s (`*_tok_s`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotloop.probe.figure import Figure

Part = Literal[
    "connection",
    "supports",
    "ttft",
    "decode",
    "structured",
    "prefix_cache",
    "parallel",
    "tails",
]


class Connection(msgspec.Struct, kw_only=True):
    """Getting to the server. `headers_s` runs from the request's last byte to the headers.

    `connect_s` is the extra time of a call on a new connection over one on a kept one,
    `round_trip_s` what a request takes there and back that no model has to answer. `reused` says
    whether calls can share a connection, `closes_after` which answers end it: only a streamed one,
    as an agent's are, or any; None where no streamed one was tried.
    """

    secure: bool = False
    http_version: str = ""
    tls_version: str = ""
    address: str = ""
    dns_s: Figure | None = None
    tcp_s: Figure | None = None
    tls_s: Figure | None = None
    headers_s: Figure | None = None
    connect_s: Figure | None = None
    round_trip_s: Figure | None = None
    reused: bool | None = None
    closes_after: Literal["none", "stream", "any"] | None = None


class TtftPoint(msgspec.Struct, kw_only=True):
    """Prompts of about one size: cold is never seen before, warm is sent again unchanged."""

    input_tokens: int
    cold_s: Figure | None = None
    warm_s: Figure | None = None
    cached_tokens: int | None = None


class Ttft(msgspec.Struct, kw_only=True):
    """Time to first token, fitted to `base_s` + new tokens / `prefill_tok_s`.

    `base_s` is what a caller waits; `server_base_s` is that without the way there and back, from
    the quicker calls: what a busy machine adds is never negative.

    `prefill_tok_s` is None and `prefill_free` True where size costs no time that could be seen.
    `fit_error` is the greatest relative residual of a point within the fit. `breaks_at_tokens`
    is the first size that the fit misses by more than a fifth, None where it holds to the end.
    """

    points: list[TtftPoint] = []
    base_s: Figure | None = None
    server_base_s: float | None = None
    prefill_tok_s: Figure | None = None
    prefill_free: bool = False
    fit_error: float | None = None
    breaks_at_tokens: int | None = None


class DecodePoint(msgspec.Struct, kw_only=True):
    """Decoding behind a context of about one length."""

    context_tokens: int
    rate_tok_s: Figure | None = None
    itl_s: Figure | None = None
    longest_stall_s: float | None = None


class Decode(msgspec.Struct, kw_only=True):
    """Decode rate and inter-token latency. `rate_tok_s` is of new text, one call at a time.

    `copy_ratio` is the rate of text copied from the prompt over that of new text; `speculation`
    says whether it is so high that the server must draft. `chunk_tokens` are tokens per chunk;
    `together_share` of the chunks came at one moment with the one before, and `itl_s` is between
    such moments.
    `timeline_s` is when each piece of one answer arrived, seconds after its request.
    """

    rate_tok_s: Figure | None = None
    itl_s: Figure | None = None
    longest_stall_s: float | None = None
    by_context: list[DecodePoint] = []
    copied_tok_s: Figure | None = None
    copy_ratio: float | None = None
    speculation: bool | None = None
    chunk_tokens: Figure | None = None
    together_share: float | None = None
    timeline_s: list[float] = []


class Validity(msgspec.Struct, kw_only=True):
    """How answers that should be structured came out. Counts of calls."""

    asked: int = 0
    valid: int = 0
    fenced_json: int = 0
    bare_json: int = 0
    wrong_arguments: int = 0
    cut_off: int = 0
    prose: int = 0
    http_500: int = 0
    other_error: int = 0


class Structured(msgspec.Struct, kw_only=True):
    """The same answer asked for as text, under a JSON schema, and as a tool call.

    `*_token_s` are seconds per output token; the ratios are over `free_token_s`. `compile_s` is
    what the first use of a schema adds to the time to first token. `name_s` and `first_call_s`
    run from the request to the name of the first tool, and to its arguments' end.
    """

    free_token_s: Figure | None = None
    schema_token_s: Figure | None = None
    tool_token_s: Figure | None = None
    schema_ratio: float | None = None
    tool_ratio: float | None = None
    schema_cold_s: Figure | None = None
    schema_warm_s: Figure | None = None
    compile_s: float | None = None
    name_s: Figure | None = None
    first_call_s: Figure | None = None
    arguments: Literal["streamed", "burst"] | None = None
    schema_validity: Validity = msgspec.field(default_factory=Validity)
    tool_validity: Validity = msgspec.field(default_factory=Validity)
    schema_enforced: bool | None = None
    enforcement: str = ""


class Turn(msgspec.Struct, kw_only=True):
    """One call of a growing conversation; `expected_cold_s` is what the TTFT fit says of it."""

    input_tokens: int
    new_tokens: int
    cached_tokens: int | None
    ttft_s: float
    expected_cold_s: float | None = None


class IdlePoint(msgspec.Struct, kw_only=True):
    """A prompt sent again after `wait_s` without use; `kept` as seen by time or claimed tokens."""

    wait_s: float
    ttft_s: float
    cached_tokens: int | None
    kept: bool


class PrefixCache(msgspec.Struct, kw_only=True):
    """What the prefix cache really does.

    `cold_s`, `same_s`, `changed_s` are times to first token of a new prompt, the same again, and
    the same with one byte changed early. `saved_s` is seen, `claimed_s` what the claimed
    `cached_tokens` should have saved at the measured prefill rate. `honest` is None where nothing
    is claimed. `hit_share` is the share of the prompt's tokens that a repeat did not prefill.
    """

    works: bool | None = None
    honest: bool | None = None
    input_tokens: int | None = None
    cold_s: Figure | None = None
    same_s: Figure | None = None
    changed_s: Figure | None = None
    saved_s: Figure | None = None
    claimed_tokens: Figure | None = None
    claimed_s: float | None = None
    hit_share: float | None = None
    growing: list[Turn] = []
    block_tokens: int | None = None
    survives_strangers: bool | None = None
    strangers_s: Figure | None = None
    idle: list[IdlePoint] = []


class FanOut(msgspec.Struct, kw_only=True):
    """`width` calls at once from one warm prefix. `total_tok_s` is the rate of all together."""

    width: int
    latency_s: Figure | None = None
    ttft_s: Figure | None = None
    itl_s: Figure | None = None
    wall_s: float | None = None
    total_tok_s: float | None = None
    errors: int = 0


class Parallel(msgspec.Struct, kw_only=True):
    """Calls side by side.

    `knee` is the greatest width that still gains total rate, `slots` how many calls run before
    others wait (None where none waited), `share_cost` the time per token that each further call
    adds. `neighbour_*` is the inter-token latency of a call beside a prefill of `prefill_tokens`;
    `chunked_prefill` is False where it got nothing while that lasted (as beside a server whose
    chunks are larger than it). `short_*` is a short structured call beside a long generation.
    """

    fan_out: list[FanOut] = []
    knee: int | None = None
    slots: int | None = None
    share_cost: float | None = None
    neighbour_alone_itl_s: Figure | None = None
    neighbour_itl_s: Figure | None = None
    neighbour_stall_s: float | None = None
    prefill_s: float | None = None
    prefill_tokens: int | None = None
    chunked_prefill: bool | None = None
    short_alone_s: Figure | None = None
    short_beside_s: Figure | None = None
    short_ratio: float | None = None


class Tails(msgspec.Struct, kw_only=True):
    """Many small calls, one after another.

    `slow_share` of them is slower as a whole than the rest; `slow_sigma` is the sigma of a
    half-normal distribution of the logarithm of how much slower.
    """

    latency_s: Figure | None = None
    ttft_s: Figure | None = None
    calls: int = 0
    errors: int = 0
    retries: int = 0
    error_causes: dict[str, int] = {}
    slow_share: float | None = None
    slow_sigma: float | None = None


class Supports(msgspec.Struct, kw_only=True):
    """What the endpoint does when asked; None where it could not be found out.

    `dialect` is how an agent should write actions for it: native, schema or fenced.
    """

    tools: bool | None = None
    parallel_tool_calls: bool | None = None
    response_format: bool | None = None
    json_object: bool | None = None
    n: bool | None = None
    logprobs: bool | None = None
    stream_usage: bool | None = None
    reasoning: bool | None = None
    cached_tokens: bool | None = None
    server_timings: bool | None = None
    context_tokens: int | None = None
    dialect: Literal["native", "schema", "fenced"] | None = None
