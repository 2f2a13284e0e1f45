"""Odd answers to a command of Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# What the looks log in with; servers repeat it.
TOKEN: Final = "7Hq-opened-sesame-Zk41"
WRONG_COUNT: Final = b"-ERR wrong number of arguments for 'auth' command\r\n"
_HTTP: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>"

# Replies of Redis that are no answer to what was asked.
REFUSALS: Final[Mapping[str, bytes]] = {
    "wrong token": b"-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    "wrong token of old": b"-ERR invalid password\r\n",
    "no token set": b"-ERR AUTH <password> called without any password configured for the default user. "
    b"Are you sure your configuration is correct?\r\n",
    "token demanded": b"-NOAUTH Authentication required.\r\n",
    "token demanded of old": b"-ERR operation not permitted\r\n",
    "no permission": b"-NOPERM User shop has no permissions to run the 'ping' command\r\n",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "primary lost": b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
    "disk full": b"-MISCONF Redis is configured to save RDB snapshots, but is unable to persist on disk\r\n",
    "read-only": b"-READONLY You can't write against a read only replica.\r\n",
    "script": b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n",
    "full": b"-ERR max number of clients reached\r\n",
    "protected": b"-DENIED Redis is running in protected mode because protected mode is enabled.\r\n",
    "cluster down": b"-CLUSTERDOWN The cluster is down\r\n",
    "moved": b"-MOVED 3999 127.0.0.1:6381\r\n",
    "moved to nowhere": b"-MOVED\r\n",
    "asking": b"-ASK x\r\n",
    "other slot": b"-CROSSSLOT Keys in request don't hash to the same slot\r\n",
    "unknown": b"-ERR unknown command 'AUTH', with args beginning with: '7Hq-opened-ses\r\n",
    "unsupported by Envoy": b"-unsupported command 'ping'\r\n",
    "no upstream": b"-no upstream host\r\n",
    "wrong count": WRONG_COUNT,
    "empty error": b"-\r\n",
    "error in other bytes": b"-ERR \xff\xfe\x00\x1b[31m\r\n",
    "queued": b"+QUEUED\r\n",
    "number": b":1\r\n",
    "null": b"$-1\r\n",
    "null array": b"*-1\r\n",
    "empty array": b"*0\r\n",
    "message": b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
    "invalid UTF-8": b"+\xff\xfe\xed\xa0\x80\r\n",
    "errors in an array": b"*2\r\n-ERR a\r\n-ERR b\r\n",
}
# Nothing that Redis says.
GARBAGE: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "HTTP": _HTTP,
    "alert of TLS": b"\x15\x03\x03\x00\x02\x02\x46",
    "push": b">2\r\n+invalidate\r\n*0\r\n",
    "map": b"%1\r\n+server\r\n+redis\r\n",
    "empty line": b"\r\n",
    "line feed": b"+PONG\n",
    "no first byte": b"PONG\r\n",
    "half a line": b"+PON",
    "half a bulk": b"$4\r\nPO",
    "half an array": b"*2\r\n+PONG\r\n",
    "bulk of no length": b"$x\r\n",
    "bulk of negative length": b"$-7\r\nPONG\r\n",
    "bulk of a huge length": b"$99999999999999999999\r\n",
    "array of a huge length": b"*99999999999999999999\r\n+PONG\r\n",
    "array of no length": b"*\r\n",
    "number that is none": b":PONG\r\n",
    "number of 9,000 digits": b":" + b"9" * 9000 + b"\r\n",
    "deep arrays": b"*1\r\n" * 9000,
    "megabytes in a line": b"+" + b"PONG" * (1 << 20),
    "megabytes in a bulk": b"$4194304\r\n" + b"PONG" * (1 << 20) + b"\r\n",
    "other bytes": bytes(range(256)) * 40,
    "memcached": b"ERROR\r\n",
    "PostgreSQL": b"E\x00\x00\x00\x0cSFATAL\x00\x00",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}
