"""Two faults at once: pairs from different layers that have nothing to do with each other."""

from __future__ import annotations

import random
from itertools import combinations

from selftests.proofs.expected import EXPECTED
from selftests.proofs.seen import seen

_FAILING = 1


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Return `count` pairs, the same for the same seed.

    Left out are pairs of which one fault breaks what the other is told by: there the second is a consequence.
    """
    known = seen()
    named = [name for name, one in EXPECTED.items() if one.exit_status == _FAILING and name in known]
    possible = [
        (one, other)
        for one, other in combinations(named, 2)
        if EXPECTED[one].layer != EXPECTED[other].layer
        and not _breaks(known[one], other)
        and not _breaks(known[other], one)
    ]
    # Not for secrets, but to have the same pairs again.
    return random.Random(seed).sample(possible, min(count, len(possible)))  # noqa: S311


def _breaks(failed: frozenset[str], fault: str) -> bool:
    """Whether what one fault made fail holds what the other is told by."""
    expected = EXPECTED[fault]
    return any(
        expected.is_told_by(check, subject.removesuffix("]") or None)
        for check, _, subject in (identity.partition("[") for identity in failed)
    )
