"""What Allure reads beside the results: categories, the environment, who executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from postflight.report.findings import Findings
from postflight.run import Run
from postflight.writing import write_json, write_text

# The first that matches counts; `reports/allurerc.mjs` has the same for Allure 3, by our label `category`.
CATEGORIES: tuple[dict[str, Any], ...] = (
    {
        "name": "Failed: what broke first",
        "matchedStatuses": ["failed"],
        "messageRegex": r"(?s)^(?!because of ).*",
    },
    {
        "name": "Consequences of what broke first",
        "matchedStatuses": ["failed"],
        "messageRegex": r"(?s)^because of .*",
    },
    {"name": "Not verified: we could not look", "matchedStatuses": ["broken"]},
    {"name": "Waived", "matchedStatuses": ["skipped"], "messageRegex": r"(?s).*waived: .*"},
    {
        "name": "Right only after a while",
        "matchedStatuses": ["passed"],
        "messageRegex": r"(?s)^right only after .*",
    },
)


def write(folder: Path, findings: Findings, run: Run) -> None:
    """Write categories.json, environment.properties and executor.json."""
    redact = run.connections.secrets.redact
    write_json(folder / "categories.json", list(CATEGORIES), redact)
    lines = (f"{key}={_value(value)}" for key, value in _environment(findings).items() if value)
    write_text(folder / "environment.properties", (f"{line}\n" for line in lines), redact)
    write_json(folder / "executor.json", executor(run.connections.process, run), redact)


def executor(process: Mapping[str, str], run: Run) -> dict[str, Any]:
    """Return who made this run: GitHub Actions, or Postflight where it was started."""
    title = f"Postflight: {run.environment.name}"
    if process.get("GITHUB_ACTIONS") != "true":
        return {"name": "Postflight", "type": "postflight", "reportName": title, "buildName": run.folder.name}
    server, name = process.get("GITHUB_SERVER_URL", ""), process.get("GITHUB_REPOSITORY", "")
    number = process.get("GITHUB_RUN_NUMBER", "")
    return {
        "name": "GitHub Actions",
        "type": "github",
        "reportName": title,
        "buildName": f"{process.get('GITHUB_WORKFLOW', 'workflow')} #{number}",
        "buildOrder": int(number) if number.isdigit() else 0,
        "url": f"{server}/{name}",
        "buildUrl": f"{server}/{name}/actions/runs/{process.get('GITHUB_RUN_ID', '')}",
    }


def _environment(findings: Findings) -> dict[str, str | None]:
    about = findings.results["run"]
    identity = about["identity"]
    return {
        "environment": about["env"],
        "account": identity["account"],
        "region": identity["region"],
        "cluster": identity["cluster"],
        "context": identity["context"],
        "caller": identity["caller"],
        "vantage": about["vantage"],
        "release": about["release"],
        "result": findings.totals(),
        "calls": findings.calls(),
    }


def _value(value: str) -> str:
    """Return a value as Java's properties have it: one line of ASCII."""
    line = " ".join(str(value).split()).replace("\\", "\\\\")
    return "".join(
        one if one.isascii() else "".join(f"\\u{unit:04x}" for unit in _utf16(one)) for one in line
    )


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[start : start + 2]) for start in range(0, len(data), 2)]
