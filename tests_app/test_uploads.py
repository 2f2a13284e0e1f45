"""Uploads: an object can be written, read back and removed as the application would."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.where("canary")
def test_object_can_be_uploaded(declared_bucket: Any, canary: Any) -> None:
    """Product images are uploaded here; policy, role or bucket may each forbid it."""
    assert canary.is_complete, (
        f"{canary.who} cannot {canary.failed_step} an object in {declared_bucket.bucket}: {canary.problem}"
    )


@pytest.mark.where("canary")
def test_no_canary_is_left(declared_bucket: Any, canary: Any) -> None:
    """What a run writes it removes, and what a killed run left behind as well."""
    left = ", ".join(canary.left)
    assert not canary.left, f"canary objects are left in {declared_bucket.bucket}: {left}"
    assert not canary.kept, (
        f"{declared_bucket.bucket} keeps versions, and {canary.who} may not delete those of the canary "
        f"(s3:DeleteObjectVersion): {', '.join(canary.kept)}"
    )
