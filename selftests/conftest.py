"""What our tests share: one healthy sandbox, which a test may break and must mend."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from selftests.proofs.harness import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of this process's own."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def no_server_goes_on() -> Iterator[None]:
    """No server of a module outlives it: the loop over its closed socket would take the CPU from others."""
    before = set(threading.enumerate())
    yield
    left = [one.name for one in set(threading.enumerate()) - before if "serve_forever" in one.name]
    assert not left
