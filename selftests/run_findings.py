"""Findings made up for the selftests of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from postflight.causes import Explanation
from postflight.report.comparison import Comparison
from postflight.report.findings import Findings
from postflight.verdicts import Outcome, Verdict

RUN: Mapping[str, Any] = {
    "env": "tiny",
    "started": "2026-11-21T21:00:00+00:00",
    "duration_s": 12.34,
    "exit": 1,
    "release": "7114918",
    "vantage": "outside",
    "identity": {
        "account": "123456789012",
        "region": "ap-northeast-2",
        "cluster": "some-eks",
        "context": "some",
        "caller": "arn:aws:iam::123456789012:user/somebody",
    },
    "patience_s": 0,
}
FIX = "Tag it again:\n```bash\naws ec2 create-tags --resources some-subnet\n```\nThe controller tries again."


def outcome(
    test: str, subject: str | None, verdict: Verdict = "failed", message: str = "it is broken", **more: Any
) -> Outcome:
    """Return an outcome of a check of tests_infra/test_tiny.py."""
    check = f"tests_infra/test_tiny.py::{test}"
    return Outcome(
        id=f"{check}[{subject}]" if subject else check,
        check=check,
        kind="subnet" if subject else None,
        subject=subject,
        verdict=verdict,
        message="" if verdict == "passed" else message,
        duration_s=0.01,
        fact="Why it matters.",
        **more,
    )


def findings(
    outcomes: Sequence[Outcome], because_of: Mapping[str, Sequence[str]] | None = None, **more: Any
) -> Findings:
    """Return findings in which each id of `because_of` is explained by its causes."""
    explained = {one: tuple(causes) for one, causes in (because_of or {}).items()}
    failed = [one.id for one in outcomes if one.verdict == "failed"]
    links: dict[str, list[str]] = {one: [] for one in failed}
    for one, causes in explained.items():
        for cause in causes:
            links[cause].append(one)
    return Findings(
        results={
            "run": RUN,
            "calls": {"aws": {"ec2:DescribeSubnets": 2}},
            "not_declared": [],
            "canaries_left": [],
        },
        outcomes=outcomes,
        explanation=Explanation(tuple(one for one in failed if one not in explained), explained),
        comparison=more.pop("comparison", Comparison()),
        links=more.pop("links", links),
        **more,
    )
