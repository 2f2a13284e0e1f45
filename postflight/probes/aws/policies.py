"""IAM policy documents, judged as far as a check needs: whether a statement lets a role do something."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from postflight.evidence import Evidence

ANYONE: Final = "*"


class Condition(Evidence):
    """One test of a statement: `StringEquals`, `aws:PrincipalArn`, the values."""

    operator: str
    key: str
    values: tuple[str, ...]


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

    def holds(self, context: Mapping[str, str]) -> bool:
        """Whether its conditions hold for what we know; a key we do not know counts as not met."""
        return all(_holds(condition, context) for condition in self.conditions)


def statements(document: Mapping[str, Any] | str) -> tuple[Statement, ...]:
    """Read a policy document, JSON text or parsed."""
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    found = parsed.get("Statement", ())
    return tuple(_statement(item) for item in ([found] if isinstance(found, Mapping) else found))


def allows(
    found: Iterable[Statement], action: str, resource: str, context: Mapping[str, str], principal: str | None
) -> bool:
    """Whether a statement allows it and none denies it. `principal` None: an identity's own policy."""
    applying = [one for one in found if _applies(one, action, resource, context, principal)]
    effects = {one.effect for one in applying}
    return "Allow" in effects and "Deny" not in effects


def denies(
    found: Iterable[Statement], action: str, resource: str, context: Mapping[str, str], principal: str | None
) -> bool:
    """Whether a statement denies it outright."""
    return any(one.effect == "Deny" and _applies(one, action, resource, context, principal) for one in found)


def _applies(
    statement: Statement, action: str, resource: str, context: Mapping[str, str], principal: str | None
) -> bool:
    meant = principal is None or statement.names(principal)
    return meant and statement.speaks_of(action, resource) and statement.holds(context)


def _statement(item: Mapping[str, Any]) -> Statement:
    return Statement(
        effect=item.get("Effect", ""),
        principals=_principals(item.get("Principal", ())),
        not_principals=_principals(item.get("NotPrincipal", ())),
        actions=_texts(item.get("Action", ())),
        not_actions=_texts(item.get("NotAction", ())),
        resources=_texts(item.get("Resource", ())),
        not_resources=_texts(item.get("NotResource", ())),
        conditions=tuple(
            Condition(operator=operator, key=key, values=_texts(values))
            for operator, tests in item.get("Condition", {}).items()
            for key, values in tests.items()
        ),
    )


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(text for texts in value.values() for text in _texts(texts))
    return _texts(value)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | bool):
        return (str(value).lower() if isinstance(value, bool) else value,)
    return tuple(str(item) for item in value)


def _any(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _holds(condition: Condition, context: Mapping[str, str]) -> bool:
    known = {key.lower(): value for key, value in context.items()}
    actual = known.get(condition.key.lower())
    if actual is None:
        return False
    operator = condition.operator.removesuffix("IfExists")
    hit = _any(actual, condition.values) if "Like" in operator else actual in condition.values
    return hit != ("Not" in operator)
