"""What the checks of ExternalDNS see: whose records it takes for its own, and which names it may write."""

from __future__ import annotations

import re
from typing import Final

from postflight.environment import Controller, Environment
from postflight.evidence import Evidence, Unverified
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.flags import DOMAIN_FILTERS, OWNER_ID
from postflight.subjects.platform import controller_deployment
from postflight.subjects.registry import Ask, about

# What means the same to Go, in which ExternalDNS is written, and to Python: no groups with a question mark
# but `(?:`, no classes by name, no letters after a backslash but those of words, digits and blanks.
_SIMPLE: Final = re.compile(r"(?:[\w.^$|)*+?{},-]|\((?:\?:)?|\[\^?[\w.-]+\]|\\[.wWdDsSb-])*", re.ASCII)


class RecordOwner(Evidence):
    """The owner ids with which an ExternalDNS runs: one, or none."""

    ids: tuple[str, ...] = ()


class DomainFilter(Evidence):
    """Which names an ExternalDNS may write, by its flags; a regular expression stands in for the lists."""

    filters: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    expression: str = ""
    exclusion: str = ""

    def covers(self, domain: str) -> bool | None:
        """Whether it may write a domain; None where that cannot be told.

        With an expression that excludes, releases differ: to some it is all that counts, to others a name
        has to match the other one too, and some pass it over where there is no other one.
        """
        listed = _is_among(domain, self.filters or (domain,)) and not _is_among(domain, self.exclusions)
        if not self.expression and not self.exclusion:
            return listed
        if not all(_SIMPLE.fullmatch(each) for each in (self.expression, self.exclusion)):
            return None
        try:
            matches = re.search(self.expression, domain, re.ASCII) is not None
            spared = not self.exclusion or re.search(self.exclusion, domain, re.ASCII) is None
        except re.error:
            return None
        if not self.exclusion:
            return matches
        others = matches and spared if self.expression else listed
        return spared if spared == others else None


class UncoveredDomains(Evidence):
    """Declared domains that an ExternalDNS may not write, and the flags that leave them out."""

    flags: str = ""
    domains: tuple[str, ...] = ()


@about("controller")
def record_owner(ask: Ask, environment: Environment, declared: Controller) -> RecordOwner:
    """Read with which owner id an ExternalDNS runs."""
    return RecordOwner(ids=_values(controller_deployment(ask, environment, declared), OWNER_ID))


@about("controller")
def uncovered_domains(ask: Ask, environment: Environment, declared: Controller) -> UncoveredDomains:
    """Compare an ExternalDNS's filters with the domains that it has to write."""
    found = controller_deployment(ask, environment, declared)
    given = {name: _values(found, name) for name in DOMAIN_FILTERS}
    filters, exclusions, expression, exclusion = given.values()
    seen = DomainFilter(
        filters=_domains(filters),
        exclusions=_domains(exclusions),
        expression="".join(expression[-1:]),
        exclusion="".join(exclusion[-1:]),
    )
    covered = {domain: seen.covers(domain.lower()) for domain in declared.domain_filters}
    flags = " ".join(f"--{name}={', '.join(values)}" for name, values in given.items() if values)
    uncovered = tuple(domain for domain, is_covered in covered.items() if is_covered is False)
    untold = [domain for domain, is_covered in covered.items() if is_covered is None]
    if untold and not uncovered:
        raise Unverified(f"Whether {found.title} covers {', '.join(untold)} cannot be told from {flags}.")
    return UncoveredDomains(flags=flags, domains=uncovered)


def _values(found: Deployment, name: str) -> tuple[str, ...]:
    source = found.source_of(name)
    if source:
        raise Unverified(f"What {found.title} has for --{name} is not seen: it would come from {source}.")
    return found.argument(name)


def _domains(written: tuple[str, ...]) -> tuple[str, ...]:
    """Return domains as ExternalDNS compares them; an empty one filters nothing."""
    return tuple(filter(None, (each.strip().removesuffix(".").lower() for each in written)))


def _is_among(domain: str, filters: tuple[str, ...]) -> bool:
    # One that begins with a dot is for what is below it only.
    return any(domain == each or domain.endswith(f".{each.removeprefix('.')}") for each in filters)
