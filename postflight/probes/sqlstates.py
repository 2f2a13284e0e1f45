"""What PostgreSQL's SQLSTATE codes say of a server (PostgreSQL documentation, appendix A).

The words beside a code are in the server's language (`lc_messages`): they are quoted, never judged.
"""

from __future__ import annotations

import re
from typing import Literal

from postflight.evidence import Unverified

LoginKind = Literal[
    "unreachable", "silent", "certificate", "no tls", "host rule", "password", "no database", "not permitted",
    "busy", "starting", "stopping", "no table", "other",
]  # fmt: skip

_MEANINGS: dict[str, tuple[LoginKind, str]] = {
    "28P01": ("password", "refuses the user or the password"),
    "28000": ("host rule", "refuses this user or address by its rules"),
    "3D000": ("no database", "has no such database"),
    "42501": ("not permitted", "denies the user this database"),
    "42P01": ("no table", "has no such table"),
    "53300": ("busy", "accepts no more connections"),
    "53400": ("busy", "has reached a limit of its configuration"),
    "57P01": ("stopping", "ends its connections"),
    "57P02": ("stopping", "ends its connections after a crash"),
    "57P03": ("starting", "takes no logins now: it is starting, recovering or stopping"),
    "25006": ("other", "is read-only"),
}
_CLASSES = {
    "08": "refuses the connection",
    "53": "has run out of a resource",
    "57": "is being stopped or started",
    "58": "has trouble with its own system",
    "XX": "has an internal error",
}
_NOT_OURS_TO_ASK = {
    "0A000": "does not support what this client asks for",
    "57014": "cancelled the query before it was answered",
}
# PgBouncer speaks English only, and says 08P01 of everything; this one is about the client, not the login.
_OF_THE_CLIENT = re.compile(r"startup parameter|command-line options", re.IGNORECASE)


class RefusedError(Exception):
    """A server, or its absence, is why there is no answer. `sqlstate`: the code that it gave, if any."""

    def __init__(self, kind: LoginKind, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.kind: LoginKind = kind
        self.sqlstate = sqlstate


def refusal(sqlstate: str, words: str, peer: str, *, is_encrypted: bool) -> RefusedError | Unverified:
    """Return what an error of a server means: why it refuses, or that it could not be asked by us.

    `words`: the server's own, redacted already.
    """
    said = f"({sqlstate}: {words.rstrip('.')})"
    if sqlstate in _NOT_OURS_TO_ASK or _OF_THE_CLIENT.search(words):
        meaning = _NOT_OURS_TO_ASK.get(sqlstate, _NOT_OURS_TO_ASK["0A000"])
        return Unverified(f"{peer} {meaning} {said}.")
    kind, meaning = _MEANINGS.get(sqlstate, ("other", _CLASSES.get(sqlstate[:2], "answered an error")))
    if kind == "host rule" and not is_encrypted:
        meaning = "refuses this user or address, or a login without TLS, by its rules"
    return RefusedError(kind, f"{peer} {meaning} {said}", sqlstate)
