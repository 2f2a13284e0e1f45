"""What each fault made fail when it was last proved: the records in seen.json and asserted.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from selftests.proofs.proof import Proof

RECORD = Path(__file__).with_name("seen.json")
ASSERTED = Path(__file__).with_name("asserted.json")
# the entry of asserted.json for what selftests/test_absent_things.py declares and nobody has made
ABSENT = "(absent)"
_writing = Lock()


def seen() -> Mapping[str, frozenset[str]]:
    """Return for each fault the ids of the checks that it made fail (or hid from us)."""
    return _read(RECORD)


def asserted() -> Mapping[str, frozenset[str]]:
    """Return for each fault the assertions (`check#2`) that told what it broke."""
    return _read(ASSERTED)


def record(proofs: Iterable[Proof]) -> None:
    """Write what these faults made fail over what was known of them."""
    with _writing:
        held = [proof for proof in proofs if proof.holds]
        _write(RECORD, seen(), {proof.fault: proof.failed for proof in held})
        _write(ASSERTED, asserted(), {proof.fault: proof.asserted for proof in held})


def _read(file: Path) -> Mapping[str, frozenset[str]]:
    if not file.exists():
        return {}
    written = json.loads(file.read_text(encoding="utf-8"))
    return {fault: frozenset(found) for fault, found in written.items()}


def _write(file: Path, known: Mapping[str, Iterable[str]], new: Mapping[str, Iterable[str]]) -> None:
    merged = {fault: sorted(found) for fault, found in {**known, **new}.items()}
    file.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")
