"""One check's result as Allure shows it: in words, stable from night to night, with evidence and runbook."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from postflight.report import told
from postflight.report.allure_links import links
from postflight.report.findings import Findings
from postflight.run import Run
from postflight.runbook import label
from postflight.verdicts import Outcome
from postflight.writing import write_text

LAYERS = {
    "tests_infra": "1 Infrastructure (AWS)",
    "tests_platform": "2 Platform (Kubernetes)",
    "tests_app": "3 Applications",
    "tests_network": "4 Network and edge",
}

_STATUS = {"passed": "passed", "failed": "failed", "unverified": "broken", "waived": "skipped"}
_SUITES = {"parentSuite", "suite", "subSuite"}
_FACES = {"api", "host", "ingress", "service", "distribution", "origin"}
_STORES = {"database", "database_server", "superuser"}
_FIELDS = ("symptom", "cause", "confirm", "fix", "prevent", "guide")

# Allure takes an attachment for one result only, so evidence is copied for each: large evidence only for so
# many results in trouble that are nobody's consequence, and small evidence for all.
_PASSED_BYTES = 16 * 1024
_TROUBLE_BYTES = 1024 * 1024
_IN_FULL = 50
_NAMED = 12


def completed(
    result: Mapping[str, Any], one: Outcome, findings: Findings, run: Run, folder: Path
) -> dict[str, Any]:
    """Return what our words change in allure-pytest's result; attachments are written into `folder`.

    Nothing in what identifies it (history, names, parameters) differs from run to run.
    """
    env = run.environment.name
    because_of = [findings.by_id[cause] for cause in findings.explanation.because_of.get(one.id, ())]
    return {
        "name": _sentence(told.title_of(one)),
        "fullName": one.check,
        "testCaseId": _digest(one.check),
        "historyId": _digest(f"{env} {one.id}"),
        "titlePath": one.check.partition("::")[0].split("/"),
        "description": _description(one, because_of, findings),
        "parameters": _parameters(one, env),
        "status": _STATUS[one.verdict],
        "statusDetails": _details(one, because_of),
        "labels": [*_kept_labels(result), *_labels(one, category(one, findings), env, because_of)],
        "links": [*result.get("links", ()), *links(one, run)],
        "attachments": [*_attachments(one, findings, run, folder), *result.get("attachments", ())],
    }


def category(one: Outcome, findings: Findings) -> str:
    """Return what a result is: `passed`, `settled`, `cause`, `consequence`, `unverified` or `waived`."""
    if one.verdict == "failed":
        return "consequence" if findings.explanation.because_of.get(one.id) else "cause"
    if one.verdict == "passed":
        return "settled" if one.settled_after_s is not None else "passed"
    return one.verdict


def severity(one: Outcome) -> str:
    """Return how much a failure hurts: what users meet and what keeps data weigh most."""
    layer = one.check.partition("/")[0]
    if layer in {"tests_app", "tests_network"} and one.kind in _FACES | _STORES:
        return "blocker"
    return "normal" if layer == "tests_infra" and one.kind not in _STORES else "critical"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _parameters(one: Outcome, env: str) -> list[dict[str, str]]:
    subject = [{"name": one.kind, "value": one.subject}] if one.kind and one.subject else []
    return [{"name": "environment", "value": env}, *subject]


def _details(one: Outcome, because_of: Sequence[Outcome]) -> dict[str, str]:
    if one.verdict == "passed":
        late = one.settled_after_s
        return {"message": f"right only after {late:.0f} s"} if late is not None else {}
    prefix = f"because of {told.title_of(because_of[0])}: " if because_of else ""
    if one.verdict == "unverified":
        prefix = "not verified: "
    return {"message": f"{prefix}{one.message}", "trace": one.as_text()}


def _description(one: Outcome, because_of: Sequence[Outcome], findings: Findings) -> str:
    parts = [one.fact]
    if because_of:
        parts.append("**Because of**")
        parts.append(
            "\n".join(
                f"- {_sentence(told.title_of(cause))}: {cause.message}" for cause in because_of[:_NAMED]
            )
        )
    consequences = findings.explanation.consequences(one.id) if one.verdict != "passed" else ()
    if consequences:
        alike = told.by_check(findings.by_id[each] for each in consequences)
        facts = "\n".join(
            f"- {_sentence(each.fact)}: {_named(each.subjects) or 'everywhere'}" for each in alike
        )
        parts.append(f"**This breaks {len(consequences)} more**\n\n{facts}")
    step = told.first_step(one.runbook.get("fix", ""))
    if step and not because_of:
        parts.append(f"**{label('fix', findings.language).capitalize()}** {step}")
    return "\n\n".join(parts)


def _named(subjects: Sequence[str]) -> str:
    more = f" and {len(subjects) - _NAMED} more" if len(subjects) > _NAMED else ""
    return ", ".join(subjects[:_NAMED]) + more


def _kept_labels(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what a check's author or allure-pytest said, without its suites: ours are the layers."""
    return [label for label in result.get("labels", ()) if label["name"] not in _SUITES]


def _labels(one: Outcome, kind: str, env: str, because_of: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    folder, _, module = one.check.partition("::")[0].partition("/")
    suite = _sentence(told.in_words(module.removesuffix(".py")))
    named = {
        "parentSuite": LAYERS.get(folder, folder),
        "suite": suite,
        "severity": severity(one),
        "layer": folder.removeprefix("tests_"),
        "env": env,
        "category": kind,
    }
    yield from ({"name": name, "value": value} for name, value in named.items())
    if kind not in {"passed", "cause"}:
        yield {"name": "tag", "value": kind}
    for cause in because_of[:_NAMED]:
        yield {"name": "because of", "value": _sentence(told.title_of(cause))}


def _attachments(one: Outcome, findings: Findings, run: Run, folder: Path) -> Iterator[dict[str, str]]:
    if any(one.runbook.values()):
        fields = (
            f"**{label(name, findings.language).capitalize()}**\n\n{one.runbook[name]}"
            for name in _FIELDS
            if one.runbook.get(name)
        )
        text = "\n\n".join((f"# {_sentence(told.title_of(one))}", *fields)) + "\n"
        source = f"{_digest(f'{run.folder.name} {one.id} runbook')}-attachment.md"
        write_text(folder / source, [text], run.connections.secrets.redact)
        yield {"name": "runbook", "source": source, "type": "text/markdown"}
    most = _TROUBLE_BYTES if findings.place_in_trouble(one) < _IN_FULL else _PASSED_BYTES
    for name in one.evidence:
        file = run.evidence_folder / name
        if file.is_file() and file.stat().st_size <= most:
            source = f"{_digest(f'{run.folder.name} {one.id} {name}')}-attachment.json"
            write_text(folder / source, [file.read_text(encoding="utf-8")], run.connections.secrets.redact)
            yield {
                "name": f"evidence: {name.partition('-')[0]}",
                "source": source,
                "type": "application/json",
            }
