"""docs/faults.md: which faults the suite is proved to catch, and by which check."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox import faults
from selftests.proofs.expectation import Expected
from selftests.proofs.expected import EXPECTED
from selftests.proofs.guides import GUIDES
from selftests.proofs.variants import VARIANTS

_HEAD = """# Faults

Written by `python -m selftests.proofs --table`; a selftest keeps it current. Each row is a fault of the
sandbox (`python -m sandbox break FAULT`, or `pytest --env sandbox --fault FAULT`) and the check that names it
as the one cause. `make faults` proves each of them: with the fault alone this check fails on the subject in
question, whatever else fails is told as its consequence, and after mending nothing fails.

| fault | what is broken | guide | check that names it |
|---|---|---|---|
"""
_VARIANTS = """
## Variants

The same faults with other parameters (`python -m sandbox break FAULT key=value`): told by other checks, or
with other consequences.

| fault | check that names it |
|---|---|
"""


def table() -> str:
    """Return the page."""
    catalogue = faults.catalogue()
    rows = (
        f"| `{name}` | {_cell(catalogue[name].summary)} | {GUIDES[name]} | {_check(one)} |"
        for name, one in EXPECTED.items()
    )
    return f"{_HEAD}{_lines(rows)}{_VARIANTS}{_lines(_variants())}"


def _variants() -> Iterator[str]:
    return (f"| `{name}` | {_check(one)} |" for name, one in VARIANTS.items())


def _lines(rows: Iterator[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _check(expected: Expected) -> str:
    if expected.check:
        module, _, test = expected.check.partition("::")
        page = f"../runbook/{module.removesuffix('.py')}.md"
        subject = f" of {', '.join(sorted(expected.subjects))}" if expected.subjects else ""
        return f"[{test}]({page}){_cell(subject)}"
    if expected.blinded:
        return "every check that needs it is unverified and names the permission (exit status 6)"
    return "none runs: both sides are named (exit status 4)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
