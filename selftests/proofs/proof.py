"""One fault proved: broken, named, explained, mended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from selftests.proofs.asserts import asserted
from selftests.proofs.expectation import Expected
from selftests.proofs.expected import EVERY
from selftests.proofs.harness import Sandbox, SuiteRun
from selftests.proofs.telling import Telling, told


@dataclass(frozen=True)
class Proof:
    """What a run said of one fault, or of two at once.

    `failed`: what failed or could not be looked at. `asserted`: the assertions that told it.
    """

    fault: str
    detected: bool
    is_named: bool
    consequences: int
    causes: tuple[str, ...]
    unexplained: tuple[str, ...]
    still_failing: tuple[str, ...]
    seconds: float
    missing_words: tuple[str, ...] = field(default=())
    failed: tuple[str, ...] = field(default=())
    asserted: tuple[str, ...] = field(default=())

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


def prove(sandbox: Sandbox, *names: str, look_again: bool = True) -> Proof:
    """Break the sandbox in one way (or several), run the suite, mend, and run it again.

    A name is a fault with its parameters: `externaldns-irsa part=trust`. Without `look_again` nobody looks
    at the mended sandbox.
    """
    began = time.monotonic()
    expected = [EVERY[name] for name in names]
    broken: list[str] = []
    try:
        for name in names:
            fault, *parameters = name.split()
            sandbox.break_(fault, *parameters)
            broken.append(fault)
        run = sandbox.run_suite("-q", *(word for one in expected for word in one.arguments))
    finally:
        for fault in reversed(broken):
            sandbox.mend(fault)
    failing = still_failing(sandbox) if look_again else ()
    return judged(dict(zip(names, expected, strict=True)), run, failing, time.monotonic() - began)


def still_failing(sandbox: Sandbox) -> tuple[str, ...]:
    """Look at the mended sandbox, and return what is not as it should be."""
    # A busy machine may have made a probe fail in between.
    mended = sandbox.run_suite("-q", "--patience", "30s")
    failing = tuple(
        f"{one['id']}: {one['message']}"
        for verdict in ("failed", "unverified")
        for one in mended.by_verdict(verdict)
    )
    return failing or (() if mended.exit_status == 0 else (mended.output[-500:],))


def judged(
    expected: Mapping[str, Expected], broken: SuiteRun, failing: tuple[str, ...], seconds: float
) -> Proof:
    """Compare what a run said with what it must say of each fault that was in effect."""
    tellings = [told(one, broken) for one in expected.values()]
    right = frozenset(cause for telling in tellings for cause in telling.right)
    causes = broken.results.get("causes", [])
    return Proof(
        fault=" + ".join(expected),
        detected=all(telling.detected for telling in tellings),
        is_named=all(telling.is_named for telling in tellings),
        consequences=sum(telling.consequences for telling in tellings),
        causes=tuple(_words(broken, one["id"]) for one in causes) or tuple(_outputs(tellings)),
        unexplained=(
            *(_words(broken, one["id"]) for one in causes if one["id"] not in right),
            *(words for telling in tellings for words in telling.unexplained),
        ),
        still_failing=failing,
        seconds=seconds,
        missing_words=tuple(word for telling in tellings for word in telling.missing_words),
        failed=tuple(one["id"] for verdict in ("failed", "unverified") for one in broken.by_verdict(verdict)),
        asserted=asserted(broken),
    )


def _words(run: SuiteRun, identity: str) -> str:
    return f"{identity}: {run.check(identity)['message']}"


def _outputs(tellings: list[Telling]) -> list[str]:
    return [telling.output for telling in tellings if telling.output]
