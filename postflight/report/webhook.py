"""Tells a chat of a run's end: Slack-ready JSON, posted once, without ever failing the run."""

from __future__ import annotations

import threading
import time
from typing import Any

from postflight.report import told
from postflight.report.findings import Findings
from postflight.report.text import counted, cut

VARIABLE = "POSTFLIGHT_SUMMARY_WEBHOOK"

# Slack takes 50 blocks a message and 3,000 characters a section.
_CAUSES = 10
_SECTION = 2900
_DEADLINE_S = 10.0
_ANSWER_S = 4.0
_PAUSE_S = 0.5
_ATTEMPTS = 3
_ACCEPTED = range(200, 300)
_SAID_NO = range(300, 500)
_TOO_MANY = 429


def message(findings: Findings) -> dict[str, Any]:
    """Return a run as Slack's message: a headline for the notification, then a block for each cause."""
    run = findings.results["run"]
    sign = _sign(findings)
    replay = "REPLAY of " if findings.replay else ""
    headline = f"{sign} {replay}{run['env']}: {findings.totals()} in {run['duration_s']:.0f} s"
    causes = findings.causes()
    blocks = [_section(f"*{_escaped(headline)}*")]
    for number, cause in enumerate(causes[:_CAUSES], 1):
        blocks.append(_section(_cause(number, cause)))
    if len(causes) > _CAUSES:
        blocks.append(_section(f"and {counted(len(causes) - _CAUSES, 'more cause')}"))
    changes = findings.changes()
    about = f"account {run['identity']['account']}, {run['identity']['region']}, {run['started']}"
    context = " · ".join(
        filter(None, [about, f"release {run['release']}" if run["release"] else "", changes])
    )
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(context)}]})
    return {"text": _escaped(headline), "blocks": blocks}


def send(url: str, content: dict[str, Any]) -> str | None:
    """Post it, again after a refusal that may pass. Returns what went wrong, without the URL, or None.

    At most 3 attempts, and 10 s in all, whatever the other side does.
    """
    problems: list[str | None] = []
    # The time limits of sockets begin anew with every byte; only leaving them behind ends for certain.
    posting = threading.Thread(target=lambda: problems.append(_post(url, content)), daemon=True)
    posting.start()
    posting.join(_DEADLINE_S)
    return problems[0] if problems else f"no answer in {_DEADLINE_S:g} s"


def _post(url: str, content: dict[str, Any]) -> str | None:
    import requests

    problem = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(_PAUSE_S * attempt)
        try:
            with requests.post(
                url, json=content, timeout=_ANSWER_S, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, ValueError) as error:
            # The error's text may hold the URL, which is a secret.
            problem = f"it could not be reached ({type(error).__name__})"
            continue
        if status in _ACCEPTED:
            return None
        problem = f"it answered {status}"
        if status in _SAID_NO and status != _TOO_MANY:
            break
    return problem


def _sign(findings: Findings) -> str:
    if findings.of_verdict("failed"):
        return ":red_circle:"
    return ":large_yellow_circle:" if findings.of_verdict("unverified") else ":large_green_circle:"


def _cause(number: int, cause: told.Cause) -> str:
    parts = [f"*{number}. {_escaped(cause.first.message)}*", f"`{_escaped(cause.first.id)}`"]
    if cause.others:
        parts.append(f"alike: {_escaped(', '.join(one.subject or one.id for one in cause.others))}")
    step = told.first_step(cause.first.runbook.get("fix", ""))
    if step:
        parts.append(f"fix: {_escaped(step)}")
    if cause.consequences:
        facts = [one.fact for one in told.by_check(cause.consequences)]
        parts.append(f"{counted(len(cause.consequences), 'consequence')}: {_escaped(', '.join(facts))}")
    return "\n".join(parts)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, _SECTION)}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
