"""How a browser judges what a server answers to a page of another origin (Fetch standard, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from postflight.concern import OwnWords
from postflight.evidence import Evidence
from postflight.probes.http import Crossing, HttpAnswer

_ALLOW_ORIGIN = "access-control-allow-origin"
_ALLOW_CREDENTIALS = "access-control-allow-credentials"
_FIRST_ERROR = 400
_SAFE_METHODS = {"GET", "HEAD", "POST"}
# `*` never stands for this one.
_NEVER_WILD = "authorization"


class Preflight(Evidence):
    """One preflight, and what came back."""

    crossing: Crossing
    answer: HttpAnswer

    @property
    def is_ok(self) -> bool:
        """Whether it was answered with what Fetch calls an ok status."""
        return self.answer.status is not None and 200 <= self.answer.status <= 299  # noqa: PLR2004

    @property
    def refusal(self) -> str | None:
        """Why a browser would not send the request; None if it would."""
        crossing, answer = self.crossing, self.answer
        if not self.is_ok:
            return f"the preflight got {answer.said}"
        if not shares_with(answer.headers, crossing.origin):
            return _origin_refusal(answer.headers)
        if not _allows(answer.headers, "access-control-allow-methods", crossing.method, _SAFE_METHODS):
            allowed = answer.headers.get("access-control-allow-methods", "none")
            return f"method {crossing.method} is not among the allowed methods ({allowed})"
        refused = [
            name
            for name in crossing.headers
            if not _allows(answer.headers, "access-control-allow-headers", name, set())
        ]
        return f"headers not allowed: {', '.join(refused)}" if refused else None


class Preflights(OwnWords):
    """The preflights of one origin: one a method."""

    items: tuple[Preflight, ...]

    @property
    def is_said(self) -> bool:
        """Whether the API answered each of them, so that what it refuses is its own rule."""
        return all(item.is_ok for item in self.items)

    @property
    def refusals(self) -> tuple[str, ...]:
        """What a browser would refuse, and why."""
        return tuple(f"{item.crossing.method}: {item.refusal}" for item in self.items if item.refusal)


class SharedAnswer(Evidence):
    """An answer that a page of another origin wants to read."""

    origin: str
    answer: HttpAnswer

    @property
    def is_readable(self) -> bool:
        """Whether a browser lets the page read it."""
        return self.answer.problem is None and shares_with(self.answer.headers, self.origin)

    @property
    def refusal(self) -> str:
        """Why a browser would not."""
        return self.answer.problem or f"{self.answer.said}; {_origin_refusal(self.answer.headers)}"


class ForeignPreflight(OwnWords):
    """The preflight of an origin that nobody declared."""

    crossing: Crossing
    answer: HttpAnswer

    @property
    def is_said(self) -> bool:
        """Whether the API let the origin in, which no gateway's error page does."""
        return self.is_judged and self.lets_in

    @property
    def is_judged(self) -> bool:
        """Whether the API itself answered: a gateway's error page says nothing of its CORS rules."""
        return self.answer.problem is None and not self.answer.is_gateway_error

    @property
    def is_refused_with_an_error(self) -> bool:
        """Whether it was answered with an error, as some APIs refuse an origin, and firewalls everything."""
        status = self.answer.status
        return self.is_judged and not self.lets_in and status is not None and status >= _FIRST_ERROR

    @property
    def lets_in(self) -> bool:
        """Whether a browser would let the foreign page in."""
        value = self.answer.headers.get(_ALLOW_ORIGIN, "").strip()
        return value in ("*", self.crossing.origin)

    @property
    def with_credentials(self) -> bool:
        """Whether it would even send the user's cookies along."""
        return self.answer.headers.get(_ALLOW_CREDENTIALS, "").strip() == "true"


def shares_with(headers: Mapping[str, str], origin: str) -> bool:
    """Whether an answer is shared with `origin`: named exactly, or `*` without credentials."""
    value = headers.get(_ALLOW_ORIGIN, "").strip()
    wants_credentials = headers.get(_ALLOW_CREDENTIALS, "").strip() == "true"
    return value == origin or (value == "*" and not wants_credentials)


def _origin_refusal(headers: Mapping[str, str]) -> str:
    value = headers.get(_ALLOW_ORIGIN)
    if value is None:
        return "no Access-Control-Allow-Origin"
    return f"Access-Control-Allow-Origin is {value!r}"


def _allows(headers: Mapping[str, str], list_name: str, wanted: str, always: set[str]) -> bool:
    is_method = list_name.endswith("methods")
    listed = [item.strip() for item in headers.get(list_name, "").split(",")]
    if wanted in always:
        return True
    if is_method and wanted in listed:
        return True
    if not is_method and wanted.lower() in (item.lower() for item in listed):
        return True
    is_wild = "*" in listed and headers.get(_ALLOW_CREDENTIALS, "").strip() != "true"
    return is_wild and wanted.lower() != _NEVER_WILD
