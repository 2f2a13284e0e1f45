"""What an Argo CD that has stopped looking says is well is not believed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postflight.environment import Application as Declared
from postflight.environment import Environment
from postflight.evidence import Unverified
from postflight.subjects.delivery import (
    application,
    application_drift,
    differing_resources,
    unhealthy_resources,
)
from sandbox.controllers.argocd import compared_at
from sandbox.controllers.repository import Tree
from selftests.kube_api_server import Served
from selftests.kubernetes_runs import ENVIRONMENT, asking, post, serving_shop

SHOP = Environment.model_validate(ENVIRONMENT)
DECLARED = Declared(name="shop", namespace="shop", destination="shop")
WELL = {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}
SERVICE = {"kind": "Service", "name": "cart", "status": "OutOfSync", "health": {"status": "Missing"}}
UNWELL = {"sync": {"status": "OutOfSync"}, "health": {"status": "Degraded"}, "resources": [SERVICE]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


def ago(**time: float) -> str:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def deliver(served: Served, status: dict[str, Any], **compared: str) -> None:
    """Make the Application `shop` with a status."""
    manifest = {"metadata": {"name": "shop"}, "spec": {}, "status": {**status, **compared}}
    post(served, "/apis/argoproj.io/v1alpha1/namespaces/shop/applications", manifest)


def test_an_old_status_that_is_well_is_not_believed(served: Served, tmp_path: Path) -> None:
    """With its controller down since yesterday an Application is Synced and Healthy, whatever came since."""
    deliver(served, WELL, reconciledAt=ago(hours=20))
    ask = asking(served, tmp_path, "admin")

    assert application(ask, SHOP, DECLARED).is_older_than(DECLARED.status_limit_s)
    for row in (differing_resources, unhealthy_resources, application_drift):
        with pytest.raises(Unverified, match=r"What Application shop/shop says is old: .* at 20\d\d-.* UTC"):
            row(ask, SHOP, DECLARED)


def test_an_old_status_that_is_not_well_is_told(served: Served, tmp_path: Path) -> None:
    """What was wrong when Argo CD stopped looking is the best that is known, and no reason to be silent."""
    deliver(served, UNWELL, reconciledAt=ago(hours=20))
    ask = asking(served, tmp_path, "admin")

    assert differing_resources(ask, SHOP, DECLARED).titles == ("Service cart",)
    assert unhealthy_resources(ask, SHOP, DECLARED).titles == ("Service cart (Missing)",)


@pytest.mark.parametrize(
    ("compared", "limit_s"),
    [(dt.timedelta(minutes=4), 900.0), (dt.timedelta(hours=20), None)],
)
def test_a_status_within_its_limit_is_believed(
    served: Served, tmp_path: Path, compared: dt.timedelta, limit_s: float | None
) -> None:
    """Argo CD compares every three minutes, and where `timeout.reconciliation` is 0 only when told to."""
    deliver(served, WELL, reconciledAt=ago(seconds=compared.total_seconds()))
    ask = asking(served, tmp_path, "admin")
    declared = DECLARED.model_copy(update={"status_limit_s": limit_s})

    assert not application(ask, SHOP, declared).is_older_than(limit_s)
    assert differing_resources(ask, SHOP, declared).titles == ()


def test_an_application_that_was_never_compared_is_told(served: Served, tmp_path: Path) -> None:
    """A controller that was never up leaves an Application without a status."""
    deliver(served, {})
    seen = application(asking(served, tmp_path, "admin"), SHOP, DECLARED)

    assert seen.is_older_than(DECLARED.status_limit_s)
    assert seen.last_compared == "never"


@pytest.mark.parametrize(("minutes", "revision", "is_new"), [(2, "a", False), (2, "b", True), (4, "a", True)])
def test_the_sandbox_compares_as_often_as_argo_cd(minutes: float, revision: str, is_new: bool) -> None:
    """A sandbox that is up for an hour would be red, or would hide that the limit is too short."""
    before = ago(minutes=minutes)
    held = {"reconciledAt": before, "sync": {"revision": "a"}}

    assert (compared_at(held, Tree(revision, {})) != before) is is_new
