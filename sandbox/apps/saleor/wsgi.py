"""The stand-in as a WSGI application: CORS and health outside, Django inside."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import Error, connection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("saleor")

Headers = list[tuple[str, str]]
METHODS = "DELETE, GET, OPTIONS, PATCH, POST, PUT"
HEADERS = "authorization, authorization-bearer, content-type, saleor-event"
MAX_AGE_SECONDS = "600"


def with_health(application: "WSGIApplication", path: str = "/health/") -> "WSGIApplication":
    """Answer `path` before Django is asked: 200 while the database answers, else 503."""

    def healthy(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("PATH_INFO") != path:
            return application(environ, start_response)
        problem = _database_problem()
        status = "503 Service Unavailable" if problem else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps({"status": "error" if problem else "ok", "database": problem or "ok"}).encode()]

    return healthy


def _database_problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.exception("django.db.utils.OperationalError: the database does not answer")
        return str(error).strip()
    finally:
        connection.close()
    return ""


def with_cors(application: "WSGIApplication", allowed: Sequence[str]) -> "WSGIApplication":
    """Let browsers of the allowed origins in, on errors too; `*` lets in whoever asks."""

    def shared(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN", "")
        extra = _cors_headers(origin) if origin and ("*" in allowed or origin in allowed) else []
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            start_response("200 OK", [("Content-Length", "0"), *extra, *(_preflight() if extra else [])])
            return []
        return application(environ, _adding(extra, start_response))

    return shared


def _cors_headers(origin: str) -> Headers:
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]


def _preflight() -> Headers:
    return [
        ("Access-Control-Allow-Methods", METHODS),
        ("Access-Control-Allow-Headers", HEADERS),
        ("Access-Control-Max-Age", MAX_AGE_SECONDS),
    ]


def _adding(extra: Headers, start_response: "StartResponse") -> "StartResponse":
    def start(status: str, headers: Headers, *rest: object) -> Callable[[bytes], object]:
        return start_response(status, [*headers, *extra], *rest)  # type: ignore[arg-type]

    return start


def make_application() -> "WSGIApplication":
    """Set Django up and put the outer layers around it."""
    django_application = get_wsgi_application()
    return with_cors(with_health(django_application), settings.ALLOWED_CLIENT_HOSTS)
