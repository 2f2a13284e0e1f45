"""Every HTTP operation against every odd answer: never green, never a traceback, never a hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from postflight.evidence import Unverified
from postflight.probes import http
from postflight.probes.connections import Connections
from postflight.probes.http import Crossing, GraphqlAnswer, HttpAnswer, Query
from postflight.subjects.app import PRODUCTS, SHOP
from postflight.subjects.cors import ForeignPreflight, Preflight, SharedAnswer
from selftests.odd_answers import BROKEN, CONTENTS, behaviours, flood
from selftests.rude_servers import Street, street
from selftests.rude_town import connections, looking, resolving

ORIGIN = "https://shop.test"
LONGEST_S = 14.0


@dataclass(frozen=True)
class Operation:
    """How a check asks, and whether it is green on what it got."""

    ask: Callable[[Connections, str], Any]
    is_green: Callable[[Any], bool]
    reads_content: bool = True


def _crossing(url: str) -> Crossing:
    return Crossing(url=url, origin=ORIGIN, method="POST", headers=("content-type",))


def _query(text: str, origin: str | None = None) -> Callable[[Connections, str], Any]:
    return lambda reached, url: looking(
        reached, http.graphql, Query(url=url, text=text, origin=origin, limit_s=3)
    )()


def _is_answered(answer: HttpAnswer) -> bool:
    return answer.problem is None and answer.status is not None and answer.status < 500


def _names_the_shop(answer: GraphqlAnswer) -> bool:
    name = answer.value("shop", "name")
    return isinstance(name, str) and name != ""


OPERATIONS = {
    "get": Operation(
        lambda reached, url: looking(reached, http.get, url)(), _is_answered, reads_content=False
    ),
    "get from an origin": Operation(
        lambda reached, url: looking(reached, http.get, url, None, ORIGIN)(),
        lambda answer: SharedAnswer(origin=ORIGIN, answer=answer).is_readable,
    ),
    "preflight": Operation(
        lambda reached, url: looking(reached, http.preflight, _crossing(url))(),
        lambda answer: Preflight(crossing=_crossing(ORIGIN), answer=answer).refusal is None,
    ),
    "foreign preflight": Operation(
        lambda reached, url: looking(reached, http.preflight, _crossing(url))(),
        lambda answer: ForeignPreflight(crossing=_crossing(ORIGIN), answer=answer).is_judged,
        reads_content=False,
    ),
    "shop": Operation(_query(SHOP), _names_the_shop),
    "products": Operation(
        _query(PRODUCTS), lambda answer: isinstance(answer.value("products", "edges"), list)
    ),
    "shop from an origin": Operation(
        _query(SHOP, ORIGIN), lambda answer: SharedAnswer(origin=ORIGIN, answer=answer.http).is_readable
    ),
}


@dataclass(frozen=True)
class Seen:
    """What came of one pair."""

    operation: str
    answer: str
    evidence: Any
    seconds: float

    @property
    def is_green(self) -> bool:
        """Whether a check would have passed."""
        return not isinstance(self.evidence, Exception) and OPERATIONS[self.operation].is_green(self.evidence)


def _look(operation: str, answer: str, reached: Connections, port: int) -> Seen:
    began = time.monotonic()
    evidence: Any
    try:
        evidence = OPERATIONS[operation].ask(reached, f"http://name.test:{port}/")
    except Exception as error:  # noqa: BLE001 - counted by the test
        evidence = error
    return Seen(operation, answer, evidence, time.monotonic() - began)


@pytest.fixture(scope="module")
def opened() -> Iterator[Street]:
    """Open a street for all."""
    with street() as made:
        yield made


@pytest.fixture(scope="module")
def every(opened: Street) -> list[Seen]:
    """Put every operation to every answer."""
    reached = connections(opened.name_server(resolving))
    contents = {name: opened.house(opened.speaks(words)) for name, words in CONTENTS.items()}
    contents["100 MB"] = opened.house(flood)
    broken = {name: opened.house(opened.speaks(words)) for name, words in BROKEN.items()}
    broken |= {name: opened.house(behaviour) for name, behaviour in behaviours(opened).items()}
    pairs = [(one, name, port) for one in OPERATIONS for name, port in broken.items()]
    pairs += [
        (one, name, port)
        for one, operation in OPERATIONS.items()
        if operation.reads_content
        for name, port in contents.items()
    ]
    with ThreadPoolExecutor(100) as pool:
        waiting = [pool.submit(_look, one, name, reached, port) for one, name, port in pairs]
        return [each.result() for each in waiting]


def test_odd_answers_are_never_green(every: list[Seen]) -> None:
    """Nor a traceback, nor a hang: each is evidence that says what came, or unverified."""
    green = [(one.operation, one.answer) for one in every if one.is_green]
    broken = [
        (one.operation, one.answer, repr(one.evidence))
        for one in every
        if isinstance(one.evidence, Exception) and not isinstance(one.evidence, Unverified)
    ]
    hanging = [(one.operation, one.answer, one.seconds) for one in every if one.seconds > LONGEST_S]
    answers = {one.answer for one in every}
    print(
        f"{len(OPERATIONS)} operations x {len(answers)} answers: "
        f"{len(green)} green, {len(broken)} tracebacks, {len(hanging)} hangs"
    )
    assert (green, broken, hanging) == ([], [], [])
    assert len(every) > 250


def test_what_is_no_answer_is_said_in_one_line(every: list[Seen]) -> None:
    """Whoever reads it knows what the server did, and needs no log of ours."""
    answers = [getattr(one.evidence, "http", one.evidence) for one in every if one.answer in BROKEN]
    assert len(answers) == len(BROKEN) * len(OPERATIONS)
    for answer in answers:
        assert answer.kind in ("closed", "garbage"), answer
        assert "name.test" in answer.problem
        assert "\n" not in answer.problem


def test_content_of_a_page_is_not_judged(opened: Street) -> None:
    """A first page may be anything; that it came is the fact."""
    reached = connections(opened.name_server(resolving))
    for name, words in CONTENTS.items():
        port = opened.house(opened.speaks(words))
        seen = looking(reached, http.get, f"http://name.test:{port}/")()
        assert (seen.problem, seen.status is None) == (None, False), name
