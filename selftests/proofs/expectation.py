"""What a fault must be told as."""

from __future__ import annotations

from dataclasses import dataclass, replace

INFRA, PLATFORM, APP, NETWORK = "tests_infra", "tests_platform", "tests_app", "tests_network"

PREFIX = "min-kyeol-sandbox"
API = "saleor-api"


@dataclass(frozen=True)
class Expected:
    """The one cause of a fault. `subjects` are those that it may name; none: the environment itself.

    `exit_status`: 1 where checks fail, 4 where no check may run at all, 6 where the fault hides `blinded`
    checks from us. `arguments` are the run's own.
    """

    check: str
    subjects: frozenset[str]
    names: tuple[str, ...]
    exit_status: int = 1
    blinded: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """The layer of its check; empty where no check is the cause."""
        return self.check.partition("/")[0]

    def is_told_by(self, check: str, subject: str | None) -> bool:
        """Whether a cause is this check on one of the fault's subjects."""
        return check == self.check and (not self.subjects or subject in self.subjects)


def cause(layer: str, check: str, subjects: str = "", names: str = "") -> Expected:
    """Return what a fault is told as. `check`: module::function; `subjects` and `names`: words."""
    return Expected(
        f"{layer}/{check.replace('::', '.py::')}", frozenset(subjects.split()), tuple(names.split())
    )


def with_arguments(expected: Expected, *arguments: str) -> Expected:
    """Return what is expected of a run that is started with these arguments."""
    return replace(expected, arguments=arguments)


def refusal(names: str) -> Expected:
    """Return what a fault is told as because of which no check may run: the run itself names both sides."""
    return Expected("", frozenset(), tuple(names.split()), exit_status=4)


def blindness(permission: str, *checks: str) -> Expected:
    """Return what a missing permission is told as: these checks are unverified, and name it."""
    blinded = tuple(check.replace("::", ".py::") for check in checks)
    return Expected("", frozenset(), (permission,), exit_status=6, blinded=blinded)
