"""`metrics.prom`: a run in Prometheus's text format, for a textfile collector or a Pushgateway."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from postflight.report.findings import Findings
from postflight.verdicts import Verdict

_HANDSHAKES = "tls.handshake-*.json"

Sample = tuple[Mapping[str, str], float]


def text(findings: Findings, evidence: Path) -> str:
    """Return a run's metrics. `evidence`: the folder of recorded answers, for days left of certificates."""
    return "".join(lines(findings, evidence))


def lines(findings: Findings, evidence: Path) -> Iterator[str]:
    """Yield the same line by line, each with its end."""
    yield from (f"{line}\n" for line in _families(findings, evidence))


def _families(findings: Findings, evidence: Path) -> Iterator[str]:
    run = findings.results["run"]
    env = {"env": str(run["env"])}
    counts = Counter(one.verdict for one in findings.outcomes)
    yield from _family(
        "postflight_checks",
        "Checks of the last run, by verdict.",
        [({**env, "verdict": verdict}, counts[verdict]) for verdict in get_args(Verdict)],
    )
    yield from _family(
        "postflight_causes", "Failures that nothing else explains.", [(env, len(findings.explanation.causes))]
    )
    yield from _family(
        "postflight_consequences",
        "Failures that a cause explains.",
        [(env, len(findings.explanation.because_of))],
    )
    yield from _family(
        "postflight_run_duration_seconds", "How long the last run took.", [(env, run["duration_s"])]
    )
    yield from _family(
        "postflight_run_timestamp_seconds",
        "When the last run began.",
        [(env, datetime.fromisoformat(run["started"]).timestamp())],
    )
    yield from _family("postflight_run_exit_status", "Exit status of the last run.", [(env, run["exit"])])
    yield from _family(
        "postflight_check_status",
        "1 for the verdict that a check has.",
        (
            ({**env, "check": one.check, "subject": one.subject or "", "verdict": one.verdict}, 1)
            for one in findings.outcomes
        ),
    )
    yield from _family(
        "postflight_tls_days_left",
        "Days until the certificate that a host serves ends.",
        [({**env, "host": host, "port": port}, days) for (host, port), days in _days_left(evidence).items()],
    )


def _family(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    for number, (labels, value) in enumerate(samples):
        if number == 0:
            yield f"# HELP {name} {about}"
            yield f"# TYPE {name} gauge"
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{name}{{{inside}}} {float(value):.12g}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _days_left(evidence: Path) -> dict[tuple[str, str], float]:
    days: dict[tuple[str, str], float] = {}
    for file in sorted(evidence.glob(_HANDSHAKES)):
        seen: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")).get("evidence") or {}
        if seen.get("certificate"):
            path = [link for link in seen.get("chain", ()) if link["is_on_path"]] or [seen["certificate"]]
            days[seen["host"], str(seen["port"])] = min(link["days_left"] for link in path)
    return days
