"""Writes runbook/faults.json: the word of each fault, and the checks that tell it as the cause."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import faults
from selftests.proofs.expectation import Expected
from selftests.proofs.expected import EVERY
from selftests.proofs.guides import GUIDES

FILE = Path(__file__).resolve().parent.parent.parent / "runbook" / "faults.json"


def words() -> str:
    """Return the file's text: one line a fault, variants under the fault's own word."""
    catalogue = faults.catalogue()
    proved = dict.fromkeys(name.split()[0] for name in EVERY)
    lines = (
        f" {json.dumps(name)}: {json.dumps(_told(name, catalogue[name].summary), ensure_ascii=False)}"
        for name in proved
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _told(name: str, summary: str) -> Mapping[str, Any]:
    tellings = [one for variant, one in EVERY.items() if variant.split()[0] == name]
    checks = dict.fromkeys(one.check for one in tellings if one.check)
    found: dict[str, Any] = {"summary": summary, "guide": GUIDES.get(name, "—"), "checks": list(checks)}
    return found if checks else {**found, "told": _told_otherwise(tellings[0])}


def _told_otherwise(expected: Expected) -> str:
    if expected.blinded:
        return (
            "No check fails: each that needs it is unverified and names the permission (exit status 6). "
            "`postflight permissions --env NAME` prints all that a run has to be allowed."
        )
    return "No check runs: the run stops before the first one and names both sides (exit status 4)."


if __name__ == "__main__":
    sys.stdout.write(words())
