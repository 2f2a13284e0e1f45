"""Causes are told from consequences by the runbook's links, within their scopes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from postflight.causes import Explanation, Failure, explain
from postflight.runbook import Entry, Link
from selftests import tiny_project


def entry(check: str, *leads_to: Link) -> Entry:
    return Entry(check, "symptom", "cause", "confirm", "fix", "prevent", "guide", leads_to)


def failure(check: str, subject: str, **scopes: str) -> Failure:
    return Failure(f"{check}[{subject}]", check, {kind: frozenset({name}) for kind, name in scopes.items()})


RUNBOOK: Mapping[str, Entry] = {
    one.check: one
    for one in (
        entry("tags", Link("address", None)),
        entry("address", Link("record", "ingress"), Link("targets", "ingress")),
        entry("record", Link("answer", "host")),
        entry("database", Link("ready", "database")),
        entry("ready", Link("health", "service")),
        entry("chicken", Link("egg", None)),
        entry("egg", Link("chicken", None)),
    )
}


def explained(*failures: Failure) -> Explanation:
    return explain(failures, RUNBOOK)


def test_a_failure_that_nothing_explains_is_its_own_cause() -> None:
    """A lonely red line must still be told as what to mend."""
    alone = explained(failure("record", "shop.example", host="shop.example"))

    assert alone.causes == ("record[shop.example]",)
    assert alone.because_of == {}


def test_a_chain_of_links_makes_one_cause() -> None:
    """Whoever is on call mends the tags, not the four things that the tags broke."""
    chain = explained(
        failure("tags", "public-a", subnet="public-a"),
        failure("address", "shop", ingress="shop"),
        failure("record", "shop.example", host="shop.example", ingress="shop"),
        failure("answer", "shop.example", host="shop.example", ingress="shop"),
    )

    assert chain.causes == ("tags[public-a]",)
    assert chain.consequences("tags[public-a]") == (
        "address[shop]",
        "record[shop.example]",
        "answer[shop.example]",
    )


def test_a_consequence_may_be_listed_before_its_cause() -> None:
    """The order of files must not decide what is a cause."""
    backwards = explained(
        failure("health", "cart", service="cart"),
        failure("ready", "cart", service="cart", database="cart"),
        failure("database", "cart", database="cart"),
    )

    assert backwards.causes == ("database[cart]",)
    assert set(backwards.because_of) == {"health[cart]", "ready[cart]"}


def test_a_neighbour_is_not_a_consequence() -> None:
    """One missing database explains one crashing service, and not its eighteen neighbours."""
    two = explained(
        failure("database", "cart", database="cart"),
        failure("ready", "cart", service="cart", database="cart"),
        failure("ready", "auth", service="auth", database="auth"),
    )

    assert two.causes == ("database[cart]", "ready[auth]")
    assert two.because_of == {"ready[cart]": ("database[cart]",)}


def test_two_independent_faults_are_two_causes_of_their_own_consequences() -> None:
    """Two incidents in one night must not be told as one."""
    both = explained(
        failure("database", "cart", database="cart"),
        failure("database", "auth", database="auth"),
        failure("ready", "cart", service="cart", database="cart"),
        failure("ready", "auth", service="auth", database="auth"),
    )

    assert both.causes == ("database[cart]", "database[auth]")
    assert both.consequences("database[cart]") == ("ready[cart]",)
    assert both.consequences("database[auth]") == ("ready[auth]",)


def test_failures_that_explain_each_other_have_the_first_as_their_cause() -> None:
    """A circle in the runbook must not make every failure a consequence and none a cause."""
    circle = explained(failure("chicken", "1"), failure("egg", "1"))

    assert circle.causes == ("chicken[1]",)
    assert circle.because_of == {"egg[1]": ("chicken[1]",)}


def test_a_chain_goes_through_what_the_run_did_not_judge() -> None:
    """-k, a folder or a node id leaves out the middle of a chain, not the reason for its end."""
    selected = (
        failure("database", "cart", database="cart"),
        failure("health", "cart", service="cart"),
        failure("health", "auth", service="auth"),
    )
    left_out = (
        failure("ready", "cart", service="cart", database="cart"),
        failure("ready", "auth", service="auth", database="auth"),
    )
    told = explain(selected, RUNBOOK, left_out)

    assert told.causes == ("database[cart]", "health[auth]")
    assert told.because_of == {"health[cart]": ("database[cart]",)}
    assert explain(selected, RUNBOOK).because_of == {}


def test_a_chain_ends_at_a_check_that_passed() -> None:
    """Whose database is there and whose pods are ready is ill for another reason."""
    selected = (failure("database", "cart", database="cart"), failure("health", "cart", service="cart"))

    assert explain(selected, RUNBOOK, ()).causes == ("database[cart]", "health[cart]")


def test_what_was_not_judged_is_neither_cause_nor_consequence() -> None:
    """A report tells of checks that ran."""
    told = explain(
        [failure("record", "shop", host="shop", ingress="shop")],
        RUNBOOK,
        [failure("address", "shop", ingress="shop"), failure("answer", "shop", host="shop")],
    )

    assert told == Explanation(("record[shop]",), {})


_CHAIN = '''\
import pytest


def test_subnet_is_tagged(declared_subnet):
    """First."""
    assert declared_subnet.name == "b", "no tag"


@pytest.mark.where(tier="public")
def test_load_balancer_exists(declared_subnet):
    """Second."""
    assert MIDDLE, "no load balancer"


def test_host_answers(declared_subnet):
    """Third."""
    assert declared_subnet.name == "b", "no answer"
'''
_NEXT = {
    "test_subnet_is_tagged": "[test_load_balancer_exists](test_tiny.md) of the same subnet",
    "test_load_balancer_exists": "[test_host_answers](test_tiny.md) of the same subnet",
    "test_host_answers": "—",
}


def chained(folder: Path, middle: str, tier: str = "public") -> Path:
    """Write a project of three checks that lead to each other, of which the second is told how to end."""
    project = tiny_project.make(folder)
    page = "".join(tiny_project.entry(test, leads_to) for test, leads_to in _NEXT.items())
    (project / "runbook" / "tests_infra" / "test_tiny.md").write_text(page, encoding="utf-8")
    module = project / "tests_infra" / "test_tiny.py"
    module.write_text(_CHAIN.replace("MIDDLE", middle).replace("public", tier), encoding="utf-8")
    return project


def causes_told(project: Path, *selection: str) -> list[tuple[str, ...]]:
    """Run the project; return each cause with its consequences, without the names of files."""
    tiny_project.run(project, *selection)
    results = json.loads((tiny_project.latest(project) / "results.json").read_text(encoding="utf-8"))
    return [
        tuple(one.rpartition("::")[2] for one in (cause["id"], *cause["consequences"]))
        for cause in results["causes"]
    ]


ENDS = "test_subnet_is_tagged[a]", "test_host_answers[a]"


@pytest.mark.parametrize(
    "selection",
    [
        ("-k", "tagged or answers"),
        tuple(f"tests_infra/test_tiny.py::{name}" for name in ENDS),
        ("--deselect", "tests_infra/test_tiny.py::test_load_balancer_exists", "-n", "2"),
    ],
    ids=["-k", "node ids", "--deselect -n 2"],
)
def test_a_selection_keeps_the_cause_of_its_consequences(tmp_path: Path, selection: tuple[str, ...]) -> None:
    """Whoever looks at two of three things again must not be told of two incidents."""
    project = chained(tmp_path, middle="False")

    assert causes_told(project, *selection) == [ENDS]


def test_a_middle_that_passed_separates_two_causes(tmp_path: Path) -> None:
    """With a load balancer there the host is silent for a reason of its own."""
    project = chained(tmp_path, middle="True")

    assert causes_told(project) == [(ENDS[0],), (ENDS[1],)]


def test_a_middle_that_could_not_be_seen_is_gone_through(tmp_path: Path) -> None:
    """That one permission is missing must not make two incidents of one."""
    project = chained(tmp_path, middle="declared_subnet.no_such_thing")

    assert causes_told(project) == [ENDS]


def test_a_check_that_is_not_about_a_subject_is_not_gone_through(tmp_path: Path) -> None:
    """What the environment does not ask for can have broken nothing."""
    project = chained(tmp_path, middle="False", tier="private")

    assert causes_told(project) == [(ENDS[0],), (ENDS[1],)]
