"""What the checks that pytest collects for an environment need. Collection is offline; so is this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from postflight import collection
from postflight.environment import Environment, Subject, Vantage
from postflight.permissions.asking import reads_of
from postflight.subjects import rows

_COLLECTED = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


class NothingCollectedError(Exception):
    """pytest could not collect the environment's checks; it has said why."""


@dataclass(frozen=True)
class Need:
    """One permission that one row needs for one subject (None: the environment itself).

    `whole_cluster`: it is needed in every namespace, whatever the subject.
    """

    permission: str
    fixture: str
    subject: Subject | None
    vantage: Vantage
    whole_cluster: bool = False


def needs(name: str, environment: Environment, root: Path, vantages: Sequence[Vantage]) -> list[Need]:
    """Return what the checks of an environment need, from each vantage. Raises NothingCollectedError.

    `name` is what --env is given. That the run knows where it is needs the cluster's description; who it is,
    AWS tells everybody.
    """
    found: list[Need] = []
    for vantage in vantages:
        if environment.cluster is not None:
            found.append(Need("eks:DescribeCluster", "identity", None, vantage))
        found += _needs_of(_collect(name, root, vantage), vantage)
    return found


@dataclass
class _Catcher:
    """A pytest plugin that keeps the items which are left after everybody else's choice."""

    items: list[pytest.Item] = field(default_factory=list)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items.extend(items)


def _collect(name: str, root: Path, vantage: Vantage) -> list[pytest.Item]:
    catcher = _Catcher()
    # Nothing is run: assertions stay as they are written, which modules imported before must as well.
    quiet = ("--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider")
    with contextlib.chdir(root):
        status = pytest.main(
            [f"--env={name}", f"--vantage={vantage}", "--collect-only", *quiet], plugins=[catcher]
        )
    if status not in _COLLECTED:
        raise NothingCollectedError(
            f"The checks of {name} cannot be collected: see `pytest --env {name} --co`."
        )
    return catcher.items


def _needs_of(items: Sequence[pytest.Item], vantage: Vantage) -> Iterator[Need]:
    known = rows()
    looks: dict[tuple[str, str], Subject | None] = {}
    for item in items:
        _, subject = collection.subject_of(item)
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in known:
                about = subject if known[fixture].kind is not None else None
                looks[fixture, about.name if about is not None else ""] = about
    for (fixture, _), about in looks.items():
        for read in sorted(reads_of(known[fixture].look)):
            yield Need(read.permission, fixture, about, vantage, read.whole_cluster)
