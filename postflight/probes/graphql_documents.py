"""Whether a GraphQL document only reads: one query, and fragments (GraphQL October 2021, section 2)."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    [\ufeff\t\n\r ,]+ | \#[^\n\r]*                          # ignored
    | \"""(?:\\\"""|(?!\""").)*\"""                          # block string
    | "(?!"")(?:\\.|[^"\\\n\r])*"                           # string
    | (?P<name>[_A-Za-z][_0-9A-Za-z]*)
    | (?P<mark>[(){}\[\]])
    | \.\.\. | [!$&:=@|] | -?[0-9][0-9A-Za-z_.+-]*
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}


def is_one_query(document: str) -> bool:
    """Whether the only operation is a query. False for what is no document, too."""
    words = _significant(document)
    if words is None:
        return False
    operations: list[str] = []
    open_marks: list[str] = []
    is_new = True
    for word in words:
        if is_new:
            operations.append("query" if word == "{" else word)
            is_new = False
        if word in _CLOSED_BY:
            open_marks.append(_CLOSED_BY[word])
        elif word in _CLOSED_BY.values():
            if not open_marks or open_marks.pop() != word:
                return False
            # A definition ends with its selections, and with nothing else.
            is_new = not open_marks and word == "}"
    is_whole = is_new and not open_marks
    return is_whole and operations.count("query") == 1 and set(operations) <= {"query", "fragment"}


def _significant(document: str) -> list[str] | None:
    """Return names and brackets, in their order; other tokens as `.`; None where the text is no GraphQL."""
    found: list[str] = []
    at = 0
    while at < len(document):
        token = _TOKEN.match(document, at)
        if token is None:
            return None
        at = token.end()
        is_ignored = token[0][0] in "\ufeff\t\n\r ,#"
        if not is_ignored:
            found.append(token["name"] or token["mark"] or ".")
    return found
