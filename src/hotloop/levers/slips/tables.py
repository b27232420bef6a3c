"""Tables of slips: what is written, what was meant, and how likely that is where it stands.

Likelihoods are relative to a wrong boundary (`<` for `<=`), which is 1. Each is shared by all
places of its kind in a definition.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A pattern, what stands instead, the likelihood, and the languages by their letters.

    `\\1` is a group. An `r` among the languages: the pattern sees strings, too.
    """

    pattern: str
    instead: str
    likelihood: float
    languages: str = "pjc"


_CALL = r"\w+(?:\.\w+)*\((?:[^()]|\([^()]*\))*\)"
VALUE = rf"(?<![\w.])(?:{_CALL}|[\w.]+(?:\[[^\[\]]*\])?)"

_GIVEN = rf"(?:{VALUE}|(?<![\w.])[\w.]+ [-+*/%&|]+ [\w.]+)"
_OF_OBJECT = r"(?:.*?[ (])?(?!self\b|re\b|math\b)([a-z_]\w*)[.\[].*"

COMPARISONS = (
    Rule(r"(?<![<>=!-])<(?![<=])", "<=", 1.0),
    Rule(r"(?<!<)<=(?!=)", "<", 1.0),
    Rule(r"(?<![<>=-])>(?![>=])", ">=", 1.0),
    Rule(r"(?<!>)>=(?!=)", ">", 1.0),
    Rule(r"(?<=\w |\] |\) )<(?= )", ">", 0.3),
    Rule(r"(?<=\w |\] |\) )>(?= )", "<", 0.3),
    Rule(r"(?<=\w |\] |\) )<=(?= )", ">=", 0.3),
    Rule(r"(?<=\w |\] |\) )>=(?= )", "<=", 0.3),
    Rule(r"(?<![=!<>])==(?!=)", "!=", 0.4),
    Rule(r"!=(?!=)", "==", 0.4),
    Rule(r"(?<![=!<>])==(?= \d)", "<=", 0.2),
    Rule(r"(?<![=!<>])==(?= \d)", ">=", 0.2),
    Rule(r"===", "!==", 0.4, "j"),
    Rule(r"!==", "===", 0.4, "j"),
    Rule(r"(?<=\w )is(?= (?!not\b))", "==", 0.3, "p"),
    Rule(r"(?<=\w )is not(?= (?!None\b))", "!=", 0.3, "p"),
    Rule(r"(?<=\w )==(?= (?:None|True|False)\b)", "is", 0.3, "p"),
    Rule(r"(?<=\w |\) )=(?= [^=]+\) [{\w])", "==", 0.5, "c"),
)

CONDITIONS = (
    Rule(r"\bnot (?!in\b)", "", 0.5, "p"),
    Rule(
        rf"\b(if|elif|while|and|or) (?!not\b)(?={VALUE}(?::| and | or |\)|$))",
        r"\1 not ",
        0.4,
        "p",
    ),
    Rule(r"\bnot in\b", "in", 0.4, "p"),
    Rule(r"(?<!not) in (?=\w+:)", " not in ", 0.2, "p"),
    Rule(r"!(?![=])", "", 0.5, "jc"),
    Rule(r"(?<=[(&|] )(?=\w)|(?<=[&|] )(?=\w)|(?<=if \()(?=\w+[).(])", "!", 0.3, "jc"),
    Rule(
        r"\b(if|elif|while|and|or) not (\w+(?:\.\w+)*)(?=:| and\b| or\b)",
        r"\1 \2 is None",
        0.5,
        "p",
    ),
    Rule(
        r"\b(if|elif|while|and|or) (\w+(?:\.\w+)*)(?=:| and\b| or\b)",
        r"\1 \2 is not None",
        0.4,
        "p",
    ),
    Rule(r"!(\w+(?:\.\w+)*)(?=[)&|; ])", r"\1 === undefined", 0.4, "j"),
    Rule(r"(?<=if \()(\w+(?:\.\w+)*)(?=\))", r"\1 !== undefined", 0.4, "j"),
    Rule(rf"({VALUE}) or ({VALUE})$", r"\1 if \1 is not None else \2", 0.4, "p"),
    Rule(rf"\b(if|elif|while) ({_OF_OBJECT})(?=:$)", r"\1 \3 and \2", 0.4, "p"),
    Rule(rf"\b(if|elif|while) ({_OF_OBJECT})(?=:$)", r"\1 not \3 or \2", 0.3, "p"),
    Rule(
        r"\b(if|while) \((?=(?:.*?[ (])?(?!this\b)([a-z_]\w*)(?:\.|->|\[).*\) )",
        r"\1 (\2 && ",
        0.4,
        "jc",
    ),
    Rule(r"(?<=[\w)\]])(?<!this)(?<!Math)(?<!Object)\.(?=[a-z])", "?.", 0.3, "j"),
    Rule(r"\|\|", "??", 0.4, "j"),
    Rule(r"\?\?", "||", 0.3, "j"),
    Rule(r"\|\|=", "??=", 0.4, "j"),
)

OFF_BY_ONE = (
    Rule(r"(?<![\w.])1 [+-] (?=[a-z(])", "", 0.8),
    Rule(r" [+-] 1\b(?![.\w])", "", 0.9),
    Rule(r"(?<=[\w)]) ?\+ 1\b(?![.\w])", " - 1", 0.4),
    Rule(r"(?<=[\w)]) ?- 1\b(?![.\w])", " + 1", 0.4),
    Rule(r"\brange\(((?:[^(),]|\([^()]*\))+)\)", r"range(1, \1)", 0.4, "p"),
    Rule(r"\brange\([01], ", "range(", 0.4, "p"),
    Rule(r"\b(enumerate\((?:[^(),]|\([^()]*\))+)\)", r"\1, 1)", 0.5, "p"),
    Rule(r"\b(enumerate\(.*), (?:start=)?1\)", r"\1)", 0.5, "p"),
    Rule(r"\b(\w+)\+\+", r"++\1", 0.2, "jc"),
    Rule(r"\+\+(\w+)", r"\1++", 0.2, "jc"),
)


class End(NamedTuple):
    """Where a number ends that may be one too few or one too many, by the pattern's end."""

    pattern: str
    too_few: float
    too_many: float
    languages: str = "pjc"


_NESTED = r"(?:[^()]|\([^()]*\))*"
_SUM = r"[^;?,\n\0{}\[]*[\w)\]]"
ENDS = (
    End(r"\[[^\[\]:]*[\w)](?=\])", 0.5, 0.5),
    End(r"\[[^\[\]]*:[^\[\]]*[\w)](?=\])", 0.7, 0.7, "p"),
    End(r"\[[^\[\]:]*[\w)](?= ?:)", 0.4, 0.4, "p"),
    End(rf"\brange\({_NESTED}(?<=[\w)])(?=\))", 0.9, 0.7, "p"),
    End(rf"\b(?:slice|islice|substring|substr)\({_NESTED}(?<=[\w)])(?=\))", 0.7, 0.6),
    End(r"\b(?:slice|islice|substring|substr)\([^(),]*\w(?=,)", 0.4, 0.3),
    End(r"\blen\([^()]*\)(?! [+-])|\.length\b(?! [+-])", 0.2, 0.4),
    End(r"(?<=[a-z]\()[a-z]\w*(?=[,)])|(?<=, )[a-z]\w*(?=[,)])", 0.3, 0.3),
    End(rf"\breturn {_SUM}(?=;|$)", 0.4, 0.4),
    End(rf" [+-]= {_SUM}(?=;|$)", 0.4, 0.4),
    End(rf"\w = {_SUM}(?=;|$)", 0.3, 0.3),
    End(r" (?:<|>=) [\w.]+(?=[;:)])", 0.0, 0.3),
    End(r" (?:>|<=) [\w.]+(?=[;:)])", 0.3, 0.0),
)

SLICES = (
    Rule(r"\[: ?([\w.]+)\]", r"[-\1:]", 0.6, "p"),
    Rule(r"\[: ?([\w.]+)\]", r"[\1:]", 0.5, "p"),
    Rule(r"\[: ?-([\w.]+)\]", r"[:\1]", 0.3, "p"),
    Rule(r"\[([\w.]+) ?:\]", r"[:\1]", 0.5, "p"),
    Rule(r"\[([\w.]+) ?:\]", r"[-\1:]", 0.3, "p"),
    Rule(r"\[-([\w.]+) ?:\]", r"[:\1]", 0.6, "p"),
    Rule(r"\[-([\w.]+) ?:\]", r"[\1:]", 0.4, "p"),
    Rule(r"\[-([\w.]+) ?:\]", r"[:-\1]", 0.4, "p"),
    Rule(r"\[: ?-([\w.]+)\]", r"[-\1:]", 0.4, "p"),
    Rule(r"\[: ?([\w.]+)\]", r"[:-\1]", 0.3, "p"),
    Rule(r"\[::-1\]", "", 0.4, "p"),
    Rule(r"\.slice\(0, (\w+)\)", r".slice(-\1)", 0.5, "j"),
    Rule(r"\.slice\(0, (\w+)\)", r".slice(\1)", 0.4, "j"),
    Rule(r"\.slice\(-(\w+)\)", r".slice(0, \1)", 0.4, "j"),
)

SIGNS = (
    Rule(r"(?<=: )(?=[a-z]\w*[\w.\[\]()]*\)$)", "-", 0.4, "p"),
    Rule(r"(?<=[(,:\s])-(?=[a-z])", "", 0.5),
    Rule(r"\b([a-z]) - ([a-z])\b", r"\2 - \1", 0.6, "j"),
    Rule(r"\b([a-z])((?:\.\w+)+) - ([a-z])(?=\.)((?:\.\w+)+)", r"\3\4 - \1\2", 0.7, "j"),
    Rule(rf"({VALUE}) - ({VALUE})", r"\2 - \1", 0.4),
    Rule(rf"({VALUE}) / ({VALUE})", r"\2 / \1", 0.2),
    Rule(rf"({VALUE}) % ({VALUE})", r"\2 % \1", 0.1),
    Rule(rf"({VALUE}) \+ ({VALUE})", r"\2 + \1", 0.2),
    Rule(rf"(?<=\w\(|\w\[)({_GIVEN}), ({_GIVEN})(?=[)\]])", r"\2, \1", 0.6),
    Rule(rf"(?<=, )({_GIVEN}), ({_GIVEN})(?=[)\]])", r"\2, \1", 0.4),
    Rule(rf"(?<=\w\()({_GIVEN}), ({_GIVEN})(?=, )", r"\2, \1", 0.4),
    Rule(r"(?<=\w)\[(\w+)\]\[(\w+)\]", r"[\2][\1]", 0.4),
    Rule(rf"(?<![\w.])(?!len\b|int\b|range\b|if\b|while\b)\w+\(({VALUE})\)", r"\1", 0.3),
    Rule(r" - (\w+) ([+-]) (\w+)", r" - (\1 \2 \3)", 0.2),
    Rule(r"\b(\w+) ([+-]) (\w+) ([*/]) (\w+)", r"(\1 \2 \3) \4 \5", 0.3),
    Rule(r"\((\w+) ([+-]) (\w+)\) ([*/])", r"\1 \2 \3 \4", 0.2),
)

STRINGS = (
    Rule(r"(?<=[(,] )?\"\"", '" "', 0.15, "pjr"),
    Rule(r"\"([ ,;:|/-])\"", '""', 0.15, "pjr"),
    Rule(r"\"([,;:|])\"", r'"\1 "', 0.2, "pjr"),
    Rule(r"\"([,;:|]) \"", r'"\1"', 0.2, "pjr"),
    Rule(r"'([,;:|])'", r"'\1 '", 0.2, "pjr"),
    Rule(r"'([,;:|]) '", r"'\1'", 0.2, "pjr"),
    Rule(r"' '", "''", 0.15, "pjr"),
    Rule(r"''", "' '", 0.15, "pjr"),
)

# Two things that are taken for one another, how likely it is that the other was meant.
PAIRS: tuple[tuple[str, str, float, str], ...] = (
    ("and", "or", 0.7, "p"),
    ("&&", "||", 0.7, "jc"),
    ("[0]", "[-1]", 0.5, "p"),
    ("[0]", ".at(-1)", 0.5, "j"),
    ("->", ".", 0.1, "c"),
    (" + ", " - ", 0.4, "pjc"),
    (" * ", " / ", 0.25, "pjc"),
    (" / ", " // ", 0.4, "p"),
    (" % ", " // ", 0.2, "p"),
    (" % ", " / ", 0.3, "jc"),
    (" | ", " & ", 0.3, "pjc"),
    (" ^ ", " & ", 0.3, "pjc"),
    ("^=", "&=", 0.3, "pjc"),
    ("|=", "&=", 0.3, "pjc"),
    ("<<", ">>", 0.3, "pjc"),
    ("+=", "-=", 0.3, "pjc"),
    ("True", "False", 0.4, "p"),
    ("true", "false", 0.4, "jc"),
    ("break", "continue", 0.4, "pjc"),
    ("days=", "hours=", 0.1, "p"),
    ("minutes=", "hours=", 0.1, "p"),
    ("minutes=", "seconds=", 0.1, "p"),
    ("if", "while", 0.1, "p"),
    ("if (", "while (", 0.1, "jc"),
)

# One way only: the second way would be a fault.
ONE_WAY: tuple[tuple[str, str, float, str], ...] = (
    (" += ", " = ", 0.2, "pjc"),
    ("elif", "if", 0.3, "p"),
    ("else if", "if", 0.3, "jc"),
)
