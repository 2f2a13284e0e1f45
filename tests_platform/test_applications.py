"""Argo CD Applications."""

from __future__ import annotations

from typing import Any

import pytest


def test_application_exists(application: Any) -> None:
    """Without its Application, Argo CD delivers nothing of a system."""
    assert application.found, f"{application.title} does not exist"


@pytest.mark.where("status_limit_s")
def test_application_status_is_current(declared_application: Any, application: Any) -> None:
    """While its controller is down, Argo CD goes on to say Synced and Healthy of what was so before."""
    assert application.found, f"{application.title} does not exist"
    assert not application.is_older_than(declared_application.status_limit_s), (
        f"{application.title} was last compared with Git {application.last_compared}, not within "
        f"{declared_application.status_limit_s:g} s ({'; '.join(application.complaints) or 'no complaint'})"
    )


def test_operation_is_not_stuck(declared_application: Any, application: Any) -> None:
    """While one operation runs Argo CD refuses the next: a stuck one stops every delivery."""
    assert application.found, f"{application.title} does not exist"
    age = application.operation_age_s
    assert age is None or age <= declared_application.operation_limit_s, (
        f"{application.title}: its operation is {application.operation_phase} since "
        f"{application.operation_began:%Y-%m-%d %H:%M:%S} UTC "
        f"({application.operation_message or 'no message'})"
    )


def test_variables_are_as_they_were_applied(application: Any, application_drift: Any) -> None:
    """A variable that was patched by hand works until the next sync takes it back, and nobody knows why."""
    assert application.found, f"{application.title} does not exist"
    untold = f"; what was applied to {', '.join(application_drift.untold)} is not remembered there"
    assert not application_drift.changes, (
        f"since {application.title} was synced, {'; '.join(application_drift.changes)}"
        + (untold if application_drift.untold else "")
    )


def test_application_is_synced(application: Any, differing_resources: Any) -> None:
    """What runs is what Git declares; a change by hand, or one never applied, shows as OutOfSync."""
    assert application.found, f"{application.title} does not exist"
    differing = ", ".join((*differing_resources.titles, *application.complaints)) or "no resource named"
    assert application.sync == "Synced", (
        f"{application.title} is {application.sync or 'unknown'}: {differing}"
    )


def test_application_is_healthy(application: Any, unhealthy_resources: Any) -> None:
    """Argo CD's own judgement of everything that the Application delivers."""
    assert application.found, f"{application.title} does not exist"
    assert application.health == "Healthy", (
        f"{application.title} is {application.health or 'unknown'}: "
        f"{unhealthy_resources.text or 'no resource named'}"
    )
