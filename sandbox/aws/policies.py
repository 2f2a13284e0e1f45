"""Judges S3 requests by IAM policy documents, as far as the sandbox's policies go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Verdict = Literal["allowed", "denied", "silent"]


@dataclass(frozen=True)
class Request:
    """What is asked: an IAM action on a resource ARN, by any of the names its principal answers to."""

    action: str
    resource: str
    principals: tuple[str, ...]
    context: tuple[tuple[str, str], ...]


def judge_identity(documents: Iterable[Mapping[str, Any]], request: Request) -> Verdict:
    """Judge by policies attached to the caller (no Principal element)."""
    return _judge((s for d in documents for s in _statements(d)), request, with_principal=False)


def judge_resource(document: Mapping[str, Any] | None, request: Request) -> Verdict:
    """Judge by the policy attached to the resource."""
    if document is None:
        return "silent"
    return _judge(_statements(document), request, with_principal=True)


def parse(document: str | bytes | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Read a policy document kept as text or as data. An unreadable one is an error (ValueError)."""
    if not document:
        return None
    if isinstance(document, str | bytes):
        parsed: Mapping[str, Any] = json.loads(document)
        return parsed
    return document


def _judge(statements: Iterable[Mapping[str, Any]], request: Request, *, with_principal: bool) -> Verdict:
    effects = {
        statement["Effect"] for statement in statements if _applies(statement, request, with_principal)
    }
    if "Deny" in effects:
        return "denied"
    return "allowed" if "Allow" in effects else "silent"


def _statements(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _applies(statement: Mapping[str, Any], request: Request, with_principal: bool) -> bool:
    return (
        _matches(statement, "Action", (request.action.lower(),), lower=True)
        and _matches(statement, "Resource", (request.resource,))
        and (not with_principal or _principal_matches(statement, request))
        and all(
            _condition_holds(operator, operands, dict(request.context))
            for operator, operands in statement.get("Condition", {}).items()
        )
    )


def _matches(statement: Mapping[str, Any], field: str, values: Sequence[str], *, lower: bool = False) -> bool:
    negated = f"Not{field}" in statement
    patterns = _texts(statement.get(f"Not{field}" if negated else field, "*"))
    hit = any(fnmatchcase(v, p.lower() if lower else p) for v in values for p in patterns)
    return hit != negated


def _principal_matches(statement: Mapping[str, Any], request: Request) -> bool:
    negated = "NotPrincipal" in statement
    named = statement.get("NotPrincipal" if negated else "Principal", {})
    names = _texts(named) if not isinstance(named, dict) else _texts(named.get("AWS", []))
    hit = any(name == "*" or name in request.principals for name in names)
    return hit != negated


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _condition_holds(operator: str, operands: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Evaluate one condition block; an operator the sandbox does not know is an error, never a guess."""
    plain = operator.removesuffix("IfExists")
    negated = "Not" in plain
    exact = plain in {"StringEquals", "StringNotEquals", "ArnEquals", "ArnNotEquals", "Bool"}
    if not exact and plain not in {"StringLike", "StringNotLike", "ArnLike", "ArnNotLike"}:
        raise ValueError(f"the sandbox cannot evaluate the condition operator {operator!r}")
    for key, wanted in operands.items():
        actual = context.get(key.lower())
        patterns = _texts(str(wanted).lower() if isinstance(wanted, bool) else wanted)
        hit = actual is not None and any(actual == p if exact else fnmatchcase(actual, p) for p in patterns)
        if hit == negated:
            return False
    return True
