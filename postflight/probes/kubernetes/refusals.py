"""What a Kubernetes API's refusals mean: which keep us from looking, and which are worth another try."""

from __future__ import annotations

import json
import time
from typing import Final, NoReturn

from postflight.evidence import Unverified
from postflight.probes.kubernetes.transport import Exchange
from postflight.redaction import cut_short, masked

_WORTH_A_RETRY: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_ERROR: Final = 500
_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0


class Absent(Exception):  # noqa: N818 - an answer, not an error
    """404: there is no such object, or no such kind of object."""


def retry_after(exchange: Exchange, until: float) -> float | None:
    """Return the seconds to wait before the next try; None where there should be none."""
    if exchange.status not in _WORTH_A_RETRY:
        return None
    named = exchange.headers.get("retry-after", "")
    pause = float(named) if named.isdigit() else _PAUSE_S
    if pause > _LONGEST_PAUSE_S or time.monotonic() + pause >= until:
        return None
    return pause


def status_message(body: bytes) -> str:
    """Return the message of a Kubernetes `Status`, else the first words of the body."""
    try:
        answer = json.loads(body)
        return cut_short(masked(str(answer["message"])), 300)
    except (ValueError, KeyError, TypeError, RecursionError):
        return cut_short(masked(" ".join(body[:4096].decode(errors="replace").split())), 200)


def refuse(said: str, need: str, status: int, message: str) -> NoReturn:
    """Raise Absent for a 404 and Unverified for every other refusal; `said` names who refuses."""
    match status:
        case 404:
            raise Absent(message)
        case 401:
            raise Unverified(f"{said} does not accept our credentials (401 {message}); renew them.")
        case 403:
            raise Unverified(f"{said} does not let us {need}: {message}", permission=need)
        case 429:
            raise Unverified(f"{said} has throttled us out (429) when asked to {need}: {message}")
        case _ if status >= _FIRST_ERROR:
            raise Unverified(f"{said} fails with status {status} when asked to {need}: {message}")
        case _:
            raise Unverified(f"{said} answers {need} with the unexpected status {status}: {message}")
