"""Every check has a runbook entry that can be read, filled in and followed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from pydantic import BaseModel

from postflight import runbook
from postflight.environment import SECTION_OF, Environment, kind_of
from postflight.environment.declaration import Subject
from postflight.runbook import Entry, Link
from postflight.subjects import rows

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("tests_infra", "tests_platform", "tests_app", "tests_network")


def checks() -> dict[str, ast.FunctionDef]:
    """Every check of the suite, by its key."""
    return {
        f"{module.relative_to(ROOT).as_posix()}::{node.name}": node
        for layer in LAYERS
        for module in sorted((ROOT / layer).glob("test_*.py"))
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


CHECKS = checks()
ENTRIES = runbook.load(ROOT / "runbook")


def test_there_are_checks() -> None:
    """The rest of this module proves nothing about an empty list."""
    assert len(CHECKS) > 60


def test_checks_and_entries_match_one_to_one() -> None:
    """Whoever is on call finds an entry for every failure, and no entry tells of a check that is gone."""
    assert sorted(ENTRIES) == sorted(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_says_why_it_matters(check: str) -> None:
    """The docstring is the check's title in every report."""
    assert ast.get_docstring(CHECKS[check])


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_tells_what_is_wrong_in_words(check: str) -> None:
    """A bare assert shows an expression; a person on call needs the names of things."""
    asserts = [node for node in ast.walk(CHECKS[check]) if isinstance(node, ast.Assert)]

    assert asserts
    assert all(node.msg is not None for node in asserts)


def links() -> Iterator[tuple[Entry, Link]]:
    for entry in ENTRIES.values():
        for link in entry.leads_to:
            yield entry, link


def test_links_lead_to_checks_that_exist() -> None:
    """A link to a renamed check would silently turn consequences into causes."""
    assert [f"{entry.check} -> {link.check}" for entry, link in links() if link.check not in CHECKS] == []


def test_links_are_scoped_by_kinds_that_exist() -> None:
    """`of the same databse` would match nothing, and nobody would notice."""
    kinds = {*SECTION_OF, "namespace", "zone"}

    assert [f"{entry.check}: {link.same}" for entry, link in links() if link.same not in {*kinds, None}] == []


def models_of(kind: str) -> Iterator[object]:
    """The models that `<kind.…>` may speak of: a declared subject, a part of the environment, evidence."""
    yield from (model for model in Subject.__subclasses__() if kind_of(model.model_construct()) == kind)
    if kind in Environment.model_fields:
        annotation = Environment.model_fields[kind].annotation
        yield from (annotation, *get_args(annotation))
    if kind in rows():
        yield get_type_hints(rows()[kind].look)["return"]


def fields_of(kind: str) -> set[str]:
    """What may follow the dot."""
    models = [one for one in models_of(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
    fields = {name for model in models for name in model.model_fields}
    return fields | {
        name for model in models for name, value in vars(model).items() if isinstance(value, property)
    }


@pytest.mark.parametrize("check", ENTRIES)
def test_placeholders_can_be_filled_in(check: str) -> None:
    """A command with `<…>` left in it cannot be pasted at night."""
    unknown = [
        f"<{kind}.{field}>"
        for kind, field in runbook.placeholders(ENTRIES[check])
        if field not in fields_of(kind)
    ]

    assert unknown == []
