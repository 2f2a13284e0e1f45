"""One permission taken away, or its answer withheld: what a run over the sandbox made of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postflight.probes.aws import sts as _sts  # noqa: F401 - importing declares
from postflight.probes.kubernetes import context as _context  # noqa: F401 - importing declares
from postflight.probes.reads import declared_probes
from postflight.subjects import rows
from selftests.denials.elsewhere import SEEN_ELSEWHERE
from selftests.proofs.harness import Sandbox, SuiteRun

# Denied, or how the answer is withheld: one of these, or an odd answer of the sandbox's AWS by its name.
How = str
HOWS: tuple[How, ...] = ("denied", "throttled", "hang", "empty")

Dependents = Mapping[str, frozenset[str]]
WRONG_PLACE = 4
UNVERIFIED = 6

# Everybody may ask these; nobody can be denied them.
_PUBLIC = frozenset({"get /version"})

_UPLOADED = "tests_app/test_uploads.py::test_object_can_be_uploaded"
_NOTHING_LEFT = "tests_app/test_uploads.py::test_no_canary_is_left"

# Evidence tells which permissions its probe may use; these checks state what only some of them show.
# Whatever became of the upload, that nothing of it lies there is seen in the listing.
# The sandbox's media bucket keeps no versions, so none is deleted there, but in test_aws_canary_versions.
_RESTS_ONLY_ON: Mapping[str, frozenset[str]] = {
    _NOTHING_LEFT: frozenset({"s3:ListBucket"}),
    _UPLOADED: frozenset(
        {"s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "sts:AssumeRole"}
    ),
}

_HEALTH = "tests_app/test_health.py::"
_SILENT = "through the API server (get services/proxy"

# What these checks are there to find: they have to fail, and to tell this. The canary is written as the
# application's role, which the denial meets as well; and whether the API server or the service behind it is
# silent nobody can tell from before them, so the way is named.
_FINDINGS: Mapping[tuple[How, str], Mapping[str, str]] = {
    ("denied", "s3:PutObject"): {_UPLOADED: "cannot put an object"},
    ("denied", "s3:GetObject"): {_UPLOADED: "cannot head an object"},
    ("denied", "s3:DeleteObject"): {
        _UPLOADED: "cannot delete an object",
        _NOTHING_LEFT: "canary objects are left",
    },
    ("hang", "get services/proxy"): {
        f"{_HEALTH}test_service_answers_its_health_path": _SILENT,
        f"{_HEALTH}test_health_body_says_ok": _SILENT,
        f"{_HEALTH}test_health_is_quick": _SILENT,
    },
}


@dataclass(frozen=True)
class Denial:
    """What came of one permission's denial.

    `greens` passed though they could not look; `unnamed` did not pass, and do not say for want of what.
    `is_harmless`: nothing is a right answer for all that depends on it.
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
    is_harmless: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing was green that was not seen, and everything says why."""
        is_right_status = (
            self.exit_status in {UNVERIFIED, WRONG_PLACE} or bool(self.failed) or self.is_harmless
        )
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
            and permission in _RESTS_ONLY_ON.get(_check(one["id"]), {permission})
        )
        for permission in sorted(used)
    }


def _evidence(run: SuiteRun) -> Any:
    return (run.folder / "evidence").glob("*.json")


def _probe_of(text: str) -> str:
    return str(json.loads(text)["probe"])


def worth_trying(resting: Dependents, how: How) -> list[str]:
    """Return the permissions that can be taken away so.

    Who somebody is cannot be nothing, and buckets are those of every account in the sandbox.
    """
    return [one for one in resting if how != "empty" or not one.startswith(("s3:", "sts:"))]


def denied(sandbox: Sandbox, permission: str, how: How, resting: frozenset[str]) -> Denial:
    """Take one permission away, or withhold its answer; run the suite; give it back."""
    began = time.monotonic()
    fault = "access-denied" if how == "denied" else "answer-withheld"
    parameters = (f"action={permission}", *(() if how == "denied" else (f"how={how}",)))
    sandbox.break_(fault, *parameters)
    try:
        denial = judged(sandbox.run_suite("-q"), permission, how, resting, time.monotonic() - began)
        if not denial.holds and not denial.greens:
            # What is green is wrong at once; what is red may be a slow answer on a busy machine.
            denial = judged(sandbox.run_suite("-q"), permission, how, resting, time.monotonic() - began)
    finally:
        sandbox.mend(fault)
    return denial


def judged(run: SuiteRun, permission: str, how: How, resting: frozenset[str], seconds: float) -> Denial:
    """Hold a run against what it could not see."""
    checks = {one["id"]: one for one in run.results.get("checks", ())}
    elsewhere = SEEN_ELSEWHERE.get(permission, frozenset()) if how == "empty" else frozenset()
    findings = _FINDINGS.get((how, permission), {})
    greens = [
        one
        for one, check in checks.items()
        if (one in resting or _check(one) in findings)
        and check["verdict"] == "passed"
        and _check(one) not in elsewhere
    ]
    is_untold = run.exit_status == WRONG_PLACE and how != "empty" and permission not in run.output
    unnamed = [
        f"{one['id']}: {one['verdict']}: {one['message']}"
        for one in checks.values()
        if one["verdict"] != "passed"
        and how != "empty"
        and not _tells(one, permission, how, findings.get(_check(one["id"])))
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
        is_harmless=bool(resting) and all(_check(one) in elsewhere for one in resting),
    )


def _check(identity: str) -> str:
    return identity.partition("[")[0]


def _tells(check: Mapping[str, Any], permission: str, how: How, finding: str | None) -> bool:
    """Whether a check is unverified, and says what was in its way; or found what it is there to find."""
    if finding is not None:
        return check["verdict"] == "failed" and finding in str(check["message"])
    told = check["permission"] if how == "denied" else check["message"]
    return check["verdict"] == "unverified" and permission in str(told)
