"""HTTP is read from servers that others wrote: ten times out of ten, however they frame their answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.http import HttpAnswer, Request, exchange
from postflight.probes.reads import reads
from selftests.rude_servers import street
from selftests.rude_town import connections, looking, resolving
from selftests.web_servers import KINDS, PAGE, Running, running

TIMES = 10


class Fetched(Evidence):
    """An answer with all of its body."""

    answer: HttpAnswer
    content: bytes


@reads("http", "dns")
def fetch(reached: Connections, method: str, url: str, ca: str) -> Fetched:
    """Make one request of any method."""
    answer, content = exchange(reached, Request(method, url), ca)
    return Fetched(answer=answer, content=content)


@pytest.fixture(scope="module")
def reached() -> Iterator[Connections]:
    """Reach name.test at 127.0.0.1."""
    with street() as opened:
        yield connections(opened.name_server(resolving))


@pytest.fixture(scope="module", params=list(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Run one server after the other."""
    try:
        with running(request.param) as made:
            yield made
    except LookupError as missing:
        pytest.skip(str(missing))


def test_pages_are_read_whole(reached: Connections, server: Running) -> None:
    """With a length, chunked, encoded, ended by closing, in HTTP/1.0; plain and under TLS."""
    for scheme in server.kind.schemes:
        for path in server.kind.pages:
            for _ in range(TIMES):
                seen = looking(reached, fetch, "GET", server.url(scheme, path), str(server.ca))()
                assert (seen.answer.problem, seen.answer.status) == (None, 200), f"{scheme} {path}"
                assert seen.content == PAGE, f"{scheme} {path}"
                assert 0 < seen.answer.connect_s <= seen.answer.first_byte_s <= seen.answer.seconds


def test_answers_without_a_body_are_answers(reached: Connections, server: Running) -> None:
    """HEAD, 204 and 304 end with their head, whatever length they state."""
    for scheme in server.kind.schemes:
        asked = [
            ("HEAD", "page", 200),
            *(("GET", path, status) for path, status in server.kind.empty.items()),
        ]
        for method, path, status in asked:
            for _ in range(TIMES):
                seen = looking(reached, fetch, method, server.url(scheme, path), str(server.ca))()
                assert (seen.answer.problem, seen.answer.status) == (None, status), f"{method} {path}"
                assert seen.content == b""
