"""The rules of `rules.toml`: what is a secret by its looks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Names of variables, placeholders, what was replaced already, numbers of a few digits: no secrets.
_PLACEHOLDER = re.compile(r"\$.*|%24.*|<.*|\{\{.*|\[redacted\].*|\*+|\.+|…|\d{1,3}|[{(|>&\[]")
_PROSE = re.compile(
    r"(?:an?|all|and|are|as|at|be|but|by|cannot|empty|expired|false|for|from|has|if|in|invalid|is|it|its|missing|must|"
    r"never|no|none|not|null|of|on|only|optional|or|read|required|see|set|that|the|there|this|to|true|try|unknown|use|"
    r"was|what|when|where|which|with|without|wrong|your?)[.,;:!?)]*"
)


@dataclass(frozen=True)
class Rule:
    """One rule, with the examples that prove it; in `secret` the secret part lies between « and »."""

    id: str
    keywords: tuple[str, ...]
    regex: str
    secret: tuple[str, ...]
    harmless: tuple[str, ...]
    prose: bool = False

    def applied(self, text: str, redacted: str, learn: Callable[[str], None]) -> str:
        """Return the text with what this rule finds replaced."""
        return re.sub(self.regex, lambda found: self._replaced(found, redacted, learn), text)

    def _replaced(self, found: re.Match[str], redacted: str, learn: Callable[[str], None]) -> str:
        if "secret" not in found.re.groupindex:
            learn(found[0])
            return redacted
        secret = found["secret"]
        if self.prose and (_PLACEHOLDER.fullmatch(secret) or _PROSE.fullmatch(secret.lower())):
            return found[0]
        if secret.rstrip("]").endswith(redacted.rstrip("]")):
            return found[0]
        learn(secret)
        start, end = (place - found.start() for place in found.span("secret"))
        return f"{found[0][:start]}{redacted}{found[0][end:]}"


@cache
def rules() -> tuple[Rule, ...]:
    """Read the rules."""
    written = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    return tuple(
        Rule(
            id=one["id"],
            keywords=tuple(one["keywords"]),
            regex=one["regex"],
            secret=tuple(one["secret"]),
            harmless=tuple(one["harmless"]),
            prose=one.get("prose", False),
        )
        for one in written["rules"]
    )


def applied(text: str, lowered: str, redacted: str, learn: Callable[[str], None]) -> str:
    """Return `text` with what looks like a secret replaced by `redacted`; `lowered` is it in lower case."""
    for rule in rules():
        if any(word in lowered for word in rule.keywords):
            text = rule.applied(text, redacted, learn)
    return text
