"""The grammar of the terse dialect: compact JSON headers, code as raw blocks.

Written in GBNF, which llama.cpp enforces while decoding. The header's keys and their order are
forced, so they cost no choice and no white space.
"""

from __future__ import annotations

_GBNF = r"""
root ::= action (nl action)* nl?
action ::= read | list | search | run | test | done | define | write | edit
read ::= "{\"tool\":\"read\",\"path\":" str (",\"start\":" int ",\"end\":" int)? "}"
list ::= "{\"tool\":\"list\",\"path\":" str "}"
search ::= "{\"tool\":\"search\",\"pattern\":" str "}"
run ::= "{\"tool\":\"run\",\"command\":" str "}"
test ::= "{\"tool\":\"test\"}"
done ::= "{\"tool\":\"done\",\"message\":" str "}"
define ::= "{\"tool\":\"define\",\"path\":" str "}" nl block
write ::= "{\"tool\":\"write\",\"path\":" str "}" nl block
edit ::= "{\"tool\":\"edit\",\"path\":" str "}" nl block nl block
block ::= "```" nl line+ "```"
line ::= nl | [^`\n] [^\n]* nl | "`" [^`\n] [^\n]* nl
nl ::= "\n"
int ::= [1-9] [0-9]{0,5}
str ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\/bfnrt])* "\""
"""


def terse_grammar() -> str:
    """Return the grammar in llama.cpp's GBNF."""
    return _GBNF.strip()
