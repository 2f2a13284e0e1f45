"""What looks like a secret by what stands around it: logins in URLs, and values that are named like one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from postflight.redaction import rules

REDACTED = "[redacted]"

# What stands for a value and is none: a variable of the shell, a placeholder, a secret that was replaced.
_PLACEHOLDER = (
    r"(?:\$\([a-z]+\s"
    r"|(?:(?-i:\$[A-Z_][A-Z0-9_]*)|\$\{\w+(?::?[-=?+][^\s}]*)?\}|<[\w .-]+>)(?![^\s\"'`&|,;:)}\]\\])"
    r"|\[redacted\](?:[\s&<>`\"'|;)}\]\\]|[,.:!?…]*(?:\s|$)))"
)
# A sentence goes on after its colon, and a structure after its name.
_PROSE = (
    r"(?:(?:an?|and|are|as|at|bool|but|by|cannot|does|empty|expired|false|for|from|has|in|invalid|is|its?|missing|"
    r"must|never|no|none|not|null|of|on|only|optional|or|read|required|see|set|str|that|the|there|this|to|true|"
    r"unknown|use|was|what|when|where|which|with|without|write|wrong|your?)(?![^\s,.;:!?)'\"}\]])|[{(|>&*]|\[(?:\s|\]|['\"{]))"
)
_QUOTED = r"""(?:"(?:\\.|[^"\\\n])*(?:"|$|(?=\n))|'(?:\\.|[^'\\\n])*(?:'|$|(?=\n)))"""
# Up to a blank, but for the marks of what it stands in.
_BARE = r"""\S*[^\s`"',.;:)}\]>…]"""

_URL = re.compile(r"(?<=://)(?:(?!://)\S)+")
_END_OF_URL = re.compile(r"""["<>`]""")
_AT = re.compile(r"@(?!sha\d+:)")
# A port is no password, and a path no name.
_LOGIN = re.compile(
    r"""(?!git$)(?:[^\s/?#@:"'<>`,;]*:(?!\d{1,5}(?:[/?#"'<>`,;]|$))|[^\s/?#"'<>`,;@]+(?:@|$))"""
)
_QUERY = re.compile(
    r"(?i)(?P<name>[?&][^=&\s]{0,99}(?:passw|secret|token|key|signature|credential|sig)[^=&\s]{0,99}=)(?!=)"
    rf"(?!{_PLACEHOLDER})[^&\s\"#]*[^&\s\"#`',.;:)}}\]>…]"
)
_NAMED = r"(?:passw(?:or)?d|pwd|secret|token|api_?key|credential)[\w.-]{0,99}"
# Nothing but the secret itself is called so: `saleor-db-secret` and `secret` may be the names of Secrets.
_CALLED = (
    r"(?:passw(?:or)?d|passphrase|pwd|token|(?:api|access|secret|private|auth|signing|encryption)[_-]?key"
    r"|(?:client-?|_)secret|(?-i:SECRET|[a-z]Secret))"
)
_ASSIGNMENT = re.compile(rf"(?i)(?P<name>{_NAMED}=)(?![\"']|{_PLACEHOLDER}){_BARE}")
_SETTING = re.compile(
    rf"(?i)(?P<name>{_CALLED}(?:=(?=[\"'])|[ \t]+=[ \t]+|:[ \t]+))"
    rf"(?![\"']?{_PLACEHOLDER}|{_PROSE})(?:{_QUOTED}|{_BARE})"
)
_MEMBER = re.compile(
    rf"""(?is)(?P<name>(?<!\\)(?P<quote>["'])[\w.-]{{0,99}}{_NAMED}(?P=quote)\s*:\s*)(?P<mark>["'])"""
    r"""(?:\\.|(?!(?P=mark))[^\\])+(?P=mark)"""
)
_ESCAPED_MEMBER = re.compile(
    rf"""(?is)(?P<name>(?P<mark>\\["'])[\w.-]{{0,99}}{_NAMED}(?P=mark)\s*:\s*)(?P=mark)(?:\\\\\\.|(?!(?P=mark)).)+(?P=mark)"""
)
_NUMBER = re.compile(rf"""(?i)(?P<name>(?P<quote>\\?["'])[\w.-]{{0,99}}{_CALLED}(?P=quote)\s*:\s*)\d{{4,}}""")
_SCHEME = "(?:bearer|basic|token|key|apikey|digest|negotiate)"
_HEADER = re.compile(
    r"(?i)(?P<name>\bauthorization['\"]?[ \t]*[:=][ \t]*['\"]?"
    rf"(?!(?:{_SCHEME} )?(?:{_PLACEHOLDER}|{_PROSE}))(?:{_SCHEME} )?)"
    rf"{_BARE}"
)
_CREDENTIAL = re.compile(r"(?i)(?P<name>\b(?:bearer|basic) )[a-z0-9+/=_.~-]{16,}")
# Looked for first: a pattern is slow, and most texts hold none of these.
_TELLTALES = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential", "sig")
# Keys of policy conditions that are shared secrets: their values, wherever they lie.
_CONFIDENTIAL = frozenset({"aws:referer", "sts:externalid"})
_VALUES = frozenset({"value", "values"})
_BREAK = re.compile(r"""[\s"'`,;&=<>(){}\[\]]""")


def _forget(_: str) -> None:
    """Learn nothing."""


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """Return JSON-able data with `redact` applied to every text in it; keys are ours and stay.

    What stands beside the key of a confidential condition of a policy is replaced as a whole.
    """
    # Most data holds nothing to replace, and one long text is searched much faster than many short ones.
    joined = "\n".join(dict.fromkeys(_texts(value)))
    return value if not _names_hidden(joined) and redact(joined) == joined else _redacted(value, redact)


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        is_hidden = str(value.get("key", "")).lower() in _CONFIDENTIAL
        return {
            key: _hidden(item) if is_hidden and key in _VALUES else _redacted(item, redact)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _names_hidden(text: str) -> bool:
    lowered = text.lower()
    return any(key in lowered for key in _CONFIDENTIAL)


def _hidden(value: Any) -> Any:
    return [REDACTED for _ in value] if isinstance(value, list | tuple) else REDACTED


def masked(text: str, learn: Callable[[str], None] = _forget) -> str:
    """Return `text` without what looks like a secret.

    Those are logins in URLs, tokens in queries and headers, values that are named like secrets
    (`password=…`, `password: …`, `"token": "…"`), and what `rules.toml` describes. `learn` gets each.
    """
    replaced = partial(_replaced, learn=learn)
    if "://" in text and "@" in text:
        text = _URL.sub(partial(_without_login, learn=learn), text)
    lowered = text.lower()
    if any(word in lowered for word in _TELLTALES):
        if "=" in text:
            text = _QUERY.sub(replaced, text)
            text = _ASSIGNMENT.sub(replaced, text)
        if ":" in text and ('"' in text or "'" in text):
            text = _MEMBER.sub(replaced, text)
            text = _ESCAPED_MEMBER.sub(replaced, text)
            text = _NUMBER.sub(replaced, text)
        if "=" in text or ":" in text:
            text = _SETTING.sub(replaced, text)
    text = rules.applied(text, lowered, REDACTED, learn)
    text = _CREDENTIAL.sub(replaced, text)
    return _HEADER.sub(replaced, text) if "authorization" in lowered else text


def _replaced(found: re.Match[str], learn: Callable[[str], None]) -> str:
    """Replace what follows the name; marks around a quoted value stay."""
    mark = found.groupdict().get("mark") or ""
    learn(found[0][len(found["name"]) :].strip("\"'\\"))
    return f"{found['name']}{mark}{REDACTED}{mark}"


def _without_login(found: re.Match[str], learn: Callable[[str], None]) -> str:
    """Replace a URL's login up to the last @: a password may hold one, and a slash too."""
    address = found[0]
    quoted = _END_OF_URL.split(address, maxsplit=1)[0]
    for text in dict.fromkeys((quoted, address)):
        ends = [at.start() for at in _AT.finditer(text)]
        if ends and _LOGIN.match(text[: ends[-1]]):
            learn(address[: ends[-1]].partition(":")[2] or address[: ends[-1]])
            return REDACTED + address[ends[-1] :]
    return address


def cut_short(text: str, most: int) -> str:
    """Return at most so many characters of a text, and no part of a word: half a secret is not recognised."""
    if len(text) <= most:
        return text
    breaks = [found.start() for found in _BREAK.finditer(text, 0, most + 1)]
    return f"{text[: breaks[-1]]}…" if breaks else "…"
