"""What libpq is given: every parameter of a connection, and how it words errors."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from dataclasses import dataclass, field
from typing import Any

_VERBOSE = 2  # PQERRORS_VERBOSE of libpq-fe.h


@dataclass(frozen=True)
class Target:
    """One database, how to log in to it, and how its certificate is verified (`ca` None: without TLS)."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    ca: str | None


def be_verbose(conn: Any) -> None:
    """Have libpq put the SQLSTATE into its errors: psycopg has no call for that, so it is libpq's own.

    Where the system does not find it (Windows), a refused login is unverified, in libpq's words.
    """
    import psycopg

    module = str(sys.modules[psycopg.pq.PGconn.__module__].__file__)
    library = ctypes.util.find_library("pq") if module.endswith(".py") else module
    try:
        call = ctypes.CDLL(library).PQsetErrorVerbosity
    except (AttributeError, OSError):
        return
    call.argtypes = (ctypes.c_void_p, ctypes.c_int)
    call(conn.pgconn_ptr, _VERBOSE)


def parameters(target: Target, address: str) -> dict[str, Any]:
    """Return every parameter that PG… variables of the shell or files at home could otherwise decide."""
    verified = {"sslmode": "verify-full", "sslrootcert": target.ca} if target.ca else {"sslmode": "disable"}
    nowhere = f"{os.devnull}/none"
    return {
        **verified,
        "sslcert": nowhere,
        "sslkey": nowhere,
        "sslcrl": nowhere,
        "passfile": nowhere,
        "host": target.host,
        "hostaddr": address,
        "port": target.port,
        "dbname": target.database,
        "user": target.user,
        "password": target.password,
        # Those would log in as whoever runs us, not as the application.
        "require_auth": "!gss,!sspi",
        "gssencmode": "disable",
        "target_session_attrs": "any",
        "application_name": "postflight",
        "client_encoding": "utf8",
        "options": "",
    }
