"""Every look at a cache, answered in every odd way: never green, in time, without a traceback or a secret."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from postflight.environment import Environment
from postflight.evidence import Unverified
from postflight.probes.aws import elasticache
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.redis import Ping, RedisServer, look, ping
from postflight.probes.redis_client import Login, login_in
from postflight.subjects import Ask, app
from sandbox.network.certificates import Authority, Certificate
from selftests.kubernetes_runs import over_tls
from selftests.odd_redis_answers import GARBAGE, REFUSALS, TOKEN, WRONG_COUNT
from selftests.recorded_answers import Recorded
from selftests.rude_servers import Behaviour, Street, street
from selftests.rude_town import connections, resolving

SLOW_S: Final = 0.5
DEADLINE_S: Final = 5.0


@dataclass(frozen=True)
class Operation:
    """A command of a look: what is answered before it comes, and how the look logs in."""

    before: tuple[bytes, ...] = ()
    login: Login | None = None
    tls: bool = False


USER: Final = Login(TOKEN, "shop")
OPERATIONS: Final[Mapping[str, Operation]] = {
    "AUTH of a token": Operation(login=Login(TOKEN)),
    "AUTH of a user": Operation(login=USER),
    "AUTH of a user, on old Redis": Operation((WRONG_COUNT,), USER),
    "PING": Operation(),
    "PING after AUTH": Operation((b"+OK\r\n",), Login(TOKEN)),
    "AUTH under TLS": Operation(login=USER, tls=True),
    "PING under TLS": Operation((b"+OK\r\n",), USER, tls=True),
}


def _healthy(operation: Operation) -> bytes:
    asks_for_ping = operation.login is None or operation.before == (b"+OK\r\n",)
    return b"+PONG\r\n" if asks_for_ping else b"+OK\r\n"


@dataclass
class Caches:
    """Caches that answer so, and how a run reaches them."""

    opened: Street
    reached: Connections
    certificate: Certificate
    ca: Path

    def look(self, operation: Operation, last: Behaviour, limit_s: float) -> Any:
        """Look at a cache that plays along until the operation's own command comes."""

        def behave(guest: socket.socket) -> None:
            for reply in operation.before:
                guest.recv(65536)
                guest.sendall(reply)
            last(guest)

        port = self.opened.house(over_tls(self.certificate, behave) if operation.tls else behave)
        server = RedisServer(host="name.test", port=port, tls=operation.tls, ca=str(self.ca))
        try:
            with ping.allowed():
                return look(self.reached, server, operation.login, Deadline.after(limit_s))
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return error


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caches]:
    """Open a street for all caches."""
    authority = Authority("Trusted here")
    ca = tmp_path_factory.mktemp("caches") / "ca.pem"
    ca.write_text(authority.pem)
    with street() as opened:
        reached = connections(opened.name_server(resolving))
        reached.secrets.add(TOKEN)
        yield Caches(opened, reached, authority.issue("name.test"), ca)


def _echoes(guest: socket.socket) -> None:
    guest.sendall(guest.recv(65536))


def _repeats_the_token(guest: socket.socket) -> None:
    guest.recv(65536)
    guest.sendall(b"what is " + TOKEN.encode() + b" that you say?\r\n")


def _answers(opened: Street) -> Mapping[str, tuple[Behaviour, float]]:
    """Return every odd answer, and how long it may take."""
    said = {name: opened.speaks(words) for name, words in {**REFUSALS, **GARBAGE}.items()}
    others = {"echo": _echoes, "repeated token": _repeats_the_token, "reset": opened.resets}
    slow = {
        "hang": opened.says_nothing,
        "drip": opened.drips(b"+"),
        "drip in a bulk": opened.drips(b"$65000\r\n"),
        "half, then silence": opened.speaks_first_then_nothing(b"+PO"),
        "array, then silence": opened.speaks_first_then_nothing(b"*2\r\n+PONG\r\n"),
    }
    quick = {name: (behaviour, DEADLINE_S) for name, behaviour in {**said, **others}.items()}
    return quick | {name: (behaviour, SLOW_S) for name, behaviour in slow.items()}


@dataclass(frozen=True)
class Outcome:
    """What came of one odd answer."""

    operation: str
    answer: str
    said: Any
    over_s: float

    @property
    def is_green(self) -> bool:
        """Whether a check of the cache could take it for seen: see tests_app/test_caches.py."""
        if not isinstance(self.said, Ping):
            return False
        is_explained = bool(self.said.problem) or bool(self.said.unseen)
        return self.said.has_ponged or not is_explained or (self.said.answered and self.answer in GARBAGE)

    @property
    def is_traceback(self) -> bool:
        """Whether it is an exception that a run would print as one."""
        return isinstance(self.said, BaseException) and not isinstance(self.said, Unverified)

    @property
    def text(self) -> str:
        """What a report says about it."""
        return (
            (self.said.problem or self.said.unseen or "") if isinstance(self.said, Ping) else str(self.said)
        )


@pytest.fixture(scope="module")
def outcomes(caches: Caches) -> tuple[Outcome, ...]:
    """What came of every operation, answered in every odd way."""

    def outcome(case: tuple[str, str, Behaviour, float]) -> Outcome:
        operation, answer, behaviour, limit_s = case
        began = time.monotonic()
        said = caches.look(OPERATIONS[operation], behaviour, limit_s)
        return Outcome(operation, answer, said, time.monotonic() - began - limit_s)

    answers = _answers(caches.opened)
    cases = [(operation, answer, *how) for operation in OPERATIONS for answer, how in answers.items()]
    with ThreadPoolExecutor(24) as pool:
        return tuple(pool.map(outcome, cases))


def test_no_odd_answer_of_a_cache_is_taken_for_seen(outcomes: tuple[Outcome, ...]) -> None:
    """A cache that serves says PONG, after OK where it is logged in to."""
    greens = [one for one in outcomes if one.is_green]
    tracebacks = [one for one in outcomes if one.is_traceback]
    hangs = [one for one in outcomes if one.over_s > 2]
    print(
        f"{len(OPERATIONS)} operations x {len(outcomes) // len(OPERATIONS)} answers: {len(greens)} green, "
        f"{len(tracebacks)} tracebacks, {len(hangs)} hangs"
    )
    assert len(outcomes) > 400
    assert [str(one) for one in (*greens, *tracebacks, *hangs)] == []


def test_what_is_said_of_odd_answers_is_one_sentence_without_secrets(outcomes: tuple[Outcome, ...]) -> None:
    """A server may repeat what it was sent, whole or cut."""
    for one in outcomes:
        assert one.text.isprintable(), one
        assert len(one.text) < 260, one
        assert not any(TOKEN[at : at + 6] in one.text for at in range(len(TOKEN) - 5)), one
        assert "name.test" in one.text, one


def test_the_true_answers_are_evidence(caches: Caches) -> None:
    """A border that nothing passes would hold every property above."""
    for name, operation in OPERATIONS.items():
        replies = [_healthy(operation)] if _healthy(operation) == b"+PONG\r\n" else [b"+OK\r\n", b"+PONG\r\n"]

        def answer(guest: socket.socket, replies: list[bytes] = replies) -> None:
            for reply in replies:
                guest.recv(65536)
                guest.sendall(reply)

        seen = caches.look(operation, answer, DEADLINE_S)
        assert (seen.has_ponged, seen.is_authenticated, seen.problem) == (True, True, None), name


# reply to AUTH (None: there is no token) or to PING, words of the report
SAID: Final = (
    ("AUTH of a token", "wrong token", "refused the AUTH token (WRONGPASS invalid username-password pair"),
    ("AUTH of a token", "no token set", "refused the AUTH token (ERR AUTH <password> called without"),
    ("AUTH of a token", "unknown", "refused the AUTH token (it does not know AUTH)"),
    ("AUTH of a token", "full", "takes no more clients: its limit is reached"),
    ("AUTH of a token", "queued", "answered AUTH with '+QUEUED'"),
    ("PING", "token demanded", "demands an AUTH token, and none is declared"),
    ("PING", "token demanded of old", "demands an AUTH token, and none is declared"),
    ("PING", "protected", "is in protected mode: it takes clients of its own host only"),
    ("PING", "alert of TLS", "answers in TLS, and is declared to speak plain text"),
    ("PING", "HTTP", "answered something that is not Redis: it began with 'HTTP/1.1 400 Bad Request'"),
    ("PING", "megabytes in a line", "answered more than 64 KiB: it began with '+PONGPONG"),
    ("PING", "nothing", "closed the connection without an answer"),
    ("PING", "half a line", "closed the connection before its answer was complete"),
    ("PING", "hang", "accepted the connection and said nothing for"),
    ("PING after AUTH", "loading", "is still loading its data into memory (LOADING"),
    ("PING after AUTH", "primary lost", "is a replica that has lost its primary (MASTERDOWN"),
    ("PING after AUTH", "disk full", "takes no writes, because it cannot save to disk (MISCONF"),
    ("PING after AUTH", "script", "is busy with one script (BUSY"),
    ("PING after AUTH", "moved", "answered PING with 'MOVED 3999 127.0.0.1:6381'"),
    ("PING under TLS", "HTTP", "answered something that is not Redis"),
)


@pytest.mark.parametrize(("operation", "answer", "words"), SAID)
def test_a_report_says_what_the_cache_answered(
    outcomes: tuple[Outcome, ...], operation: str, answer: str, words: str
) -> None:
    """Each of them is another fault, with another cure."""
    found = next(one for one in outcomes if (one.operation, one.answer) == (operation, answer))
    assert words in found.text


@pytest.mark.parametrize("answer", ["no permission", "unknown", "unsupported by Envoy"])
def test_a_cache_that_refuses_only_ping_is_unseen(outcomes: tuple[Outcome, ...], answer: str) -> None:
    """Its clients may be served; whether it answers in time was seen all the same."""
    found = next(one for one in outcomes if (one.operation, one.answer) == ("PING after AUTH", answer))
    assert (found.said.answered, found.said.is_authenticated, found.said.problem) == (True, True, None)
    listing = elasticache.Caches(items=(elasticache.Cache(name="sessions", host="name.test", port=1),))
    environment = Environment.model_validate(
        {
            "aws": {"account": "123456789012", "region": "ap-northeast-2"},
            "caches": {"sessions": {"replication_group": "sessions"}},
        }
    )
    recorded = Recorded({elasticache.replication_groups.name: listing, ping.name: found.said})
    ask = Ask(recorded, Connections(environment, "inside", {}))
    with pytest.raises(Unverified, match="so whether it serves was not seen"):
        app.cache_login(ask, environment, environment.caches["sessions"])


@pytest.mark.parametrize(
    ("value", "login"),
    [
        ("a-token", Login("a-token")),
        ("rediss://:p%40ss@cache.example.com:6379/0", Login("p@ss")),
        ("redis://shop:pass@cache.example.com", Login("pass", "shop")),
        ("VALKEYS://shop:pass@cache.example.com", Login("pass", "shop")),
        ("redis://cache.example.com:6379/0", Login("")),
        ("redis", Login("redis")),
        ("what://is:this@x", Login("what://is:this@x")),
    ],
)
def test_a_secret_holds_a_token_or_a_url(value: str, login: Login) -> None:
    """An ElastiCache user of RBAC is named in the URL; a token has none."""
    assert login_in(value) == login
    assert login.password not in repr(login) or not login.password


@pytest.mark.parametrize("value", ["redis://[half:pass@x", "\ud800"])
def test_a_value_that_is_neither_is_refused(value: str) -> None:
    """An address that does not end, and text that cannot be sent."""
    with pytest.raises(ValueError, match=r".+"):
        login_in(value)
