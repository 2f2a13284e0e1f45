"""One check's outcome, made where it ran and carried on pytest's own report."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from postflight.causes import Failure
from postflight.collection import subject_of
from postflight.concern import Resources, concerned, innocent
from postflight.environment import Environment, Subject, scopes, subject_named
from postflight.evidence import Unverified
from postflight.runbook import Entry, check_key, filled

Verdict = Literal["passed", "failed", "unverified", "waived"]

_FRAMES_TOLD = 4
# Of tens of thousands of outcomes nearly all have passed: they share what they have not, and such words.
_NONE: Final[Mapping[str, Any]] = {}
_WORDS_OF_MANY: Final = ("check", "kind", "subject", "verdict", "fact")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check judged: JSON-able, so that an xdist worker can send it."""

    id: str
    check: str
    kind: str | None
    subject: str | None
    verdict: Verdict
    message: str
    duration_s: float
    fact: str = ""
    permission: str | None = None
    settled_after_s: float | None = None
    scopes: Mapping[str, list[str]] = field(default_factory=lambda: _NONE)
    runbook: Mapping[str, str] = field(default_factory=lambda: _NONE)
    evidence: Sequence[str] = ()
    is_inexcusable: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def redacted(self, redact: Callable[[str], str]) -> Outcome:
        """Return the outcome with secrets replaced in what it tells; ids and names are the environment's."""
        if not (self.message or self.permission or self.runbook):
            return self
        return replace(
            self,
            message=redact(self.message),
            permission=redact(self.permission) if self.permission else None,
            runbook={name: redact(text) for name, text in self.runbook.items()},
        )

    def as_text(self) -> str:
        """Return the outcome as JUnit and Allure show it: the message, then the runbook."""
        fields = [f"{name}: {text}" for name, text in self.runbook.items() if text]
        return "\n\n".join((self.message, *fields))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Outcome:
        """Read what `as_json` wrote; of what many outcomes say alike a worker has sent a copy with each."""
        shared = {name: sys.intern(data[name]) for name in _WORDS_OF_MANY if data[name] is not None}
        nothing = {name: _NONE for name in ("scopes", "runbook") if not data[name]}
        return Outcome(**{**data, **shared, **nothing})


def judge(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    environment: Environment,
    runbook: Mapping[str, Entry],
    *,
    settled_after_s: float | None = None,
) -> Outcome:
    """Turn what happened to an item in one phase into its outcome.

    An assertion that fails is `failed`; whatever stopped the check from looking is `unverified`, and so is
    a defect of ours, in a fixture or in the check: never green.
    """
    kind, subject = subject_of(item)
    error = call.excinfo.value if call.excinfo is not None else None
    verdict: Verdict = "passed"
    if error is not None:
        is_judged = call.when == "call" and isinstance(error, AssertionError | pytest.fail.Exception)
        verdict = "failed" if is_judged else "unverified"
    is_told = error is None or isinstance(error, Unverified | AssertionError | pytest.fail.Exception)
    entry = runbook.get(check_key(item.nodeid))
    in_trouble = verdict != "passed"
    return Outcome(
        id=item.nodeid,
        check=sys.intern(check_key(item.nodeid)),
        kind=kind,
        subject=subject.name if subject is not None else None,
        verdict=verdict,
        message=_message(error),
        duration_s=round(call.duration, 4),
        fact=sys.intern((getattr(item, "function", item).__doc__ or "").strip().split("\n")[0]),
        permission=error.permission if isinstance(error, Unverified) else None,
        settled_after_s=settled_after_s,
        is_inexcusable=not is_told and not isinstance(error, pytest.skip.Exception),
        scopes=_scopes(environment, subject, item) if in_trouble else _NONE,
        runbook=_filled_entry(entry, item, environment, kind, subject) if in_trouble and entry else _NONE,
    )


def judged_as(item: pytest.Item) -> tuple[str, str | None]:
    """Return the check that an item is, and the name of the subject that it is about."""
    _, subject = subject_of(item)
    return check_key(item.nodeid), subject.name if subject is not None else None


def lost(identity: str, told: str) -> Outcome:
    """Return a check that came to no verdict, by a defect of ours or the end of its process."""
    return _without_verdict(identity, f"came to no verdict: {told}")


def not_judged(identity: str, why: str) -> Outcome:
    """Return a check that was selected and never begun, or never ended: the run was over before."""
    return _without_verdict(identity, f"not judged: {why}")


def _without_verdict(identity: str, message: str) -> Outcome:
    return Outcome(
        id=identity,
        check=check_key(identity),
        kind=None,
        subject=None,
        verdict="unverified",
        message=message,
        duration_s=0.0,
        is_inexcusable=True,
    )


def undeclared(section: str, why: str) -> Outcome:
    """Return what an environment does not declare as an outcome: nobody looked at it."""
    return Outcome(
        id=f"environment::{section}",
        check="environment",
        kind=None,
        subject=section,
        verdict="unverified",
        message=f"not declared, so not looked at: {section}: {why}",
        duration_s=0.0,
        fact="The environment declares what there is to look at.",
    )


def unchecked(section: str) -> Outcome:
    """Return a declared section as an outcome: no check of it was collected, so it was not looked at."""
    return Outcome(
        id=f"environment::{section}",
        check="environment",
        kind=None,
        subject=section,
        verdict="unverified",
        message="declared, and no check of it was collected. Run pytest where tests_infra, tests_platform, "
        "tests_app and tests_network are (`testpaths`, --rootdir)",
        duration_s=0.0,
        fact="What is declared is checked.",
        is_inexcusable=True,
    )


def failure_of(item: pytest.Item, environment: Environment) -> Failure:
    """Return an item as a failure, for causes to be told from consequences."""
    _, subject = subject_of(item)
    belongs_to = {kind: frozenset(names) for kind, names in _scopes(environment, subject, item).items()}
    return Failure(item.nodeid, check_key(item.nodeid), belongs_to)


def _message(error: BaseException | None) -> str:
    if error is None:
        return ""
    lines = str(error).strip().splitlines()
    if isinstance(error, AssertionError | Unverified):
        return lines[0] if lines else "the assertion says no more"
    told = lines[0] if lines else "no message"
    return f"a defect of this check or its probe: {type(error).__name__}: {told} ({_place(error)})"


def _place(error: BaseException) -> str:
    """Return where an error was raised, innermost first: the line that broke, and ours that led to it."""
    frames = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)]
    return " < ".join(frames[::-1][:_FRAMES_TOLD]) or "no place is known"


def _scopes(environment: Environment, subject: Subject | None, item: pytest.Item) -> dict[str, list[str]]:
    if subject is None:
        return {}
    found = dict(scopes(environment, subject))
    for evidence in getattr(item, "funcargs", {}).values():
        if isinstance(evidence, Resources):
            found.update(concerned(environment, subject, evidence))
        for kind in innocent(evidence):
            found.pop(kind, None)
    return {kind: sorted(names) for kind, names in found.items()}


def _filled_entry(
    entry: Entry, item: pytest.Item, environment: Environment, kind: str | None, subject: Subject | None
) -> dict[str, str]:
    related = scopes(environment, subject) if subject is not None else {}

    def lookup(of: str, attribute: str) -> str | None:
        candidates: list[object] = []
        if of == kind:
            candidates.append(subject)
        elif len(related.get(of, ())) == 1 and of not in {"namespace", "zone"}:
            (name,) = related[of]
            candidates.append(subject_named(environment, of, name))
        candidates.append(getattr(environment, of, None))
        candidates.append(getattr(item, "funcargs", {}).get(of))
        for candidate in candidates:
            value = getattr(candidate, attribute, None)
            if isinstance(value, str | int | float) and value != "":
                return str(value)
        return None

    texts = {
        "symptom": entry.symptom,
        "cause": entry.cause,
        "confirm": entry.confirm,
        "fix": entry.fix,
        "prevent": entry.prevent,
        "guide": entry.guide,
    }
    return {name: filled(text, lookup) for name, text in texts.items()}
