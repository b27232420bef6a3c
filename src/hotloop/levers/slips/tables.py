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
_VALUE = rf"(?:{_CALL}|[\w.]+(?:\[[^\[\]]*\])?)"

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
        rf"\b(if|elif|while|and|or) (?!not\b)(?={_VALUE}(?::| and | or |\)|$))",
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
    Rule(rf"({_VALUE}) or ({_VALUE})$", r"\1 if \1 is not None else \2", 0.4, "p"),
    Rule(r"\|\|", "??", 0.4, "j"),
    Rule(r"\?\?", "||", 0.3, "j"),
    Rule(r"\|\|=", "??=", 0.4, "j"),
)

OFF_BY_ONE = (
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
    Rule(rf"({_VALUE}) - ({_VALUE})", r"\2 - \1", 0.4),
    Rule(rf"({_VALUE}) / ({_VALUE})", r"\2 / \1", 0.2),
    Rule(rf"({_VALUE}) % ({_VALUE})", r"\2 % \1", 0.1),
    Rule(r"\b(\w+)\((\w+), (\w+)\)", r"\1(\3, \2)", 0.4),
    Rule(r"\b(\w+)\((\w+), (\w+), (\w+)\)", r"\1(\2, \4, \3)", 0.3),
    Rule(r"\b(\w+)\((\w+), (\w+), (\w+)\)", r"\1(\3, \2, \4)", 0.3),
    Rule(r" - (\w+) ([+-]) (\w+)", r" - (\1 \2 \3)", 0.2),
    Rule(r"\b(\w+) ([+-]) (\w+) ([*/]) (\w+)", r"(\1 \2 \3) \4 \5", 0.3),
    Rule(r"\((\w+) ([+-]) (\w+)\) ([*/])", r"\1 \2 \3 \4", 0.2),
)

LIBRARY = (
    # Python: what is called is not what its name promises, or fails where a default is due.
    Rule(r"\.seconds\b(?!\()", ".total_seconds()", 1.0, "p"),
    Rule(rf"\bnext\(({_VALUE})\)", r"next(\1, None)", 0.6, "p"),
    Rule(rf"\.get\(({_VALUE})\)", r".get(\1, 0)", 0.3, "p"),
    Rule(rf"\.get\(({_VALUE})\)", r".get(\1, [])", 0.15, "p"),
    Rule(r"(?<=[\w)])\[([a-z_]\w*)\](?! *[-+]?=[^=])", r".get(\1, 0)", 0.2, "p"),
    Rule(r"\.(split|rsplit)\(([^(),]+)\)", r".\1(\2, 1)", 0.5, "p"),
    Rule(r"\.split\(([^(),]+), 1\)", r".rsplit(\1, 1)", 0.5, "p"),
    Rule(r"\.rsplit\(([^(),]+), 1\)", r".split(\1, 1)", 0.5, "p"),
    Rule(r"\.r?split\(([^(),]+), \d\)", r".split(\1)", 0.4, "p"),
    Rule(r"\.partition\(", ".rpartition(", 0.4, "p"),
    Rule(r"\.rpartition\(", ".partition(", 0.4, "p"),
    Rule(r"\.split\(\0 \0\)", ".split()", 0.6, "p"),
    Rule(r"\.lstrip\((?=\0{5,}\))", ".removeprefix(", 0.8, "p"),
    Rule(r"\.rstrip\((?=\0{5,}\))", ".removesuffix(", 0.8, "p"),
    Rule(
        r"\bsorted\((?!.*reverse)((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)",
        r"sorted(\1, reverse=True)",
        0.4,
        "p",
    ),
    Rule(r", reverse=True", "", 0.4, "p"),
    Rule(r"\.sort\(\)", ".sort(reverse=True)", 0.4, "p"),
    Rule(r"(= |return )(\w+)\.sort\(", r"\1sorted(\2, ", 0.6, "p"),
    Rule(r"\bset\((?=\w)", "dict.fromkeys(", 0.2, "p"),
    Rule(r"\bsorted\(set\((\w+)\)\)", r"list(dict.fromkeys(\1))", 0.3, "p"),
    Rule(r"\bre\.match\(", "re.fullmatch(", 0.4, "p"),
    Rule(r"\bre\.match\(", "re.search(", 0.4, "p"),
    Rule(r"\bre\.search\(", "re.fullmatch(", 0.3, "p"),
    Rule(r"(?<!re)\.match\(", ".fullmatch(", 0.3, "p"),
    Rule(r"(?<!re)\.match\(", ".search(", 0.3, "p"),
    Rule(r"\bcopy\.copy\(", "copy.deepcopy(", 0.6, "p"),
    Rule(r"\[(\[[^\[\]]*\]) \* ([^\[\]]+)\]", r"[\1 for _ in range(\2)]", 0.6, "p"),
    Rule(r"\[(\[[^\[\]]*\])\] \* (\w+|len\(\w+\))", r"[\1 for _ in range(\2)]", 1.0, "p"),
    Rule(r"\.lower\(\)", ".casefold()", 0.1, "p"),
    Rule(r"\.title\(\)", ".capitalize()", 0.3, "p"),
    Rule(r"\.capitalize\(\)", ".title()", 0.2, "p"),
    Rule(r"\bround\(([^(),]+|\w+\([^()]*\)), \d\)", r"round(\1)", 0.2, "p"),
    Rule(r"\bint\(", "round(", 0.3, "p"),
    Rule(r"\bround\(", "int(", 0.2, "p"),
    Rule(r"\bint\(", "float(", 0.3, "p"),
    Rule(r"\bfloat\(", "int(", 0.2, "p"),
    Rule(r"\bDecimal\((\w+)\)", r"Decimal(str(\1))", 0.4, "p"),
    Rule(r"\.isdigit\(\)", ".isnumeric()", 0.1, "p"),
    Rule(r"\.isoweekday\(\)", ".weekday()", 0.5, "p"),
    Rule(r"\.weekday\(\)", ".isoweekday()", 0.5, "p"),
    # JavaScript.
    Rule(r"\.replace\((?=\0[^,(]*\0,)", ".replaceAll(", 0.8, "j"),
    Rule(r"(\.replace\(/(?:\\.|[^/\\\n])+/)(?=,)", r"\1g", 0.8, "jr"),
    Rule(r"(\.replace\(/(?:\\.|[^/\\\n])+/)(?=,)", r"\1i", 0.2, "jr"),
    Rule(r"\.map\((?:Number\.)?parseInt\)", ".map(Number)", 1.0, "j"),
    Rule(r"\bparseInt\(([^(),]+)\)", r"parseInt(\1, 10)", 0.2, "j"),
    Rule(r"\bparseInt\(", "parseFloat(", 0.3, "j"),
    Rule(r"\b(?:Number|parseFloat)\(", "parseInt(", 0.2, "j"),
    Rule(r"\.sort\(\)", ".sort((a, b) => a - b)", 0.9, "j"),
    Rule(r"\.sort\(\)", ".sort((a, b) => b - a)", 0.3, "j"),
    Rule(r"\.(toSorted)\(\)", r".\1((a, b) => a - b)", 0.9, "j"),
    Rule(r"\b(\w+)\.(sort|reverse)\((?=.*;$)", r"[...\1].\2(", 0.5, "j"),
    Rule(r"(for \((?:const|let|var) \w+ )in ", r"\1of ", 0.7, "j"),
    Rule(r"(for \((?:const|let|var) \w+ )of ", r"\1in ", 0.1, "j"),
    Rule(r"\bArray\((\w+)\)\.fill\(\[\]\)", r"Array.from({ length: \1 }, () => [])", 1.0, "j"),
    Rule(r"(\.reduce\(\((?:[^()]|\([^()]*\))*\) => (?:[^()]|\([^()]*\))*)\)", r"\1, 0)", 0.5, "j"),
    Rule(r"(?<![.\w])isNaN\(", "Number.isNaN(", 0.3, "j"),
    Rule(r"\.getDay\(\)", ".getDate()", 0.5, "j"),
    Rule(r"\.getDate\(\)", ".getDay()", 0.3, "j"),
    Rule(r"\.getYear\(\)", ".getFullYear()", 0.8, "j"),
    Rule(r"(\.get(?:UTC)?Month\(\))(?! [+-])", r"\1 + 1", 0.6, "j"),
    Rule(r"\.get(Date|Day|Month|FullYear|Hours|Minutes)\(", r".getUTC\1(", 0.3, "j"),
    Rule(r"\.getUTC(\w+)\(", r".get\1(", 0.3, "j"),
    Rule(r"(?<=[=(] )(?!await|new|async)(\w+(?:\.\w+)*\()", r"await \1", 0.2, "j"),
    Rule(r"(?<=\breturn )(?!await|new|async)(\w+(?:\.\w+)*\()", r"await \1", 0.1, "j"),
    Rule(r"(=> )\{ ([^{};]+?);? \}", r"\1\2", 0.6, "j"),
    Rule(r"(?<![=!])==(?!=)", "===", 0.2, "j"),
    # C.
    Rule(r"\bsizeof\((\w+)\)", r"sizeof(*\1)", 0.6, "c"),
    Rule(r"\bsizeof\((\w+)\)", r"sizeof(\1) - 1", 0.4, "c"),
    Rule(r"\bsizeof ?\(?\*(\w+)\)?", r"sizeof(\1)", 0.4, "c"),
    Rule(r"\b([mc]alloc\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", r"\1 + 1)", 0.8, "c"),
    Rule(r"\b(strlen\([^()]*\))", r"\1 + 1", 0.4, "c"),
    Rule(r"\b(if|while) \((str(?:n?case)?n?cmp\([^()]*\))", r"\1 (\2 == 0", 0.6, "c"),
    Rule(r"(?<= )&(?= )", "&&", 0.3, "c"),
    Rule(r"(?<= )\|(?= )", "||", 0.3, "c"),
    Rule(r"\(([\w>.-]+) / ([\w>.-]+)\)", r"((double)\1 / \2)", 0.3, "c"),
    Rule(r"(?<=[=(] |n )([\w>.-]+) / (?=\w)", r"(double)\1 / ", 0.4, "c"),
    Rule(r"(?<=\W)\*(\w+)\+\+", r"(*\1)++", 0.3, "c"),
    Rule(r"\((is\w+|to\w+)\((\*?\w+(?:\[\w+\])?)\)", r"(\1((unsigned char)\2)", 0.1, "c"),
    Rule(r"\bint (?=\w+ = [^;]*[./])", "double ", 0.3, "c"),
    Rule(r"\bunsigned (?:int )?(?=\w+ )|\bsize_t (?=\w+ )", "int ", 0.2, "c"),
    Rule(r"\bint (?=\w+ )", "long ", 0.1, "c"),
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
    ("min(", "max(", 0.6, "pjc"),
    ("any(", "all(", 0.6, "p"),
    (".some(", ".every(", 0.6, "j"),
    ("[0]", "[-1]", 0.5, "p"),
    ("[0]", ".at(-1)", 0.5, "j"),
    (".pop()", ".pop(0)", 0.4, "p"),
    (".pop(", ".shift(", 0.4, "j"),
    (".push(", ".unshift(", 0.3, "j"),
    (".popleft(", ".pop(", 0.4, "p"),
    (".append(", ".appendleft(", 0.1, "p"),
    (".append(", ".extend(", 0.4, "p"),
    (".add(", ".update(", 0.3, "p"),
    (".remove(", ".discard(", 0.3, "p"),
    (".startswith(", ".endswith(", 0.4, "p"),
    (".startsWith(", ".endsWith(", 0.4, "j"),
    (".find(", ".rfind(", 0.4, "p"),
    (".index(", ".rindex(", 0.2, "p"),
    (".indexOf(", ".lastIndexOf(", 0.4, "j"),
    (".find(", ".findLast(", 0.2, "j"),
    (".find(", ".filter(", 0.3, "j"),
    (".strip(", ".rstrip(", 0.3, "p"),
    (".strip(", ".lstrip(", 0.2, "p"),
    (".trim(", ".trimEnd(", 0.3, "j"),
    (".trim(", ".trimStart(", 0.2, "j"),
    (".ljust(", ".rjust(", 0.4, "p"),
    (".padStart(", ".padEnd(", 0.4, "j"),
    (".upper(", ".lower(", 0.3, "p"),
    (".toUpperCase(", ".toLowerCase(", 0.3, "j"),
    ("toupper(", "tolower(", 0.3, "c"),
    ("isalpha(", "isalnum(", 0.3, "c"),
    ("isdigit(", "isalnum(", 0.2, "c"),
    ("strchr(", "strrchr(", 0.5, "c"),
    ("abs(", "fabs(", 0.4, "c"),
    ("->", ".", 0.1, "c"),
    (".keys()", ".values()", 0.3, "p"),
    (".items()", ".values()", 0.2, "p"),
    ("Object.keys(", "Object.values(", 0.4, "j"),
    ("Object.entries(", "Object.values(", 0.2, "j"),
    (".slice(", ".splice(", 0.4, "j"),
    (".substr(", ".substring(", 0.5, "j"),
    (".forEach(", ".map(", 0.4, "j"),
    (".map(", ".flatMap(", 0.4, "j"),
    ("math.floor(", "math.ceil(", 0.6, "p"),
    ("math.floor(", "round(", 0.4, "p"),
    ("math.ceil(", "round(", 0.3, "p"),
    ("Math.floor(", "Math.ceil(", 0.6, "j"),
    ("Math.floor(", "Math.round(", 0.5, "j"),
    ("Math.floor(", "Math.trunc(", 0.2, "j"),
    ("Math.ceil(", "Math.round(", 0.3, "j"),
    ("floor(", "ceil(", 0.5, "c"),
    (" + ", " - ", 0.4, "pjc"),
    (" * ", " / ", 0.25, "pjc"),
    (" / ", " // ", 0.4, "p"),
    (" % ", " // ", 0.2, "p"),
    (" % ", " / ", 0.3, "jc"),
    (" | ", " & ", 0.3, "pjc"),
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
