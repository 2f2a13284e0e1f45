"""Takes one canary to S3 and back, and removes it within some seconds, whatever hangs."""

from __future__ import annotations

import contextvars
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from postflight.crew import begun
from postflight.evidence import Unverified
from postflight.probes.aws.canary_records import CanaryRecords, WrittenCanary
from postflight.probes.aws.canary_removal import delete
from postflight.probes.aws.canary_sending import ENDED, Sending
from postflight.probes.aws.refusals import error_code, one_line, translated
from postflight.probes.connections import Connections, Ending

R = TypeVar("R")

# A run that is ended waits so long for a removal.
REMOVAL_S: Final = 5.0
# What is on its way is removed when it has arrived; and once more, if it arrives only then.
_ARRIVAL_S: Final = 1.0
_LATE_ARRIVAL_S: Final = 2.0

# What each step needs; a comparison makes no call.
_PERMISSION: Final[Mapping[str, str]] = {
    "put": "s3:PutObject",
    "head": "s3:GetObject",
    "get": "s3:GetObject",
    "compare": "s3:GetObject",
}
_DELETE: Final = "s3:DeleteObject"
_DENIED: Final = ("403", "AccessDenied", "AllAccessDisabled")
_ABSENT: Final = ("404", "NoSuchKey", "NoSuchBucket")
_REFUSALS: Final = range(400, 500)


@dataclass(frozen=True)
class Removal:
    """What came of a removal. `problem`: what the application's role met; `error`: what the run itself met.

    `kept` is the version that the bucket keeps, since it may not be deleted.
    """

    problem: str = ""
    error: Unverified | None = None
    kept: str = ""

    @property
    def why(self) -> str:
        """Why something is left; empty when nothing is."""
        return (
            self.problem or str(self.error or "") or (f"it may not be deleted: {self.kept}" * bool(self.kept))
        )


class Upload:
    """One canary: one thread sends and reads it, another removes it without waiting for the first."""

    def __init__(self, connections: Connections, bucket: str, role: str | None) -> None:
        self._connections = connections
        self.sending = Sending()
        self.canary = WrittenCanary(bucket, "", role)
        self.step = "list"

    def carry(self, key: str) -> tuple[tuple[str, ...], str, str]:
        """Return the steps done (put, head, get, compare), the first that failed, and why.

        Raises Unverified.
        """
        self.canary = replace(self.canary, key=key)
        self.sending.prepare(lambda: self._connections.canaries.keep(self.canary))
        done: list[str] = []
        with self.sending.in_this_thread():
            for name, step in self._steps().items():
                if self.sending.is_stopped:
                    raise Unverified(ENDED)
                self.step = name
                problem = attempt(step, _PERMISSION[name], self.canary.role)
                if problem:
                    return tuple(done), name, problem
                done.append(name)
        return tuple(done), "", ""

    def _steps(self) -> Mapping[str, Callable[[], str]]:
        """Return each step but the removal; a step returns what is wrong, empty when all is well."""
        content = secrets.token_bytes(64)
        received: list[bytes] = []
        client = self._connections.aws.client("s3", role=self.canary.role)
        place = {"Bucket": self.canary.bucket, "Key": self.canary.key}

        def head() -> str:
            size = client.head_object(**place)["ContentLength"]
            return "" if size == len(content) else f"S3 says {size} bytes, {len(content)} were sent"

        def get() -> str:
            received.append(client.get_object(**place)["Body"].read())
            return ""

        def compare() -> str:
            return "" if received == [content] else "what came back is not what was sent"

        return {"put": lambda: self._put(client, content), "head": head, "get": get, "compare": compare}

    def _put(self, client: Any, content: bytes) -> str:
        from botocore.exceptions import ClientError

        try:
            written = client.put_object(Bucket=self.canary.bucket, Key=self.canary.key, Body=content)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _REFUSALS:
                self.sending.answer(is_refused=True)
            raise
        self.sending.answer(version=written.get("VersionId", ""))
        return ""

    def end(self, *, is_under_way: bool) -> Removal:
        """Send nothing any more, and remove what was sent, within REMOVAL_S. What is left stays recorded.

        `is_under_way`: the thread that sends goes on, and may still learn what became of it.
        """
        records = self._connections.canaries
        if not self.sending.stop():
            records.drop(self.canary)
            return Removal()
        until = time.monotonic() + REMOVAL_S
        if is_under_way:
            self.sending.wait(_ARRIVAL_S)
        removal = self._removal(until)
        if is_under_way and not self.sending.is_answered and self.sending.wait(_LATE_ARRIVAL_S):
            removal = self._removal(until)
        why = "" if self.sending.is_refused else removal.why
        if not self.sending.is_answered and not why:
            why = "its upload was not answered, and may still arrive after its removal"
        if why:
            version = removal.kept or self.sending.version
            records.leave(replace(self.canary, version=version, why=one_line(why)))
        else:
            records.drop(self.canary)
        return removal

    def _removal(self, until: float) -> Removal:
        return remove(self._connections, replace(self.canary, version=self.sending.version), until)


def record_removal(records: CanaryRecords, canary: WrittenCanary, removal: Removal) -> None:
    """Leave to the next run what could not be removed, with its version; forget what is gone.

    Raises Unverified.
    """
    if removal.why:
        version = removal.kept or canary.version
        records.leave(replace(canary, version=version, why=one_line(removal.why)))
    else:
        records.drop(canary)


def remove(connections: Connections, canary: WrittenCanary, until: float) -> Removal:
    """Remove a canary by connections of their own, until then (`time.monotonic()`)."""
    kept: list[str] = []

    def step() -> str:
        kept.extend(delete(connections.aws.client("s3", role=canary.role, brief=True), canary))
        return ""

    removing = in_background(lambda: attempt(step, _DELETE, canary.role))
    if not wait([removing], max(until - time.monotonic(), 0.1)).done:
        return Removal(error=Unverified(f"{_DELETE} of {canary.key} did not end within {REMOVAL_S:g} s"))
    try:
        return Removal(problem=removing.result(), kept=", ".join(kept))
    except Unverified as error:
        return Removal(error=error)


def attempt(step: Callable[[], str], permission: str, role: str | None) -> str:
    """Return what is wrong with a step, empty when all is well. Raises Unverified.

    That the application's role is refused is wrong; that the run itself is refused is Unverified.
    """
    from botocore.exceptions import ClientError

    with translated(permission):
        try:
            return step()
        except ClientError as error:
            code = error_code(error.response)
            if code in _ABSENT or (code in _DENIED and role is not None):
                return f"{code}: {one_line(str(error.response['Error'].get('Message', '')))}"
            raise


def ends_in_time(call: Future[Any], within_s: float, ending: Ending) -> bool:
    """Wait for a call for so long, and no longer than until the run is ended; return whether it ended."""
    return call in wait([call, ending.begun], within_s, FIRST_COMPLETED).done


def in_background(call: Callable[[], R]) -> Future[R]:
    """Begin a call in a thread that may do what this one may; in this one, if the system refuses a thread."""
    future: Future[R] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(call))
        except BaseException as error:  # noqa: BLE001 - carried to who waits for it
            future.set_exception(error)

    if not begun(work):
        work()
    return future
