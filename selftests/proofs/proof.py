"""One fault proved: broken, named, explained, mended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from selftests.proofs.expected import EXPECTED, Expected
from selftests.proofs.harness import Sandbox, SuiteRun


@dataclass(frozen=True)
class Proof:
    """What a run said of one fault."""

    fault: str
    detected: bool
    is_named: bool
    consequences: int
    causes: tuple[str, ...]
    unexplained: tuple[str, ...]
    still_failing: tuple[str, ...]
    seconds: float
    missing_words: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether the fault is proved."""
        return self.detected and self.is_named and not self.unexplained and not self.still_failing

    def line(self) -> str:
        """Return the proof in one line, and what is wrong with it below."""
        verdict = "right" if self.is_named else "WRONG"
        seen = "detected" if self.detected else "MISSED"
        text = f"{self.fault:<22} {seen:<9} cause {verdict:<6} {self.consequences:>3} consequences, "
        text += f"{len(self.unexplained)} unexplained, {self.seconds:4.1f} s"
        problems = [f"  unexplained: {one}" for one in self.unexplained]
        problems += [f"  not named: {word}" for word in self.missing_words]
        problems += [f"  not mended: {one}" for one in self.still_failing]
        if not self.is_named:
            problems += [f"  cause told: {one}" for one in self.causes]
        return "\n".join((text, *problems))


def prove(sandbox: Sandbox, fault: str) -> Proof:
    """Break the sandbox in one way, run the suite, mend, and run it again."""
    began = time.monotonic()
    sandbox.break_(fault)
    try:
        broken = sandbox.run_suite("-q")
    finally:
        sandbox.mend(fault)
    # A container that crashed must first outlive its last run.
    mended = sandbox.run_suite("-q", "--patience", "30s")
    return judged(fault, EXPECTED[fault], broken, mended, time.monotonic() - began)


def judged(fault: str, expected: Expected, broken: SuiteRun, mended: SuiteRun, seconds: float) -> Proof:
    """Compare what the run said with what it must say."""
    causes = broken.results.get("causes", [])
    right = [one for one in causes if is_expected(one["check"], one["subject"], expected)]
    told = " ".join(broken.check(one["id"])["message"] for one in right)
    return Proof(
        fault=fault,
        detected=broken.exit_status == 1,
        is_named=bool(right) and all(word in told for word in expected.names),
        consequences=len({consequence for one in right for consequence in one["consequences"]}),
        causes=tuple(f"{one['id']}: {broken.check(one['id'])['message']}" for one in causes),
        unexplained=tuple(
            f"{one['id']}: {broken.check(one['id'])['message']}" for one in causes if one not in right
        ),
        still_failing=tuple(
            f"{one['id']}: {one['message']}"
            for verdict in ("failed", "unverified")
            for one in mended.by_verdict(verdict)
        )
        or (() if mended.exit_status == 0 else (mended.output[-500:],)),
        seconds=seconds,
        missing_words=tuple(word for word in expected.names if word not in told) if right else (),
    )


def is_expected(check: str, subject: str | None, expected: Expected) -> bool:
    """Whether a cause is the fault's check on one of the fault's subjects."""
    return check == expected.check and (not expected.subjects or subject in expected.subjects)
