"""What GitHub Actions shows: annotations on the run, and the step's summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from postflight.report import told
from postflight.report.findings import Findings
from postflight.report.text import counted
from postflight.writing import Clean, append_text

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

# GitHub refuses a step's summary of more than 1 MiB, and shows ten annotations of a kind a step.
_SUMMARY_BYTES = 1_000_000
_ANNOTATIONS = 10


def is_actions(process: Mapping[str, str]) -> bool:
    """Whether this process is a step of a GitHub Actions job."""
    return process.get("GITHUB_ACTIONS") == "true"


def commands(findings: Findings) -> Iterator[str]:
    """Yield workflow commands: an error for each cause, a warning for each reason we could not look."""
    for cause in findings.causes()[:_ANNOTATIONS]:
        text = cause.first.message
        if cause.others:
            text += f" (and alike: {', '.join(one.subject or one.id for one in cause.others)})"
        if cause.consequences:
            text += f"; {counted(len(cause.consequences), 'consequence')}"
        step = told.first_step(cause.first.runbook.get("fix", ""))
        yield _command("error", told.title_of(cause.first), f"{text}\nFix: {step}" if step else text)
    reasons: dict[str, int] = {}
    for one in findings.of_verdict("unverified"):
        reasons[one.message] = reasons.get(one.message, 0) + 1
    for message, count in list(reasons.items())[:_ANNOTATIONS]:
        yield _command("warning", f"{counted(count, 'check')} not verified", message)


def append_summary(file: Path, markdown: Clean) -> None:
    """Append a summary to the step's own, in the size that GitHub takes. Raises OSError."""
    data, text = markdown.encode(), markdown
    there = file.stat().st_size if file.exists() else 0
    room = max(_SUMMARY_BYTES - there, 0)
    if len(data) > room:
        note = "\n\n…the rest is in the run's summary.md.\n"
        text = Clean(data[: max(room - len(note.encode()), 0)].decode(errors="ignore") + note)
    append_text(file, text)


def _command(kind: str, title: str, message: str) -> str:
    escaped = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    escaped = escaped.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={escaped}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
