"""Terraform: the state is there, holds what is in AWS, and nobody left it locked."""

from __future__ import annotations

from typing import Any

import pytest

LONGEST_APPLY_S = 3600


def test_state_exists(declared_terraform_state: Any, state: Any) -> None:
    """Without its state Terraform would make everything a second time."""
    assert state.found, (
        f"there is no Terraform state s3://{declared_terraform_state.bucket}/{declared_terraform_state.key}"
    )


@pytest.mark.where("resources")
def test_state_holds_its_resources(declared_terraform_state: Any, state: Any) -> None:
    """What AWS has and the state lacks makes the next apply fail ("already exists") or make it twice."""
    lacking = state.lacking(declared_terraform_state.resources)
    assert not lacking, f"the Terraform state s3://{state.place} does not hold {', '.join(lacking)}"


@pytest.mark.where("lock_table")
def test_state_is_not_left_locked(declared_terraform_state: Any, state_lock: Any) -> None:
    """A run that was cut off leaves its lock; later runs wait in vain. Without a table no run gets one."""
    assert state_lock.has_table, (
        f"there is no DynamoDB table {declared_terraform_state.lock_table}, in which Terraform locks the "
        f"state {state_lock.place}"
    )
    assert not state_lock.found or state_lock.age_s < LONGEST_APPLY_S, (
        f"the Terraform state {state_lock.place} is locked in table {declared_terraform_state.lock_table}: "
        f"lock {state_lock.id or 'without an ID'} of {state_lock.who or 'nobody named'} "
        f"({state_lock.operation or 'no operation named'}), made {state_lock.created or 'at no time named'}, "
        f"{state_lock.age_s / 3600:.1f} hours ago"
    )
