"""CORS is judged as browsers judge it (Fetch standard)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from postflight.environment import Account, Api, Environment
from postflight.evidence import Looking, Unverified
from postflight.probes.http import Crossing, HttpAnswer
from postflight.subjects import Ask, rows
from postflight.subjects.cors import ForeignPreflight, Preflight, SharedAnswer
from selftests.aws_looks import connections

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


class Origins:
    """Answers to preflights, by the origin that asks."""

    renewals = 0

    def __init__(self, answers: Mapping[str, HttpAnswer]) -> None:
        self._answers = answers

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return what an API answered to the origin of this preflight."""
        del since
        return self._answers[json.loads(looking.question.arguments)["crossing"]["origin"]]


def foreign_preflight(to_own: HttpAnswer, to_foreign: HttpAnswer) -> ForeignPreflight:
    """Look at a foreign preflight as a run does, of an API with one declared origin."""
    api = Api(
        name="a", url="https://api.example/", service="api", origins={"shop": ORIGIN}, methods=("PATCH",)
    )
    environment = Environment(name="e", aws=Account(account="123456789012", region="x"))
    ask = Ask(Origins({ORIGIN: to_own, api.foreign_origin: to_foreign}), connections("http://127.0.0.1:1"))
    found = rows()["foreign_preflight"].look(ask, environment, api)
    assert isinstance(found, ForeignPreflight)
    return found


@pytest.mark.parametrize("status", [400, 403, 500])
def test_api_that_refuses_foreign_origins_by_an_error_is_right(status: int) -> None:
    """Some frameworks answer them with 403: as it lets its own page in, the answer is the API's own."""
    seen = foreign_preflight(answer(GOOD), answer({}, status))
    assert (seen.is_judged, seen.lets_in) == (True, False)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_what_refuses_every_origin_is_not_taken_for_a_rule_of_the_api(status: int) -> None:
    """A firewall, a wrong path, an application that is down: nothing was learnt of who is let in."""
    with pytest.raises(Unverified, match=f"HTTP {status} .*lets in no declared origin"):
        foreign_preflight(answer({}, status), answer({}, status))
