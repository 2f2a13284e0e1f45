"""What our tests share: one healthy sandbox, which a test may break and must mend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selftests.proofs.harness import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this process's own."""
    with running_sandbox() as running:
        yield running
