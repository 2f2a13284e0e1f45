"""IAM policy documents, judged as far as a check needs: whether a statement lets a role do something."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import conditions
from postflight.probes.aws.arns import parsed
from postflight.probes.aws.conditions import Condition, Context, is_like, texts

ANYONE: Final = "*"
# Of roles, as IAM writes them in place of an ARN that leads nowhere any more.
_UNIQUE_IDS: Final = "AROA"
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

    def names(self, role: str) -> bool | None:
        """Whether a resource policy's statement means a role (its ARN); None where that is not known.

        A Deny spares whom it lists as account, role and session. The names of a role's sessions are not known
        here, so a role that is listed may be spared; one of which only the account is listed is not.
        Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".
        """
        if not self.not_principals:
            found = {means(one, role) for one in self.principals}
            return True if True in found else None if None in found else False
        if ANYONE in self.not_principals:
            return False
        spared = [one for one in self.not_principals if means(one, role) is not False]
        if self.effect == "Deny":
            spared = [one for one in spared if not _is_an_account(one)]
        return None if spared else True

    def applies(self, request: Request) -> bool:
        """Whether it is about this request. Raises Unverified where that hangs on what is not known."""
        is_meant = request.principal is None or self.names(request.principal)
        if is_meant is False or not self.speaks_of(request.action, request.resource):
            return False
        met = {test: test.holds(request.context) for test in self.conditions}
        if False in met.values():
            return False
        does = f"The {request.policy} {'denies' if self.effect == 'Deny' else 'allows'} {request.action}"
        unknown = dict.fromkeys(
            f"{test.key} ({test.operator})" for test, is_met in met.items() if is_met is None
        )
        if unknown:
            raise Unverified(f"{does} under a condition on {' and '.join(unknown)}, which is not evaluated.")
        if is_meant is None:
            named = ", ".join(self.not_principals or self.principals)
            raise Unverified(
                f"{does} {'to all but ' if self.not_principals else 'to '}{named}: whether that is "
                f"{request.principal} is not known."
            )
        return True


def means(principal: str, role: str) -> bool | None:
    """Whether a principal of a policy means a role, given by its ARN; None where that is not known.

    A name is a role's alone in its account, whatever its path. One session of a role is not the role, and of
    a unique id (AROA…), which stands for a role that was deleted, its name is not known.
    Source: IAM user guide, "AWS JSON policy elements: Principal".
    """
    known, arn = parsed(role), parsed(principal)
    if principal == ANYONE or known is None:
        return principal in (ANYONE, role)
    if arn is None:
        return None if principal.startswith(_UNIQUE_IDS) else principal == known.account
    if (arn.partition, arn.account) != (known.partition, known.account):
        return False
    kind, _, rest = arn.resource.partition("/")
    if (arn.service, kind) == ("sts", "assumed-role"):
        return None if rest.partition("/")[0] == known.name else False
    if arn.service != "iam":
        return False
    return kind == "root" or (kind == "role" and arn.name == known.name)


def _is_an_account(principal: str) -> bool:
    arn = parsed(principal)
    return principal.isdigit() if arn is None else arn.resource == "root"


def statements(document: Mapping[str, Any] | str) -> tuple[Statement, ...]:
    """Read a policy document, JSON text or parsed. Raises Unverified where it is none."""
    try:
        whole: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
        found = whole["Statement"]
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
