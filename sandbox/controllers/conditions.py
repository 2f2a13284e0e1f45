"""Status conditions, whose transition time moves only when the status does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.controllers.cluster import Manifest


def timestamp() -> str:
    """Give the present moment as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Read what `timestamp` wrote."""
    return datetime.fromisoformat(text)


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Manifest:
    """Make a condition without times; `merged_conditions` gives it those."""
    words = {"reason": reason, "message": message}
    return {"type": kind, "status": status, **{name: text for name, text in words.items() if text}}


def merged_conditions(held: Iterable[Manifest], wanted: Iterable[Manifest]) -> list[Manifest]:
    """Give the wanted conditions the transition times of those held, where the status is the same."""
    before = {item["type"]: item for item in held}
    result = []
    for item in wanted:
        old = before.get(item["type"])
        same = old is not None and old["status"] == item["status"]
        moment = old.get("lastTransitionTime") if same and old is not None else None
        result.append({**item, "lastTransitionTime": moment or timestamp()})
    return result
