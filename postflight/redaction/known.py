"""The secret values that a run has met, in every form in which text may hold them."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote

from postflight.redaction.control import visible
from postflight.redaction.names import is_public, is_secret_name
from postflight.redaction.patterns import REDACTED, cut_short, masked

ELLIPSIS = "…"
_SHORTEST = 4
_SHORTEST_BASE64 = 8
_SHORTEST_LOOK = 10
_SHORTEST_KEY = 16
# Not `cart-service`: what is known by its looks alone may be a name.
_RANDOM = re.compile(r"[A-Za-z].*\d|\d.*[A-Za-z]|[a-z].*[A-Z]|[A-Z].*[a-z]", re.DOTALL)
# Parts of a value that a cut or a renderer has left: shorter ones are everyday words, and tell little.
_PART = 6
_WINDOW = 8
# What a value is broken up with: lines by pprint and diffs, dots by reprlib.
_BROKEN = ("\n", "...", ELLIPSIS)
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
# In a document: `DB_PASSWORD=value`, `export TOKEN="value"`, `password: value`, `"secret": "value",`.
_SETTING = re.compile(
    r"""(?:export\s+|-\s+)?["']?(?P<name>[A-Za-z_][\w.-]*)["']?\s*[:=]\s*(?P<mark>["']?)(?P<value>.+?)(?P=mark),?"""
)
# A line of PEM or base64; and a token, which has letters of both cases and a digit.
_KEY = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_TOKEN = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[^\s:/]{12,}")
_LOGIN = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
# From so many forms on, it is faster to look up the parts of a text than to search it for each form.
_MANY = 500


class Secrets:
    """Every secret value of a run, so that none of them leaves the process. Safe to use from any thread."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        # Text is redacted far more often than a secret is met: longest form first, lengths for bisection.
        self._forms = _Forms([], [], {})
        self._looks: set[str] = set()
        self._windows: frozenset[str] | None = None
        self.update(values)

    def add(self, value: str) -> str:
        """Remember a secret value, without blanks around it, and each of its lines; return it as given."""
        self.update((value,))
        return value

    def update(self, values: Iterable[str]) -> None:
        """Remember several values at once."""
        found = {part for value in values for part in _parts(value)}
        with self._lock:
            added = found - self._values
            if not added:
                return
            self._values |= added
            self._forms = self._forms.with_more({form for value in added for form in _forms(value)})
            self._windows = None

    def values(self) -> list[str]:
        """Return what is remembered, for the process that writes the reports."""
        with self._lock:
            return sorted(self._values)

    def redact(self, text: str) -> str:
        """Return `text` without known secrets, what looks like one, and control characters."""
        forms = self._forms
        for form in forms.candidates(text):
            if form in text:
                text = text.replace(form, REDACTED)
        if ELLIPSIS in text:
            text = _without_cut_parts(text, forms.longest_first)
        return visible(masked(text, self._learn))

    def redact_rendered(self, text: str) -> str:
        """Return a text that pytest rendered without secrets: pprint and reprlib break values into parts."""
        text = self.redact(text)
        if not any(mark in text for mark in _BROKEN):
            return text
        windows = self._all_windows()
        hits = [at for at in range(len(text) - _WINDOW + 1) if text[at : at + _WINDOW] in windows]
        kept: list[str] = []
        end = 0
        for at in hits:
            if at >= end:
                kept += (text[end:at], REDACTED)
            end = at + _WINDOW
        return "".join((*kept, text[end:])) if hits else text

    def short(self, text: str, most: int) -> str:
        """Return a text without secrets, and only then no longer than so many characters."""
        return cut_short(self.redact(text), most)

    def end(self, text: str, most: int) -> str:
        """Return the last `most` characters of a text without secrets, from the beginning of a word."""
        return cut_short(self.redact(text)[::-1], most)[::-1]

    def _learn(self, value: str) -> None:
        """Remember what only looks like a secret, to recognise its parts where pytest renders it."""
        if len(value) >= _SHORTEST_LOOK and _RANDOM.search(value) and value not in self._looks:
            with self._lock:
                self._looks.add(value)
                self._windows = None

    def _all_windows(self) -> frozenset[str]:
        with self._lock:
            if self._windows is None:
                looks = (form for value in self._looks for form in _forms(value))
                self._windows = frozenset(
                    window
                    for form in (*self._forms.longest_first, *looks)
                    if not _is_structured(form)
                    for window in _windows_of(form)
                )
            return self._windows


@dataclass(frozen=True)
class _Forms:
    """All forms of all values, and where to look for them: by length, and by their first characters."""

    longest_first: list[str]
    lengths: list[int]
    by_start: dict[str, list[str]]

    def with_more(self, forms: Iterable[str]) -> _Forms:
        """Return these and more; a thread that is reading keeps what it has."""
        longest_first, lengths = self.longest_first.copy(), self.lengths.copy()
        by_start = self.by_start.copy()
        for form in forms:
            start = form[:_SHORTEST]
            if form in by_start.get(start, ()):
                continue
            at = bisect_right(lengths, -len(form))
            longest_first.insert(at, form)
            lengths.insert(at, -len(form))
            by_start[start] = [*by_start.get(start, ()), form]
        return _Forms(longest_first, lengths, by_start)

    def candidates(self, text: str) -> list[str]:
        """Return the forms that a text may hold, longest first."""
        if len(self.longest_first) < _MANY:
            return self.longest_first[bisect_left(self.lengths, -len(text)) :]
        parts = {text[at : at + _SHORTEST] for at in range(len(text) - _SHORTEST + 1)}
        found = (form for part in parts & self.by_start.keys() for form in self.by_start[part])
        return sorted(found, key=len, reverse=True)


def _parts(value: str) -> Iterator[str]:
    """Yield what is secret of a value: itself, without blanks around it, and what is so of its lines."""
    for part in (value, value.strip(), *_lines(value.strip())):
        if len(part.strip()) >= _SHORTEST and part not in REDACTED:
            yield part


def _lines(value: str) -> Iterator[str]:
    """Yield the lines of keys and tokens, and the values of what is called like a secret.

    Other lines of a document are hosts, regions and switches, of which every report is full.
    """
    lines = [line.strip() for line in value.splitlines()]
    shortest = _SHORTEST_BASE64 if "-----BEGIN" in value else _SHORTEST_KEY
    for line in lines if len(lines) > 1 else ():
        if _KEY.fullmatch(line) and len(line) >= shortest and _RANDOM.search(line):
            yield line
        elif found := _SETTING.fullmatch(line):
            name, told = found["name"], found["value"]
            if (is_secret_name(name) and not is_public(name, told)) or _TOKEN.fullmatch(told):
                yield told
        elif _TOKEN.fullmatch(line):
            yield line
        yield from _LOGIN.findall(line)


def _forms(value: str) -> Iterator[str]:
    """Yield a value as URLs, JSON, Python, shells, XML and base64 write it."""
    yield value
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield encoded
        yield _ESCAPE.sub(lambda found: found[0].lower(), encoded)
        yield encoded.replace("%", "%25")
    for text in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield shlex.quote(value).removeprefix("'").removesuffix("'")
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)
    for text in (html.escape(value, quote=False), html.escape(value)):
        yield text
        yield text.replace("&#x27;", "&apos;")
        yield text.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield visible(value)
    yield from _base64(value.encode(errors="surrogateescape"))


def _base64(value: bytes) -> Iterator[str]:
    """Yield the characters that a value alone decides in base64, wherever in a longer text it begins."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value).decode()
        # Characters at both ends are made of the neighbours' bits too.
        encoded = encoded.rstrip("=")
        whole = encoded[(0, 2, 3)[before] : len(encoded) - (1 if (before + len(value)) % 3 else 0)]
        if len(whole) >= _SHORTEST_BASE64:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


def _without_cut_parts(text: str, forms: Iterable[str]) -> str:
    """Replace what a cut has left of a known value on either side of an ellipsis."""
    pieces = text.split(ELLIPSIS)
    for form in forms:
        if len(form) > _PART:
            pieces = [
                *(_without_head(piece, form) for piece in pieces[:-1]),
                pieces[-1],
            ]
            pieces = [pieces[0], *(_without_tail(piece, form) for piece in pieces[1:])]
    return ELLIPSIS.join(pieces)


def _without_head(piece: str, form: str) -> str:
    """Replace the beginning of a value at the end of a piece."""
    at = piece.rfind(form[:_PART], -len(form) if len(form) < len(piece) else 0)
    return piece[:at] + REDACTED if at >= 0 and form.startswith(piece[at:]) else piece


def _without_tail(piece: str, form: str) -> str:
    """Replace the end of a value at the beginning of a piece."""
    end = piece.find(form[-_PART:], 0, len(form)) + _PART
    return REDACTED + piece[end:] if end >= _PART and form.endswith(piece[:end]) else piece


def _is_structured(form: str) -> bool:
    """Whether a value is a URL or a document: its password is a value of its own, its host no secret."""
    return "://" in unquote(unquote(form)) or form.lstrip().startswith(("{", "["))


def _windows_of(form: str) -> Iterator[str]:
    """Yield the parts by which a value is recognised in pieces; but not words within it (`password-1`)."""
    is_word = form.isalpha()
    for at in range(len(form) - _WINDOW + 1):
        window = form[at : at + _WINDOW]
        if is_word or not (window.isalpha() and window.islower()):
            yield window
