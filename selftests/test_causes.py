"""Causes are told from consequences by the runbook's links, within their scopes."""

from __future__ import annotations

from collections.abc import Mapping

from postflight.causes import Explanation, Failure, explain
from postflight.runbook import Entry, Link


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
