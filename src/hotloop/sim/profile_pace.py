"""A latency profile as the pace at which a recorded session is recomputed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotloop.errors import UsageError
from hotloop.ledger.pace import CallShape, CallTimes
from hotloop.sim.files import read_data
from hotloop.sim.profile import Profile, load_profile
from hotloop.sim.timing import draw, timetable


class _ProbeResult(msgspec.Struct):
    profile: Profile


class ProfilePace:
    """The timetable of `hotloop sim` with a profile, its seeded slow tail included.

    Faults are left out: what a client does about them depends on chance.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile.scaled()
        self.slots = profile.slots
        self.share_cost = profile.share_cost

    def times(self, shape: CallShape) -> CallTimes:
        """Return when a call's first token and its end are due on this backend."""
        cached = self._cached(shape)
        due = timetable(
            self.profile,
            shape.input_tokens,
            cached,
            shape.output_tokens,
            shape.structured,
            slow=draw(self.profile, shape.number).slow,
            fresh_connection=shape.fresh,
        )
        return CallTimes(first_s=due.first_token_s, end_s=due.end_s, cached_tokens=cached)

    def _cached(self, shape: CallShape) -> int:
        cache = self.profile.cache
        if not cache.enabled or (shape.idle_s is not None and shape.idle_s > cache.ttl_s):
            return 0
        tokens = max(0, min(shape.cached_tokens, shape.input_tokens - 1))
        return tokens - tokens % cache.block_tokens


def load_any_profile(name: str | Path) -> Profile:
    """Return a profile by name, from a TOML or JSON file, or from a probe's result.

    That is a JSON file with a top-level `profile` object, which has the keys of a profile file.
    Raises UsageError when there is none or a field of it makes no sense.
    """
    path = Path(name)
    if path.suffix != ".json" or not path.is_file():
        return load_profile(name)
    try:
        whole: object = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}", "correct the JSON there") from error
    if not isinstance(whole, dict) or "profile" not in whole:
        return load_profile(path)
    profile = read_data(path, _ProbeResult).profile
    return profile if profile.name != "custom" else msgspec.structs.replace(profile, name=path.stem)
