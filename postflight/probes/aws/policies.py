"""IAM policy documents, judged as far as a check needs: whether a statement lets a role do something."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import conditions
from postflight.probes.aws.conditions import Condition, Context, is_like, texts

ANYONE: Final = "*"
T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What is asked of a policy ("policy of bucket media"). `principal` None: of an identity's own one."""

    policy: str
    action: str
    resource: str
    context: Context
    principal: str | None = None


class Statement(Evidence):
    """One statement. A field beginning with `not_` holds what the statement spares."""

    effect: str
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def speaks_of(self, action: str, resource: str) -> bool:
        """Whether its actions and resources include these."""
        action_hit = _any(action.lower(), (one.lower() for one in self.actions or self.not_actions))
        resource_hit = _any(resource, self.resources or self.not_resources or (ANYONE,))
        return action_hit != bool(self.not_actions) and resource_hit != bool(self.not_resources)

    def names(self, principal: str) -> bool:
        """Whether a resource policy's statement means this role, by its ARN, its account, or anyone."""
        account = principal.split(":")[4] if principal.count(":") >= 5 else ""  # noqa: PLR2004 - parts of an ARN
        own = {principal, account, f"arn:aws:iam::{account}:root", ANYONE}
        if self.not_principals:
            return not own & set(self.not_principals)
        return bool(own & set(self.principals))

    def applies(self, request: Request) -> bool:
        """Whether it is about this request. Raises Unverified where that hangs on what is not known."""
        meant = request.principal is None or self.names(request.principal)
        if not meant or not self.speaks_of(request.action, request.resource):
            return False
        met = {test: test.holds(request.context) for test in self.conditions}
        if False in met.values():
            return False
        unknown = dict.fromkeys(
            f"{test.key} ({test.operator})" for test, is_met in met.items() if is_met is None
        )
        if unknown:
            does = "denies" if self.effect == "Deny" else "allows"
            raise Unverified(
                f"The {request.policy} {does} {request.action} under a condition on "
                f"{' and '.join(unknown)}, which is not evaluated."
            )
        return True


def statements(document: Mapping[str, Any] | str) -> tuple[Statement, ...]:
    """Read a policy document, JSON text or parsed. Raises Unverified where it is none."""
    try:
        parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
        found = parsed["Statement"]
        return tuple(_statement(item) for item in ([found] if isinstance(found, Mapping) else found))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise Unverified(
            "AWS answered with a policy that cannot be read: it is no policy document."
        ) from None


def allows(found: Iterable[Statement], request: Request) -> bool:
    """Whether a statement allows it and none denies it. Raises Unverified where that is not known."""
    known = tuple(found)

    def refuses(effect: str) -> bool:
        return _meets(known, effect, request) == (effect == "Deny")

    return not surely(("Deny", "Allow"), refuses)


def denies(found: Iterable[Statement], request: Request) -> bool:
    """Whether a statement denies it outright. Raises Unverified where that is not known."""
    return _meets(found, "Deny", request)


def surely(items: Iterable[T], is_so: Callable[[T], bool]) -> tuple[T, ...]:
    """Return the items of which it is so. Raises Unverified where it is so of none, and may be of one."""
    sure: list[T] = []
    doubts: list[Unverified] = []
    for item in items:
        try:
            sure.extend([item] if is_so(item) else ())
        except Unverified as doubt:
            doubts.append(doubt)
    if doubts and not sure:
        raise doubts[0]
    return tuple(sure)


def _meets(found: Iterable[Statement], effect: str, request: Request) -> bool:
    return bool(surely((one for one in found if one.effect == effect), lambda one: one.applies(request)))


def _statement(item: Mapping[str, Any]) -> Statement:
    return Statement(
        effect=item["Effect"],
        principals=_principals(item.get("Principal", ())),
        not_principals=_principals(item.get("NotPrincipal", ())),
        actions=texts(item.get("Action", ())),
        not_actions=texts(item.get("NotAction", ())),
        resources=texts(item.get("Resource", ())),
        not_resources=texts(item.get("NotResource", ())),
        conditions=conditions.read(item.get("Condition", {})),
    )


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(text for names in value.values() for text in texts(names))
    return texts(value)


def _any(value: str, patterns: Iterable[str]) -> bool:
    return any(is_like(value, pattern) for pattern in patterns)
