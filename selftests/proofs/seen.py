"""What each fault made fail when it was last proved: the record in seen.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from selftests.proofs.proof import Proof

RECORD = Path(__file__).with_name("seen.json")
_writing = Lock()


def seen() -> Mapping[str, frozenset[str]]:
    """Return for each fault the ids of the checks that it made fail (or hid from us)."""
    if not RECORD.exists():
        return {}
    written = json.loads(RECORD.read_text(encoding="utf-8"))
    return {fault: frozenset(ids) for fault, ids in written.items()}


def record(proofs: Iterable[Proof]) -> None:
    """Write what these faults made fail over what was known of them."""
    with _writing:
        known = {fault: sorted(ids) for fault, ids in seen().items()}
        known |= {proof.fault: sorted(proof.failed) for proof in proofs if proof.holds}
        RECORD.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
