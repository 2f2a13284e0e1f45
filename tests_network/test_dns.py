"""DNS: the zones are served, and the hosts resolve."""

from __future__ import annotations

from typing import Any


def test_name_servers_answer(declared_hosted_zone: Any, zone_answers: Any) -> None:
    """A zone that one of its name servers does not serve fails for some of the world, some of the time."""
    problems = zone_answers.problems
    assert not problems, f"zone {declared_hosted_zone.zone}: {'; '.join(problems)}"


def test_host_resolves_at_its_name_servers(declared_host: Any, authoritative_answer: Any) -> None:
    """What the zone's own servers do not say, nobody can find out."""
    assert authoritative_answer.is_found, (
        f"{declared_host.name} leads to no address in zone {authoritative_answer.zone}: "
        f"{authoritative_answer.said}"
    )


def test_host_resolves(declared_host: Any, recursive_answer: Any) -> None:
    """Users ask a recursive resolver, which may be behind the zone or fail on its delegation."""
    assert recursive_answer.is_found, f"{declared_host.name} does not resolve: {recursive_answer.said}"
