"""`metrics.prom` is Prometheus's text format, whatever a subject is called."""

from __future__ import annotations

import json
import re
from pathlib import Path

from postflight.report import metrics
from selftests import tiny_project
from selftests.run_findings import findings, outcome

_SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)*)\}'
    r" (?P<value>\S+)$"
)
_LABEL = re.compile(r'(?P<name>[a-z_]+)="(?P<value>(?:[^"\\]|\\.)*)"')


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Read the format strictly: HELP and TYPE before their samples, no family twice, no series twice."""
    assert text.endswith("\n")
    families: dict[str, list[tuple[dict[str, str], float]]] = {}
    described = current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            described = line.split(" ", 3)[2]
            assert described not in families
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert (current, kind) == (described, "gauge")
            families[current] = []
        else:
            found = _SAMPLE.match(line)
            assert found is not None, line
            assert found["name"] == current
            pairs = {one["name"]: one["value"] for one in _LABEL.finditer(found["labels"])}
            assert pairs not in [known for known, _ in families[current]], line
            families[current].append((pairs, float(found["value"])))
    return families


def test_a_run_is_counted_by_verdict(tmp_path: Path) -> None:
    """An alarm rule reads the number of failures, also when it is none."""
    outcomes = [outcome("test_a", None), outcome("test_b", None), outcome("test_c", None, "passed")]
    found = findings(outcomes, {outcomes[1].id: [outcomes[0].id]})

    families = parsed(metrics.text(found, tmp_path))

    counts = {labels["verdict"]: value for labels, value in families["postflight_checks"]}
    assert counts == {"passed": 1, "failed": 2, "unverified": 0, "waived": 0}
    assert families["postflight_causes"] == [({"env": "tiny"}, 1)]
    assert families["postflight_consequences"] == [({"env": "tiny"}, 1)]
    assert families["postflight_run_duration_seconds"] == [({"env": "tiny"}, 12.34)]
    assert families["postflight_run_timestamp_seconds"] == [({"env": "tiny"}, 1795294800)]


def test_any_subject_makes_a_valid_label(tmp_path: Path) -> None:
    """One quotation mark in a name must not lose the whole file."""
    odd = outcome("test_a", 'a "quoted"\\ name\nof 서울', "passed")

    families = parsed(metrics.text(findings([odd]), tmp_path))

    ((labels, value),) = families["postflight_check_status"]
    assert labels["subject"] == 'a \\"quoted\\"\\\\ name\\nof 서울'
    assert labels["verdict"] == "passed"
    assert value == 1


def test_days_left_of_certificates_are_told(tmp_path: Path) -> None:
    """A graph of days left shows a renewal that did not happen weeks before anything fails."""
    for host, days in (("a.example", 89.5), ("b.example", None)):
        certificate = None if days is None else {"days_left": days}
        kept = {"evidence": {"host": host, "port": 443, "certificate": certificate}}
        (tmp_path / f"tls.handshake-{host}.json").write_text(json.dumps(kept), encoding="utf-8")
    (tmp_path / "tls.handshake-c.json").write_text('{"unverified": {}}', encoding="utf-8")

    families = parsed(metrics.text(findings([outcome("test_a", None)]), tmp_path))

    assert families["postflight_tls_days_left"] == [
        ({"env": "tiny", "host": "a.example", "port": "443"}, 89.5)
    ]


def test_a_run_leaves_its_metrics(tmp_path: Path) -> None:
    """A textfile collector picks the file up from the run's folder."""
    project = tiny_project.make(tmp_path)
    tiny_project.run(project)

    families = parsed((tiny_project.latest(project) / "metrics.prom").read_text(encoding="utf-8"))

    assert len(families["postflight_check_status"]) == 10
    assert families["postflight_run_exit_status"] == [({"env": "tiny"}, 1)]
