"""What a probe found, as one versioned object: the JSON form is documented and stable.

Times are in seconds (`*_s`), rates in tokens per second (`*_tok_s`). A figure that could not be
measured is None, and `Result.missing` says why under its dotted name (`ttft.prefill_tok_s`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from hotloop.ledger.events import StepKind
from hotloop.probe.parts import (
    Connection,
    Decode,
    Parallel,
    Part,
    PrefixCache,
    Structured,
    Supports,
    Tails,
    Ttft,
)
from hotloop.sim.profile import Profile

SCHEMA_VERSION = 1

DefectKind = Literal[
    "unreachable",
    "not_openai",
    "schema_not_enforced",
    "schema_runs_on",
    "cache_saves_no_time",
    "cache_unreported",
    "no_prefix_cache",
    "burst_arguments",
    "burst_text",
    "starved_by_prefill",
    "starved_by_decode",
    "requests_queue",
    "tool_calls_as_text",
    "no_tool_calls",
    "no_usage",
    "token_counts_wrong",
    "rate_limited",
    "unsteady",
    "breaks_off",
]
Stopped = Literal["", "time", "requests", "tokens", "interrupted", "unreachable"]


class Tokens(msgspec.Struct, kw_only=True):
    """How text was counted: no tokenizer is used, `usage` is what calibrates.

    `chars_per_token` holds for the probe's own prompts, `overhead_tokens` for an empty one.
    `trusted` is False where the counts contradict each other; `why` says how.
    """

    reported: bool = False
    trusted: bool = False
    chars_per_token: float = 4.0
    overhead_tokens: float = 0.0
    why: str = ""


class Cost(msgspec.Struct, kw_only=True):
    """What the probe took. `money` is None where no price was given.

    `economised` are the parts that got by with fewer calls or tokens than usual, because the
    endpoint is slow for the time that the probe had: their figures are rough.
    """

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    time_s: float = 0.0
    money: float | None = None
    stopped: Stopped = ""
    economised: list[Part] = []


class Defect(msgspec.Struct, kw_only=True):
    """Something wrong with the endpoint that costs an agent time, in one sentence.

    `next_step` is what a user may do about it, where it lets nothing be measured.
    """

    kind: DefectKind
    text: str
    next_step: str = ""


class LoopRow(msgspec.Struct, kw_only=True):
    """One row of a loop's table, in seconds; `levers_*` with hotloop's levers on."""

    kind: StepKind
    calls: int
    p50_s: float
    p95_s: float
    levers_p50_s: float
    levers_p95_s: float


class LoopTable(msgspec.Struct, kw_only=True):
    """The article's loop, or a session of another shape, projected for this endpoint.

    Totals are quantiles of whole loops, so p95 is not the sum of its rows. `assumed` says what
    the times with levers take for granted, `note` where the loop was cut to fit the context.
    """

    name: Literal["article", "tracelab"]
    iterations: int
    budget_s: float
    rows: list[LoopRow]
    p50_s: float
    p95_s: float
    levers_p50_s: float
    levers_p95_s: float
    assumed: list[str] = []
    note: str = ""


class RunCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it came out. `end_s` is its whole time, `projected_s` what was expected."""

    kind: StepKind
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    ttft_s: float
    end_s: float
    projected_s: float | None = None


class LoopRun(msgspec.Struct, frozen=True, kw_only=True):
    """The article's loop really run. `error` is (projected - took) / took, its pauses left out.

    `scale` is the share of its tokens that each call was given, so that all of them took about
    `limit_s` at most. The projection is for the tokens that came, where an answer ended before
    its limit; `planned_s` is that of the tokens the loop was to have. Times of tests are counted,
    not waited for.
    """

    scale: float = 1.0
    limit_s: float | None = None

    rows_s: dict[StepKind, float]
    total_s: float
    projected_s: float | None
    error: float | None
    planned_s: float | None = None
    planned_error: float | None = None
    calls: list[RunCall]


class LeverGain(msgspec.Struct, kw_only=True):
    """What one lever alone takes off the plain loop, and the measured figure behind it.

    `side` says who can pull it: hotloop by itself, or whoever sets up the endpoint.
    """

    lever: str
    side: Literal["hotloop", "endpoint"]
    saved_s: float
    because: str


class Verdict(msgspec.Struct, kw_only=True):
    """Whether the article's loop fits its budget, the step that breaks it, what to do first.

    `breaking_step` has the greatest excess over its share of the budget; None where even the p95
    fits. `race_width` is how many candidates are worth asking for at once.
    """

    fits: bool
    fits_with_levers: bool
    breaking_step: StepKind | None
    breaking_step_with_levers: StepKind | None = None
    text: str
    levers: list[LeverGain] = []
    dialect: Literal["native", "schema", "fenced"] | None = None
    race_width: int | None = None


class Result(msgspec.Struct, kw_only=True):
    """All that a probe found. `profile` has the keys of a `hotloop sim` profile."""

    schema_version: int = SCHEMA_VERSION
    hotloop_version: str = ""
    endpoint: str = ""
    model: str = ""
    started_at: float = 0.0
    seed: int = 0
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    connection: Connection = msgspec.field(default_factory=Connection)
    ttft: Ttft = msgspec.field(default_factory=Ttft)
    decode: Decode = msgspec.field(default_factory=Decode)
    structured: Structured = msgspec.field(default_factory=Structured)
    prefix_cache: PrefixCache = msgspec.field(default_factory=PrefixCache)
    parallel: Parallel = msgspec.field(default_factory=Parallel)
    tails: Tails = msgspec.field(default_factory=Tails)
    supports: Supports = msgspec.field(default_factory=Supports)
    defects: list[Defect] = []
    loop: list[LoopTable] = []
    loop_run: LoopRun | None = None
    verdict: Verdict | None = None
    profile: Profile | None = None
    cost: Cost = msgspec.field(default_factory=Cost)
    missing: dict[str, str] = {}
