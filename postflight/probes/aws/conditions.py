"""Conditions of IAM policy statements: met, not met, or not to be told by what a run knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

from postflight.evidence import Evidence
from postflight.probes.aws.arns import parsed

# What a request says under a key; None: it says nothing. Of a key that is not in it nothing is known.
Context: TypeAlias = Mapping[str, str | None]


class Condition(Evidence):
    """One test of a statement: `StringEquals`, `aws:PrincipalArn`, the values."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool | None:
        """Whether it is met; None where that is not known."""
        if self.key.lower() in _AT_LEAST:
            return _compared(self.operator, _AT_LEAST[self.key.lower()], self.values)
        known = {key.lower(): value for key, value in context.items()}
        if self.key.lower() not in known or any("${" in value for value in self.values):
            return None
        actual = known[self.key.lower()]
        return self._absent() if actual is None else self._present(actual)

    def _present(self, actual: str) -> bool | None:
        if self.operator == "Null":
            return "false" in self._lowered
        test = _TESTS.get(self.plain.replace("Not", "", 1))
        if test is None:
            return None
        is_met = any(test(actual, value) for value in self.values)
        if (
            not is_met
            and self.key.lower() == _WHOSE
            and any(_needs_a_path(actual, one) for one in self.values)
        ):
            return None
        return is_met != ("Not" in self.plain)

    def _absent(self) -> bool | None:
        if self.operator == "Null":
            return "true" in self._lowered
        if self.plain.replace("Not", "", 1) not in _TESTS:
            return None
        if self.operator.startswith("ForAnyValue:"):
            return False
        return "Not" in self.plain or self.operator.startswith("ForAllValues:") or self._if_exists

    @property
    def plain(self) -> str:
        """Its operator without what is said of several values, or of none."""
        return self.operator.rpartition(":")[2].removesuffix("IfExists")

    @property
    def _if_exists(self) -> bool:
        return self.operator.endswith("IfExists")

    @property
    def _lowered(self) -> tuple[str, ...]:
        return tuple(value.lower() for value in self.values)


def is_like(value: str, pattern: str) -> bool:
    """Whether a pattern of IAM, where only `*` and `?` are wild, covers a value."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _needs_a_path(role: str, pattern: str) -> bool:
    """Whether a pattern may cover a role if it has a path: an environment declares roles by their names."""
    before, _, last = pattern.rpartition("/")
    return role.count("/") == 1 and "/" in before and is_like(role.rpartition("/")[2], last)


def of_a_request() -> Context:
    """Return what is known of every request: over TLS, and not by an AWS service on somebody's behalf."""
    return _DIRECT


def of_a_role(arn: str) -> Context:
    """Return what is known of a request that comes from a role itself."""
    known = parsed(arn)
    mine = {"aws:PrincipalArn": arn, "aws:PrincipalType": "AssumedRole", "aws:username": None}
    return {**_DIRECT, **mine, **({"aws:PrincipalAccount": known.account} if known is not None else {})}


def read(block: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Read what a statement has under `Condition`."""
    return tuple(
        Condition(operator=operator, key=key, values=texts(values))
        for operator, tests in block.items()
        for key, values in tests.items()
    )


def texts(value: Any) -> tuple[str, ...]:
    """Read what a policy may give as one or as several."""
    found = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in found)


def _same_letters(actual: str, value: str) -> bool:
    return actual.lower() == value.lower()


# By operator. ArnEquals knows wildcards as ArnLike does.
_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _same_letters,
    "StringLike": is_like,
    "ArnEquals": is_like,
    "ArnLike": is_like,
    "Bool": _same_letters,
}
# AWS gives the source's keys only where one of its services calls in a resource's name.
_DIRECT: Final[Mapping[str, str | None]] = {
    "aws:SecureTransport": "true",
    "aws:PrincipalIsAWSService": "false",
    "aws:ViaAWSService": "false",
    "aws:PrincipalServiceName": None,
    "aws:SourceArn": None,
    "aws:SourceAccount": None,
    "aws:SourceOrgID": None,
    "aws:SourceOrgPaths": None,
}
_WHOSE: Final = "aws:principalarn"
# AWS takes no older TLS from anybody; whether it is a newer one is not known.
_AT_LEAST: Final[Mapping[str, float]] = {"s3:tlsversion": 1.2}


def _compared(operator: str, least: float, values: tuple[str, ...]) -> bool | None:
    """Compare a number of which only the least is known."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    plain = operator.removesuffix("IfExists")
    if plain == "NumericLessThan" and all(least >= number for number in numbers):
        return False
    if plain == "NumericGreaterThanEquals" and any(least >= number for number in numbers):
        return True
    return None
