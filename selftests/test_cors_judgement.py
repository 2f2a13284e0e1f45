"""CORS is judged as browsers judge it (Fetch standard)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from postflight.probes.http import Crossing, HttpAnswer
from postflight.subjects.cors import ForeignPreflight, Preflight, SharedAnswer

ORIGIN = "https://shop.example"
GOOD = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-methods": "GET, POST, PATCH",
    "access-control-allow-headers": "Content-Type, Authorization",
}


def answer(headers: Mapping[str, str], status: int | None = 200, problem: str | None = None) -> HttpAnswer:
    """Return what an API answered."""
    return HttpAnswer(
        method="OPTIONS", url="https://api.example/", status=status, headers=headers, seconds=0.1,
        problem=problem,
    )  # fmt: skip


def preflight(headers: Mapping[str, str], status: int = 200, method: str = "PATCH") -> Preflight:
    """Return a preflight that asked for `method` with a token and JSON."""
    crossing = Crossing(
        url="https://api.example/", origin=ORIGIN, method=method, headers=("content-type", "authorization")
    )
    return Preflight(crossing=crossing, answer=answer(headers, status))


def test_a_preflight_that_grants_everything_passes() -> None:
    """The healthy case."""
    assert preflight(GOOD).refusal is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"access-control-allow-origin": None}, "no Access-Control-Allow-Origin"),
        ({"access-control-allow-origin": "https://other.example"}, "other.example"),
        ({"access-control-allow-origin": ORIGIN + "/"}, "Access-Control-Allow-Origin is"),
        ({"access-control-allow-origin": f"{ORIGIN}, {ORIGIN}"}, "Access-Control-Allow-Origin is"),
        ({"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}, "is '*'"),
        ({"access-control-allow-methods": "GET, POST"}, "method PATCH"),
        ({"access-control-allow-methods": "patch"}, "method PATCH"),
        ({"access-control-allow-headers": "content-type"}, "authorization"),
        ({"access-control-allow-headers": "*"}, "authorization"),
        ({"access-control-allow-headers": None}, "content-type, authorization"),
    ],
)
def test_a_preflight_that_lacks_something_is_refused(changed: Mapping[str, str | None], words: str) -> None:
    """Each of these a browser refuses, whatever the API meant by it."""
    headers = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    assert words in str(preflight(headers).refusal)


@pytest.mark.parametrize(
    "changed",
    [
        {"access-control-allow-origin": "*"},
        {"access-control-allow-methods": "*"},
        {"access-control-allow-headers": "*, authorization"},
        {"access-control-allow-headers": "CONTENT-TYPE,AUTHORIZATION"},
    ],
)
def test_a_preflight_that_grants_enough_passes(changed: Mapping[str, str]) -> None:
    """What a browser lets through is no finding."""
    assert preflight({**GOOD, **changed}).refusal is None


def test_simple_methods_need_not_be_listed() -> None:
    """GET, HEAD and POST are safe by the standard."""
    headers = {name: value for name, value in GOOD.items() if not name.endswith("methods")}
    assert preflight(headers, method="POST").refusal is None


@pytest.mark.parametrize("status", [301, 403, 404, 500, 502])
def test_a_preflight_answered_with_an_error_is_refused(status: int) -> None:
    """Headers do not help where the status is not 2xx."""
    assert str(status) in str(preflight(GOOD, status).refusal)


def test_an_answer_without_the_header_cannot_be_read() -> None:
    """A preflight alone does not let the page read the answer."""
    assert SharedAnswer(origin=ORIGIN, answer=answer(GOOD, 500)).is_readable
    assert not SharedAnswer(origin=ORIGIN, answer=answer({}, 200)).is_readable


@pytest.mark.parametrize("value", ["https://foreign.example", "*"])
def test_an_echoed_foreign_origin_is_let_in(value: str) -> None:
    """`*` and an echo both open the API to every page."""
    seen = foreign(answer({"access-control-allow-origin": value}))
    assert seen.lets_in
    assert seen.is_judged


@pytest.mark.parametrize("broken", [answer({}, 502), answer({}, 504), answer({}, None, "refused")])
def test_a_gateway_error_says_nothing_of_foreign_origins(broken: HttpAnswer) -> None:
    """An API that is down refuses everybody: that proves nothing of its CORS rules."""
    assert not foreign(broken).is_judged


def foreign(got: HttpAnswer) -> ForeignPreflight:
    """Return the preflight of an undeclared origin."""
    crossing = Crossing(url="https://api.example/", origin="https://foreign.example", method="POST")
    return ForeignPreflight(crossing=crossing, answer=got)
