"""Saleor's superuser."""

from __future__ import annotations

from typing import Any


def test_superuser_is_there(declared_superuser: Any, superusers: Any) -> None:
    """Without an active superuser nobody can log in to the dashboard: it says Invalid credentials."""
    assert superusers.problem is None, (
        f"superusers of {declared_superuser.service} cannot be counted: {superusers.problem}"
    )
    assert superusers.count, (
        f"there is no active superuser in {superusers.where} ({declared_superuser.service})"
    )
