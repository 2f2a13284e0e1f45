"""The fixture of a seeded AWS, shared by every selftest that looks at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selftests.aws_server import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selftests.aws_server import Cloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """Run one AWS for all tests of a session; each test leaves it as it was."""
    with running_cloud() as made:
        yield made
