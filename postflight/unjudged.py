"""Checks that a run did not make: chains of causes go through them, since nobody saw them pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from postflight.causes import Failure
from postflight.collection import DECLARED, Collection
from postflight.environment import SECTION_OF, scopes
from postflight.runbook import Entry
from postflight.subjects import rows
from postflight.verdicts import Outcome

_JUDGED = ("passed", "failed", "waived")
_MARKS = ("where", "needs")


@dataclass(frozen=True)
class Written:
    """A check as its module has it: the fixtures that it asks for, and its marks by name."""

    fixtures: tuple[str, ...]
    marks: Mapping[str, tuple[pytest.Mark, ...]]

    @property
    def kind(self) -> str | None:
        """The kind of subject that it is about; None: the environment itself."""
        known = rows()
        declared = (name.removeprefix(DECLARED) for name in self.fixtures if name.startswith(DECLARED))
        looked_at = (known[name].kind for name in self.fixtures if name in known)
        return next((kind for kind in (*declared, *looked_at) if kind in SECTION_OF), None)


def unjudged(
    root: Path, collection: Collection, runbook: Mapping[str, Entry], outcomes: Sequence[Outcome]
) -> list[Failure]:
    """Return what may have failed for all that a run knows: what it did not select, and could not look at.

    Only checks by way of which one failed check leads to another are returned. They are read from their
    modules and not collected: a run of one folder costs no more than its own checks.
    """
    failed = {one.check for one in outcomes if one.verdict in {"failed", "waived"}}
    if not failed:
        return []
    judged = {(one.check, one.subject) for one in outcomes if one.verdict in _JUDGED}
    found: list[Failure] = []
    for check in _between(failed, runbook):
        possible = possible_failures(root, collection, check)
        found += (one for subject, one in possible.items() if (check, subject) not in judged)
    return found


def possible_failures(root: Path, collection: Collection, check: str) -> dict[str | None, Failure]:
    """Return a check as the failure that it may be of each of its subjects; None: the environment itself."""
    module, _, test = check.partition("::")
    written = _written(root / module).get(test)
    if written is None or not collection.is_asked_for(written.fixtures, written.marks.get("needs", ())):
        return {}
    if written.kind is None:
        return {None: Failure(check, check, {})}
    return {
        subject.name: Failure(f"{check}[{subject.name}]", check, scopes(collection.environment, subject))
        for subject in collection.about(written.kind, written.marks.get("where", ()))
    }


def subjects_judged(root: Path, collection: Collection, check: str) -> list[str | None] | None:
    """Return the subjects on which this environment is judged by a check, whatever a run selected.

    None stands for the environment itself. Returns None where it is not known: a check of the release in a
    run that was told of none, or a module that cannot be read.
    """
    module, _, test = check.partition("::")
    written = _written(root / module).get(test)
    if written is None or not collection.is_asked_for(written.fixtures, written.marks.get("needs", ())):
        return None
    if written.kind is None:
        return [None]
    return [one.name for one in collection.about(written.kind, written.marks.get("where", ()))]


def _between(failed: set[str], runbook: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the checks that lie on a way from a failed check to a failed check."""
    ahead = {check: {link.check for link in entry.leads_to} for check, entry in runbook.items()}
    behind: dict[str, set[str]] = {}
    for check, led_to in ahead.items():
        for other in led_to:
            behind.setdefault(other, set()).add(check)
    after, before = _beyond(failed, ahead), _beyond(failed, behind)
    yield from (check for check in runbook if check in after and check in before)


def _beyond(starts: set[str], steps: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        for other in steps.get(waiting.pop(), set()) - seen:
            seen.add(other)
            waiting.append(other)
    return seen


@cache
def _written(module: Path) -> Mapping[str, Written]:
    """Read a module's checks; one that is not there, or is no Python, has none."""
    try:
        tree = ast.parse(module.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    return {
        node.name: Written(tuple(argument.arg for argument in node.args.args), _marks(node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def _marks(function: ast.FunctionDef) -> Mapping[str, tuple[pytest.Mark, ...]]:
    found: dict[str, tuple[pytest.Mark, ...]] = {}
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="where" | "needs" as name)
            ):
                found[name] = (*found.get(name, ()), *_mark(name, decorator))
            case _:
                continue
    return found


def _mark(name: str, call: ast.Call) -> Iterator[pytest.Mark]:
    """Yield a mark, if what it says is written out; what it says otherwise is not known here."""
    try:
        given = [ast.literal_eval(one) for one in call.args]
        named = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg is not None}
    except ValueError:
        return
    yield getattr(pytest.mark, name)(*given, **named).mark
