"""One permission taken away, or its answer withheld: what a run over the sandbox made of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from postflight.probes.aws import sts as _sts  # noqa: F401 - importing declares
from postflight.probes.kubernetes import context as _context  # noqa: F401 - importing declares
from postflight.probes.reads import declared_probes
from postflight.subjects import rows
from selftests.denials.elsewhere import SEEN_ELSEWHERE
from selftests.proofs.harness import Sandbox, SuiteRun

How = Literal["denied", "throttled", "hang", "empty"]
HOWS: tuple[How, ...] = ("denied", "throttled", "hang", "empty")

Dependents = Mapping[str, frozenset[str]]
WRONG_PLACE = 4
UNVERIFIED = 6

# Everybody may ask these; nobody can be denied them.
_PUBLIC = frozenset({"get /version"})

# The canary is written as the application's role, which the denial meets as well. That the role is refused
# is what this check is there to tell; and whether something was left behind, the run sees for itself.
_AS_THE_APPLICATION = frozenset({"s3:PutObject", "s3:GetObject", "s3:DeleteObject"})
_UPLOADS = "tests_app/test_uploads.py::"


@dataclass(frozen=True)
class Denial:
    """What came of one permission's denial.

    `greens` passed though they could not look; `unnamed` did not pass, and do not say for want of what.
    """

    permission: str
    how: How
    dependents: int
    unverified: int
    failed: int
    greens: tuple[str, ...]
    unnamed: tuple[str, ...]
    exit_status: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing was green that was not seen, and everything says why."""
        is_right_status = self.exit_status in {UNVERIFIED, WRONG_PLACE} or bool(self.failed)
        return not self.greens and not self.unnamed and is_right_status

    def line(self) -> str:
        """Return the result in one line, and what is wrong with it below."""
        verdict = "right" if self.holds else "WRONG"
        text = f"{self.permission:<44} {self.how:<9} {verdict}  {self.dependents:>3} depend on it, "
        text += f"{self.unverified} unverified, {self.failed} failed, exit {self.exit_status}, "
        problems = [f"  green: {one}" for one in self.greens]
        problems += [f"  does not say why: {one}" for one in self.unnamed]
        return "\n".join((f"{text}{self.seconds:.1f} s", *problems))


def dependents(healthy: SuiteRun) -> Dependents:
    """Return, for each permission that a healthy run used, the checks that rest on it.

    What a check asked is in its evidence; what a probe may call is in its `@reads`.
    """
    rows()
    reads = {name: probe.reads for name, probe in declared_probes().items()}
    asked = {file.name: reads[_probe_of(file.read_text(encoding="utf-8"))] for file in _evidence(healthy)}
    calls = healthy.results["calls"]
    used = {*calls["aws"], *calls["kubernetes"]} - _PUBLIC
    return {
        permission: frozenset(
            one["id"]
            for one in healthy.results["checks"]
            if any(permission in asked[name] for name in one["evidence"])
        )
        for permission in sorted(used)
    }


def _evidence(run: SuiteRun) -> Any:
    return (run.folder / "evidence").glob("*.json")


def _probe_of(text: str) -> str:
    return str(json.loads(text)["probe"])


def worth_trying(resting: Dependents, how: How) -> list[str]:
    """Return the permissions that can be taken away so; buckets are those of every account in the sandbox."""
    return [one for one in resting if how != "empty" or not one.startswith("s3:")]


def denied(sandbox: Sandbox, permission: str, how: How, resting: frozenset[str]) -> Denial:
    """Take one permission away, or withhold its answer; run the suite; give it back."""
    began = time.monotonic()
    fault = "access-denied" if how == "denied" else "answer-withheld"
    parameters = (f"action={permission}", *(() if how == "denied" else (f"how={how}",)))
    sandbox.break_(fault, *parameters)
    try:
        run = sandbox.run_suite("-q")
    finally:
        sandbox.mend(fault)
    return judged(run, permission, how, resting, time.monotonic() - began)


def judged(run: SuiteRun, permission: str, how: How, resting: frozenset[str], seconds: float) -> Denial:
    """Hold a run against what it could not see."""
    checks = {one["id"]: one for one in run.results.get("checks", ())}
    elsewhere = SEEN_ELSEWHERE.get(permission, frozenset()) if how == "empty" else frozenset()
    is_the_application = how == "denied" and permission in _AS_THE_APPLICATION
    greens = [
        one
        for one in resting
        if one in checks
        and checks[one]["verdict"] == "passed"
        and _check(one) not in elsewhere
        and not (is_the_application and one.startswith(_UPLOADS))
    ]
    is_untold = run.exit_status == WRONG_PLACE and how != "empty" and permission not in run.output
    unnamed = [
        f"{one['id']}: {one['verdict']}: {one['message']}"
        for one in checks.values()
        if one["verdict"] != "passed"
        and how != "empty"
        and not _names(one, permission, how)
        and not (is_the_application and one["id"].startswith(_UPLOADS))
    ]
    return Denial(
        permission=permission,
        how=how,
        dependents=len(resting),
        unverified=len(run.by_verdict("unverified")),
        failed=len(run.by_verdict("failed")),
        greens=tuple(sorted(greens)),
        unnamed=(*unnamed, *((run.output[-500:],) if is_untold else ())),
        exit_status=run.exit_status,
        seconds=seconds,
    )


def _check(identity: str) -> str:
    return identity.partition("[")[0]


def _names(check: Mapping[str, Any], permission: str, how: How) -> bool:
    """Whether a check is unverified, and says what was in its way."""
    told = check["permission"] if how == "denied" else check["message"]
    return check["verdict"] == "unverified" and permission in str(told)
