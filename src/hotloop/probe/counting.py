"""Tokens without a tokenizer: what `usage` reports, if it can be believed, else an estimate."""

from __future__ import annotations

from collections.abc import Iterable

from hotloop.probe.fit import Recent, fit_line
from hotloop.probe.result import Tokens
from hotloop.probe.sample import Sample

GUESS = 4.0
LEAST, MOST = 1.2, 9.0
"""Characters per token that tokenizers make of the probe's prompts, with room on both sides."""
PIECE_CHARS = 8.0
"""Pieces of an answer longer than this on average hold several tokens each."""


class Counter:
    """Counts tokens of samples; `learn` calibrates it as samples come in."""

    def __init__(self) -> None:
        self._prompts = Recent()
        self._reported = 0
        self._unreported = 0
        self._doubt = ""
        self.tokens = Tokens()

    @property
    def trusted(self) -> bool:
        """Whether the endpoint's own counts can be used."""
        return bool(self._reported) and not self._doubt

    def learn(self, sample: Sample) -> None:
        """Take what a sample says of itself into account."""
        if not sample.ok:
            return
        if sample.usage is None:
            self._unreported += 1
        else:
            self._reported += 1
            if not sample.calls and sample.choices <= 1:
                self._prompts.add(sample.asked_chars, sample.usage.input_tokens)
            self._doubt = self._doubt or _contradiction(sample)
        self._settle()

    def chars(self, tokens: float) -> int:
        """Return how many characters of prompt make so many tokens."""
        return max(0, round((tokens - self.tokens.overhead_tokens) * self.tokens.chars_per_token))

    def input(self, sample: Sample) -> int:
        """Return the tokens of a prompt."""
        if self.trusted and sample.usage is not None:
            return sample.usage.input_tokens
        return round(sample.asked_chars / GUESS)

    def cached(self, sample: Sample) -> int | None:
        """Return the tokens that the endpoint claims to have had in its cache."""
        if not self.trusted or sample.usage is None:
            return None
        return sample.usage.cached_tokens

    def output(self, sample: Sample) -> int:
        """Return the tokens of an answer."""
        if self.trusted and sample.usage is not None:
            return sample.usage.output_tokens
        pieces = len(sample.piece_s)
        if pieces and sample.answer_chars / pieces <= PIECE_CHARS:
            return pieces
        return round(sample.answer_chars / GUESS)

    @property
    def doubt(self) -> str:
        """Say why token counts are estimates; empty where they are the endpoint's own."""
        if self.trusted:
            return ""
        if self._doubt:
            return f"tokens are estimated: {self._doubt}"
        return "tokens are estimated: the endpoint reports none"

    def _settle(self) -> None:
        points = self._prompts.points()
        line = fit_line(points)
        per_token = 1 / line.slope if line is not None and line.slope > 0 else GUESS
        wide = _range(x for x, _ in points) > 400
        if wide and (line is None or line.slope <= 0):
            self._doubt = self._doubt or "its count of prompt tokens does not grow with the prompt"
        elif wide and not LEAST <= per_token <= MOST:
            text = f"its counts make {per_token:.2g} characters per token of source code"
            self._doubt = self._doubt or text
        known = self.trusted and wide and line is not None
        self.tokens = Tokens(
            reported=bool(self._reported),
            trusted=self.trusted,
            chars_per_token=per_token if known else GUESS,
            overhead_tokens=max(0.0, line.base) if known and line is not None else 0.0,
            why=self.doubt,
        )


def _contradiction(sample: Sample) -> str:
    """Return what is impossible about the token counts of a sample."""
    usage = sample.usage
    if usage is None or sample.choices > 1:
        return ""
    said, asked = usage.output_tokens, sample.asked_tokens
    if said > asked + max(2, 0.05 * asked):
        return f"it reports {said} tokens of an answer that was limited to {asked}"
    if sample.finish == "length" and said < 0.9 * asked - 2:
        return f"it reports {said} tokens of an answer that ended at its limit of {asked}"
    if sample.answer_chars > 0 and said == 0:
        return "it reports no tokens for an answer that has text"
    if usage.cached_tokens > usage.input_tokens:
        return "it reports more cached tokens than the prompt has"
    return ""


def _range(values: Iterable[float]) -> float:
    found = list(values)
    return max(found) - min(found) if found else 0.0
