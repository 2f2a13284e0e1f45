"""Runs what failed in `make test` once more, alone: `python -m selftests.again`, right after it.

Three processes share two cores there, and a limit of time may be missed for that alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

LAST_FAILED = Path(".pytest_cache", "v", "cache", "lastfailed")
# More than these are no accident; neither is what failed before there was a test to run.
MOST = 3


def second_chance(last_failed: Path) -> Sequence[str]:
    """Return the tests that may run again: none where many failed, or anything but tests."""
    failed: Sequence[str] = (
        list(json.loads(last_failed.read_text(encoding="utf-8"))) if last_failed.is_file() else []
    )
    are_tests = all("::" in one for one in failed)
    return failed if are_tests and len(failed) <= MOST else []


def main() -> int:
    """Run them again, if they may. Returns an exit status, which is 0 only if all passed."""
    tests = second_chance(LAST_FAILED)
    if not tests:
        return 1
    print(
        "Failed beside others, and once more alone; what fails again, fails:", *tests, sep="\n  ", flush=True
    )
    return pytest.main(["-W", "error", *tests])


if __name__ == "__main__":
    sys.exit(main())
