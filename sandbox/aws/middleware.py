"""The WSGI layer before moto: counts, judges, delays and breaks calls, and serves the control endpoints."""

from __future__ import annotations

import io
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.aws import buckets, derived
from sandbox.aws.control import serve_control
from sandbox.aws.errors import Answer, error_answer
from sandbox.aws.identities import Identity, caller_identity, foreign, identify
from sandbox.aws.interruptions import hang, reset
from sandbox.aws.odd_answers import ODD_ANSWERS, ODD_CONNECTIONS, interrupt
from sandbox.aws.operations import Operation, operation_of, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from sandbox.aws.controls import Controls
    from sandbox.aws.errors import Kind

CONTROL_PATH = "/_sandbox/"
EMPTY_ACCOUNT = "000000000000"


class SandboxAws:
    """A WSGI application: moto, behind the sandbox's rules."""

    def __init__(self, moto: WSGIApplication, controls: Controls) -> None:
        self._moto = moto
        self._controls = controls

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request. The body is always read whole, so that the connection can be kept."""
        body = _read_body(environ)
        if environ["PATH_INFO"].startswith(CONTROL_PATH):
            return _send(serve_control(environ, body, self._controls), environ, start_response)
        signature = signature_of(environ)
        operation = operation_of(environ, body, signature.service if signature else None)
        key = signature.access_key if signature else None
        account = self._controls.account_of(key)
        with self._controls.stores:
            identity = identify(key) if account is None else foreign(account)
            judgement = buckets.judge(operation, identity) if operation.service == "s3" else None
        is_ours = identity.standing == "admin" or operation.action == "PreflightRequest"
        if not is_ours:
            time.sleep(self._controls.latency)
            self._controls.count(operation)
        withheld = None if is_ours else self._controls.withheld(operation)
        if withheld == "hang":
            hang(environ["werkzeug.socket"])
        if withheld in ODD_CONNECTIONS:
            interrupt(
                withheld,
                environ["werkzeug.socket"],
                lambda: self._true_answer(environ, operation, identity, judgement),
            )
        if withheld is not None and withheld in ODD_ANSWERS:
            odd = ODD_ANSWERS[withheld](
                operation, lambda: self._true_answer(environ, operation, identity, judgement)
            )
            return _send(odd, environ, start_response)
        answer = self._before_moto(environ, operation, identity, judgement)
        if answer is not None:
            return _send(answer, environ, start_response)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = EMPTY_ACCOUNT if withheld else identity.account
        with self._controls.stores:
            return self._ask_moto(environ, start_response, operation)

    def _true_answer(
        self,
        environ: WSGIEnvironment,
        operation: Operation,
        identity: Identity,
        judgement: buckets.Judgement | None,
    ) -> Answer:
        """Return what would have been answered."""
        answer = self._before_moto(environ, operation, identity, judgement)
        if answer is not None:
            return answer
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = identity.account
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return bytes

        with self._controls.stores:
            body = b"".join(self._ask_moto(environ, note, operation))
        status, headers = begun[0]
        return Answer(int(status[:3]), tuple(headers), body)

    def _before_moto(
        self,
        environ: WSGIEnvironment,
        operation: Operation,
        identity: Identity,
        judgement: buckets.Judgement | None,
    ) -> Answer | None:
        if operation.action == "PreflightRequest":
            return buckets.preflight(operation, environ)
        if identity.standing == "admin":
            return None
        if self._controls.mode:
            return self._misbehave(environ, operation)
        refusal = self._refusal(operation, identity)
        if refusal is not None:
            return error_answer(refusal, operation, identity.arn)
        if judgement is not None and not judgement.allowed:
            return error_answer("denied", operation, identity.arn, explicit=judgement.explicit)
        asks_who = operation.name == "sts:GetCallerIdentity" and identity.standing == "user"
        return caller_identity(identity) if asks_who else None

    def _refusal(self, operation: Operation, identity: Identity) -> Kind | None:
        if identity.standing in ("expired", "unknown-key"):
            return identity.standing
        if self._controls.throttles(operation):
            return "throttled"
        return "denied" if self._controls.denies(operation) else None

    def _misbehave(self, environ: WSGIEnvironment, operation: Operation) -> Answer:
        match self._controls.mode:
            case "hang":
                hang(environ["werkzeug.socket"])
            case "reset":
                reset(environ["werkzeug.socket"])
            case "500":
                return error_answer("failed", operation, "")
        return Answer(
            200, (("Content-Type", "text/html"),), b"<html>this is not the answer you asked for</ht"
        )

    def _ask_moto(
        self, environ: WSGIEnvironment, start_response: StartResponse, operation: Operation
    ) -> Iterable[bytes]:
        derived.refresh(operation)
        origin = environ.get("HTTP_ORIGIN") if operation.service == "s3" else None
        extra = buckets.cors_headers(operation, origin, environ["REQUEST_METHOD"]) if origin else ()
        succeeded = False

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal succeeded
            succeeded = int(status[:3]) < 400
            if not any(name.lower() == "x-amzn-requestid" for name, _ in headers):
                headers = [*headers, ("x-amzn-RequestId", str(uuid4()))]
            return start_response(status, [*headers, *extra], *rest)

        answer = self._moto(environ, note)
        if succeeded and operation.changes_the_world:
            self._controls.touch()
        return answer


def _read_body(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        body: bytes = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


def _send(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body
    start_response(status, [*answer.headers, ("Content-Length", str(len(body)))])
    return [body]
