"""The IAM policy of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from postflight.environment import Environment
from postflight.permissions.collected import Need
from postflight.permissions.scopes import EVERYTHING, arns

VERSION = "2012-10-17"

# AWS answers these to everybody who has credentials at all.
_ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})


def iam_policy(environment: Environment, needs: Iterable[Need]) -> dict[str, Any]:
    """Return the policy document that allows just these needs: one statement for each set of resources.

    Raises UnknownPermissionError.
    """
    by_action: dict[str, set[str]] = {}
    for need in _with_assumed_roles(needs):
        if ":" in need.permission and need.permission not in _ALWAYS_ALLOWED:
            by_action.setdefault(need.permission, set()).update(arns(environment, need))
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action, found in sorted(by_action.items()):
        if found:
            resources = (EVERYTHING,) if EVERYTHING in found else tuple(sorted(found))
            by_resources.setdefault(resources, []).append(action)
    statements = [
        {
            "Sid": _name(actions, resources),
            "Effect": "Allow",
            "Action": actions,
            "Resource": list(resources) if len(resources) > 1 else resources[0],
        }
        for resources, actions in sorted(by_resources.items())
    ]
    return {"Version": VERSION, "Statement": statements}


def _with_assumed_roles(needs: Iterable[Need]) -> Iterable[Need]:
    """Add that a canary may be written as the application's role, which has to be assumed first."""
    for need in needs:
        yield need
        if need.permission == "s3:PutObject":
            yield replace(need, permission="sts:AssumeRole")


def _name(actions: list[str], resources: tuple[str, ...]) -> str:
    """Return a name that stays when statements are added; an action stands in one statement only."""
    if resources == (EVERYTHING,):
        return "LookAtEverything"
    service, _, action = actions[0].partition(":")
    return f"{service.capitalize()}{action}"
