"""A server that speaks PostgreSQL's protocol (version 3) up to a point, and then answers oddly."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from selftests.rude_servers import Behaviour, Street

SSL_REQUEST = 80877103
TABLE = b"account_user"


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return one message: its type, its length, its body."""
    return kind + struct.pack("!i", len(body) + 4) + body


def error(
    sqlstate: str, words: str | bytes = "말씀", severity: str = "치명적오류", kind: bytes = b"E"
) -> bytes:
    """Return an ErrorResponse, or a NOTICE (`kind` N)."""
    said = words if isinstance(words, bytes) else words.encode()
    fields = (b"S" + severity.encode(), b"VFATAL", b"C" + sqlstate.encode(), b"M" + said)
    return message(kind, b"\0".join(fields) + b"\0\0")


def authentication(code: int, more: bytes = b"") -> bytes:
    """Return what the server demands: 0 nothing, 3 a password, 5 its MD5, 7 GSSAPI, 9 SSPI, 10 SASL."""
    return message(b"R", struct.pack("!i", code) + more)


def parameter(name: str, value: str) -> bytes:
    """Return a ParameterStatus."""
    return message(b"S", f"{name}\0{value}\0".encode())


READY, IN_TRANSACTION = message(b"Z", b"I"), message(b"Z", b"T")
WELCOME = (
    authentication(0) + parameter("server_version", "17.4") + parameter("client_encoding", "UTF8") + READY
)
NOTICE = error("01000", "a notice", "알림", b"N")


def rows(*values: bytes | None, columns: int = 1) -> bytes:
    """Return the whole answer to a query in the extended protocol: each value is a row."""
    column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 1)
    described = message(b"T", struct.pack("!h", columns) + column * columns)
    data = b"".join(message(b"D", struct.pack("!h", columns) + (_value(value) * columns)) for value in values)
    return (
        message(b"1") + message(b"2") + described + data
        + message(b"C", f"SELECT {len(values)}\0".encode()) + IN_TRANSACTION
    )  # fmt: skip


def _value(value: bytes | None) -> bytes:
    return struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value


def failing(sqlstate: str) -> bytes:
    """Return the answer to a query that fails."""
    return error(sqlstate, severity="오류") + message(b"Z", b"E")


# In answer to the request to log in.
TO_THE_LOGIN: dict[str, bytes] = {
    "an HTTP page": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>Sign in</html>",
    "a greeting of MySQL": b"\x4a\0\0\0\x0a8.0.36\0" + bytes(60),
    "an error of Redis": b"-ERR unknown command\r\n",
    "a banner of SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an alert of TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "nothing": b"",
    "one byte": b"R",
    "half a message": authentication(0)[:6],
    "zeros": bytes(2_000_000),
    "an endless length": b"E\x7f\xff\xff\xff" + b"x" * 1_000_000,
    "a negative length": b"R\xff\xff\xff\xf0" + bytes(40),
    "a long notice": error("01000", "x" * 1_000_000, kind=b"N") + error("28P01"),
    "an error of version 2": b"EFATAL:  no\n\0",
    "an error without fields": message(b"E", b"\0"),
    "an error without an end": message(b"E", b"SFATAL"),
    "an error in another encoding": error("28P01", "비밀번호".encode("euc-kr")),
    "an error with control characters": error("28P01", "a\x1b[2J\nb\tc"),
    "an error that quotes the password": error("28P01", "guess-me-not is wrong"),
    "a notice and an error": NOTICE + error("28000"),
    "a notice and nothing": NOTICE,
    "another version of the protocol": message(b"v", struct.pack("!ii", 0, 1) + b"x\0"),
    "a cancelled login": authentication(0) + error("57P01"),
    "an unasked query": authentication(0) + message(b"D", b"\0\0"),
    "a login that is never ready": authentication(0) + parameter("server_version", "17.4"),
    "a request for MD5 and nothing": authentication(5, b"salt"),
    "a request for a password and an error": authentication(3) + error("28P01"),
    "SCRAM that is cut": authentication(10, b"SCRAM-SHA-256\0\0") + authentication(11, b"r=1,s=,i=0"),
    "channel binding without TLS": authentication(10, b"SCRAM-SHA-256-PLUS\0\0"),
    "an unknown mechanism": authentication(10, b"OAUTHBEARER\0\0"),
    "no mechanism": authentication(10, b"\0"),
    **{f"authentication {code}": authentication(code, b"\0\0\0\0") for code in (2, 6, 7, 8, 9, 12, 99)},
    **{
        f"SQLSTATE {code}": error(code)
        for code in (
            "08004", "08006", "08P01", "0A000", "25006", "28000", "28P01", "3D000", "42501", "53200", "53300",
            "53400", "55000", "57014", "57P01", "57P02", "57P03", "58030", "XX000", "99999",
        )
    },
}  # fmt: skip
# In answer to the query, once logged in.
TO_THE_QUERY: dict[str, bytes] = {
    "nothing": b"",
    "an HTTP page": b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "no rows": rows(),
    "an absent value": rows(None),
    "two rows": rows(None, b"-1"),
    "an empty value": rows(b""),
    "two columns": rows(b"1", columns=2),
    "no columns": rows(b"1", columns=0),
    "a long number": rows(b"9" * 5000, None),
    "no row description": message(b"1") + message(b"2") + message(b"D", b"\0\1\0\0\0\1x") + IN_TRANSACTION,
    "a row that is cut": message(b"1") + message(b"2") + rows(b"1")[10:40],
    "an empty query": message(b"1") + message(b"2") + message(b"n") + message(b"I") + IN_TRANSACTION,
    "a copy": message(b"1") + message(b"2") + message(b"H", b"\0\0\0") + message(b"d", b"1\n"),
    "an endless length": message(b"1") + b"D\x7f\xff\xff\xff" + bytes(1_000_000),
    "an unknown message": message(b"1") + message(b"?", b"?") * 9,
    "a notice and the end": NOTICE,
    **{
        f"SQLSTATE {code}": failing(code)
        for code in ("08P01", "25006", "42501", "42703", "42P01", "57014", "57P01", "XX000")
    },
}


@dataclass(frozen=True)
class OddPostgres:
    """Answers the login with `login`; where that is a welcome, each query with `query`.

    `secured`: makes a TLS connection of one that asked for it; None: TLS is declined.
    """

    street: Street
    login: bytes = WELCOME
    query: bytes = b""
    secured: Callable[[socket.socket], socket.socket] | None = None
    then: Behaviour | None = None

    def __call__(self, guest: socket.socket) -> None:
        """Serve one connection."""
        length, code = struct.unpack("!ii", _exactly(guest, 8))
        if code != SSL_REQUEST:
            return self._serve(guest, length)
        guest.sendall(b"S" if self.secured else b"N")
        if self.secured is None:
            return self._serve(guest, struct.unpack("!ii", _exactly(guest, 8))[0])
        with self.secured(guest) as inner:
            return self._serve(inner, struct.unpack("!ii", _exactly(inner, 8))[0])

    def _serve(self, guest: socket.socket, length: int) -> None:
        _exactly(guest, length - 8)
        guest.sendall(self.login)
        if self.login == WELCOME:
            self._converse(guest)
        (self.then or _hang_up)(guest)

    def _converse(self, guest: socket.socket) -> None:
        while True:
            kind = _exactly(guest, 1)
            _exactly(guest, struct.unpack("!i", _exactly(guest, 4))[0] - 4)
            if kind == b"Q":
                guest.sendall(message(b"C", b"BEGIN\0") + IN_TRANSACTION)
            elif kind == b"S":
                guest.sendall(self.query)
                return


def _exactly(guest: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = guest.recv(count - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _hang_up(guest: socket.socket) -> None:
    guest.shutdown(socket.SHUT_WR)
    guest.settimeout(1)
    while guest.recv(65536):
        continue
