"""A map of a repository in few tokens: the definitions that matter most for what is at hand.

Files refer to each other by the names that they use. The random surfer of PageRank (Brin and Page
1998), who now and then jumps back to the files at hand instead of to any (personalised, Haveliwala
2002), says how much a file matters from there; aider made the method known for code. A file's rank
flows on to the definitions that it names, the rarer a name the more of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import msgspec

from hotloop.workspace.tags import FileTags, Tag

DAMPING = 0.5
"""How often the surfer follows a reference rather than jumping back to the files at hand."""
_ROUNDS = 30
_SETTLED = 1e-4
_PER_FILE = 2
_SHORT = 3
_WANTED = 5.0
_NEAR = 0.05
_FAR = 0.003
_INDEX = ("__init__", "index", "mod", "lib", "main")

Edges = dict[str, dict[tuple[str, str], float]]


class RepoMap(msgspec.Struct, frozen=True):
    """The map's text and the files in it, the most important first."""

    text: str = ""
    paths: tuple[str, ...] = ()


def repo_map(
    tags: Mapping[str, FileTags],
    at_hand: Collection[str],
    wanted: Collection[str],
    *,
    leave_out: Collection[str] = (),
    most_chars: int,
) -> RepoMap:
    """Return a map of at most `most_chars` characters.

    `at_hand` are the files that the work is about as far as is known, `wanted` names that were
    spoken of. Definitions of files to `leave_out` are not listed, their references count.
    """
    edges = _edges(tags, wanted)
    ranks = _page_rank(edges, tags, at_hand)
    scores: defaultdict[tuple[str, str], float] = defaultdict(float)
    for path, targets in edges.items():
        total = sum(targets.values())
        for target, weight in targets.items():
            scores[target] += ranks[path] * weight / total
    for path, file in tags.items():
        for tag in file.tags:
            if tag.name in wanted:
                scores[path, tag.name] += 1.0
    ordered = sorted(scores, key=lambda target: (-scores[target], target))
    return _fitted([target for target in ordered if target[0] not in leave_out], tags, most_chars)


def _edges(tags: Mapping[str, FileTags], wanted: Collection[str]) -> Edges:
    """Return, for each file, how strongly it refers to which definitions of other files."""
    definers: defaultdict[str, set[str]] = defaultdict(set)
    users: defaultdict[str, int] = defaultdict(int)
    for path, file in tags.items():
        for tag in file.tags:
            definers[tag.name].add(path)
        for name in file.names:
            users[name] += 1
    worth = {name: _worth(name, users[name], len(tags), name in wanted) for name in definers}
    return {path: _references(path, file, definers, worth) for path, file in tags.items()}


def _references(
    path: str, file: FileTags, definers: Mapping[str, set[str]], worth: Mapping[str, float]
) -> dict[tuple[str, str], float]:
    """Weigh the definitions that a file's names may mean: of one that it imports, most likely."""
    found: dict[tuple[str, str], float] = {}
    for name, count in file.names.items():
        targets = definers.get(name, ())
        if path in targets:
            continue
        weight = worth.get(name, 0.0) * (1 + math.log(count))
        if weight:
            found |= {(target, name): weight * _tie(path, file, target) for target in targets}
    return found


def _worth(name: str, users: int, files: int, is_wanted: bool) -> float:
    """Return what a reference by a name is worth: rare ones say more, wanted ones most."""
    if len(name) < _SHORT or not users:
        return 0.0
    return math.log(1 + files / users) ** 2 * (_WANTED if is_wanted else 1.0)


def _tie(path: str, file: FileTags, target: str) -> float:
    """Return how likely a file's name means a definition in `target`."""
    folder, _, base = target.rpartition("/")
    stem = base.partition(".")[0]
    if stem in _INDEX or target.endswith(".go"):
        stem = folder.rpartition("/")[2]
    if stem in file.names:
        return 1.0
    return _NEAR if folder == path.rpartition("/")[0] else _FAR


def _page_rank(
    edges: Edges, tags: Mapping[str, FileTags], at_hand: Collection[str]
) -> dict[str, float]:
    """Return the files' ranks, which sum to 1."""
    homes = [path for path in tags if path in at_hand] or list(tags)
    home = dict.fromkeys(homes, 1 / len(homes)) if homes else {}
    shares = {path: _shares(targets) for path, targets in edges.items()}
    ranks = dict.fromkeys(tags, 0.0) | home
    for _ in range(_ROUNDS):
        new = dict.fromkeys(tags, 0.0)
        stuck = 0.0
        for path, rank in ranks.items():
            if not shares[path]:
                stuck += rank
            for target, share in shares[path].items():
                new[target] += DAMPING * rank * share
        for path, share in home.items():
            new[path] += (1 - DAMPING + DAMPING * stuck) * share
        moved = sum(abs(new[path] - ranks[path]) for path in tags)
        ranks = new
        if moved < _SETTLED:
            break
    return ranks


def _shares(targets: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Return how a file's rank is shared out among the files that it refers to."""
    total = sum(targets.values())
    shares: defaultdict[str, float] = defaultdict(float)
    for (path, _), weight in targets.items():
        shares[path] += weight / total
    return dict(shares)


def _fitted(
    ordered: list[tuple[str, str]], tags: Mapping[str, FileTags], most_chars: int
) -> RepoMap:
    """Take the best definitions while there is room; show them by file, in their order there."""
    chosen: dict[str, list[Tag]] = {}
    room = most_chars
    for path, name in ordered:
        for tag in _of(tags[path], name):
            if len(chosen.get(path, ())) >= _PER_FILE:
                continue
            cost = len(_line(tag)) + 1 + (len(path) + 2 if path not in chosen else 0)
            if cost > room:
                continue
            room -= cost
            chosen.setdefault(path, []).append(tag)
    texts = [
        "\n".join([f"{path}:", *(_line(tag) for tag in sorted(own, key=lambda tag: tag.line))])
        for path, own in chosen.items()
    ]
    return RepoMap("\n".join(texts), tuple(chosen))


def _of(file: FileTags, name: str) -> Iterator[Tag]:
    return (tag for tag in file.tags if tag.name == name)


def _line(tag: Tag) -> str:
    return f"{tag.line} {tag.head}"
