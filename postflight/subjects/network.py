"""What the checks of tests_network see by its protocols: DNS, TLS, HTTP, CORS."""

from __future__ import annotations

from postflight.environment import Api, Environment, Host, HostedZone, Origin
from postflight.evidence import Evidence, Unverified
from postflight.probes import dns, http, tls, tls_versions
from postflight.probes.dns_evidence import NameServers, Resolution
from postflight.probes.http import Crossing, HttpAnswer, Query
from postflight.probes.tls import Tls
from postflight.probes.tls_versions import OldVersions
from postflight.subjects.cors import ForeignPreflight, Preflight, Preflights, SharedAnswer
from postflight.subjects.registry import Ask, about

_FIRST_ERROR = 400
_HTTPS = 443


class ZoneAnswers(Evidence):
    """What each of a zone's name servers says of its start of authority."""

    name_servers: NameServers
    answers: tuple[Resolution, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the zone's servers, one phrase each; none means all is well."""
        found = [self.name_servers.problem] if self.name_servers.problem else []
        found += [answer.said for answer in self.answers if not answer.is_found]
        if not self.answers and not found and not self.name_servers.unresolved:
            found.append(f"{self.name_servers.zone} has no name server")
        if found and self.name_servers.source:
            found.append(f"these are its servers {self.name_servers.source}")
        return tuple(found)


class AuthoritativeAnswer(Evidence):
    """What a zone's name servers say of a name: the first that says what it is, else each of them."""

    name: str
    zone: str
    answer: Resolution | None = None
    problem: str | None = None

    @property
    def is_found(self) -> bool:
        """Whether the name leads to an address."""
        return self.answer is not None and self.answer.is_found

    @property
    def said(self) -> str:
        """The answer in a few words, for messages."""
        return self.problem or (self.answer.said if self.answer is not None else "")


@about("hosted_zone")
def zone_answers(ask: Ask, environment: Environment, declared: HostedZone) -> ZoneAnswers:
    """Ask every name server of the zone for its SOA record. Raises Unverified."""
    servers = ask(dns.name_servers, declared.zone)
    answers = tuple(ask(dns.authoritative, server, declared.zone, "SOA") for server in servers.servers)
    _require_a_way_out(ask, environment, servers, answers)
    found = ZoneAnswers(name_servers=servers, answers=answers)
    if servers.unresolved and not found.problems:
        raise Unverified(
            f"Not every name server of {declared.zone} was asked: {' '.join(servers.unresolved)}"
        )
    return found


def _require_a_way_out(
    ask: Ask, environment: Environment, servers: NameServers, answers: tuple[Resolution, ...]
) -> None:
    """Require that the silence of all servers of a zone is theirs. Raises Unverified.

    Networks that let DNS pass to their own resolver only look the same from here, and so do those that put a
    resolver in the way of every question.
    """
    if environment.authoritative is not None or not answers:
        return
    if all(answer.is_answered_by_a_resolver for answer in answers):
        said = "; ".join(answer.said for answer in answers)
        raise Unverified(f"Something between here and the name servers of {servers.zone} answers: {said}.")
    if all(answer.status == "no answer" for answer in answers):
        ask(dns.delegation, servers.zone)


@about("host")
def authoritative_answer(ask: Ask, environment: Environment, declared: Host) -> AuthoritativeAnswer:
    """Ask the zone's name servers for the host, until one says what it is. Raises Unverified."""
    zone = environment.hosted_zones[declared.hosted_zone].zone
    servers = ask(dns.name_servers, zone)
    answers: list[Resolution] = []
    unasked = list(servers.unresolved)
    for server in servers.servers:
        try:
            answers.append(ask(dns.authoritative, server, declared.name))
        except Unverified as error:
            unasked.append(str(error))
            continue
        if answers[-1].is_settled:
            return AuthoritativeAnswer(name=declared.name, zone=zone, answer=answers[-1])
    _require_a_way_out(ask, environment, servers, tuple(answers))
    problem = "; ".join(answer.said for answer in answers) or servers.problem
    if unasked:
        others = f" The others: {problem}." if problem else ""
        raise Unverified(f"Not every name server of {zone} was asked: {' '.join(unasked)}{others}")
    return AuthoritativeAnswer(
        name=declared.name, zone=zone, answer=answers[0] if answers else None,
        problem=problem or f"{zone} has no name server",
    )  # fmt: skip


@about("host")
def recursive_answer(ask: Ask, environment: Environment, declared: Host) -> Resolution:
    """Ask the resolver for the host.

    A resolver that fails on a name, which the zone's own servers answer for, may be at fault itself, unless
    DNSSEC is the reason: Unverified.
    """
    answer = ask(dns.recursive, declared.name)
    if answer.status != "server failure" or answer.fails_validation:
        return answer
    own = authoritative_answer(ask, environment, declared)
    if own.is_found:
        raise Unverified(
            f"{declared.name} could not be looked up: the resolver {answer.said}, though {own.said}."
        )
    return answer.model_copy(update={"detail": own.said})


@about("host")
def served_tls(ask: Ask, environment: Environment, declared: Host) -> Tls:
    """Make a TLS handshake with the host."""
    return ask(tls.handshake, declared.name, declared.port, declared.ca or environment.ca)


@about("host")
def old_tls(ask: Ask, environment: Environment, declared: Host) -> OldVersions:
    """Offer the host TLS 1.0 and 1.1."""
    return ask(tls_versions.old_versions, declared.name, declared.port)


@about("host")
def host_answer(ask: Ask, environment: Environment, declared: Host) -> HttpAnswer:
    """GET the host's first page."""
    port = "" if declared.port == _HTTPS else f":{declared.port}"
    return ask(http.get, f"https://{declared.name}{port}/", declared.ca or environment.ca)


@about("origin")
def preflights(ask: Ask, environment: Environment, declared: Origin) -> Preflights:
    """Make the preflight of every declared method, as a browser on the origin does."""
    items = []
    for method in declared.methods:
        crossing = Crossing(
            url=declared.url, origin=declared.origin, method=method, headers=declared.headers, ca=declared.ca
        )
        items.append(Preflight(crossing=crossing, answer=ask(http.preflight, crossing)))
    return Preflights(items=tuple(items))


@about("origin")
def shared_answer(ask: Ask, environment: Environment, declared: Origin) -> SharedAnswer:
    """Put a query from a page of the origin."""
    query = Query(url=declared.url, text="{ shop { name } }", origin=declared.origin, ca=declared.ca)
    return SharedAnswer(origin=declared.origin, answer=ask(http.graphql, query).http)


@about("origin")
def shared_error(ask: Ask, environment: Environment, declared: Origin) -> SharedAnswer:
    """Ask from a page of the origin for what the API answers with an error."""
    answer = ask(http.get, declared.error_url, declared.ca, declared.origin)
    if answer.status is not None and answer.status < _FIRST_ERROR:
        raise Unverified(
            f"{declared.error_url} answers {answer.status}, which is no error: declare as `error_path` of "
            f"API {declared.api} a path that the API answers with one."
        )
    return SharedAnswer(origin=declared.origin, answer=answer)


@about("api")
def foreign_preflight(ask: Ask, environment: Environment, declared: Api) -> ForeignPreflight:
    """Make a preflight as a page of an undeclared origin."""
    crossing = Crossing(
        url=declared.url, origin=declared.foreign_origin, method=declared.methods[0],
        headers=declared.headers, ca=declared.ca or environment.ca,
    )  # fmt: skip
    found = ForeignPreflight(crossing=crossing, answer=ask(http.preflight, crossing))
    if found.is_refused_with_an_error:
        _require_rules(ask, declared, crossing, found.answer)
    return found


def _require_rules(ask: Ask, declared: Api, crossing: Crossing, answer: HttpAnswer) -> None:
    """Require that a declared origin is let in where a foreign one got an error, which may be anybody's.

    Raises Unverified.
    """
    for origin in declared.origins.values():
        own = crossing.model_copy(update={"origin": origin})
        if Preflight(crossing=own, answer=ask(http.preflight, own)).refusal is None:
            return
    raise Unverified(
        f"{declared.url} answers a foreign preflight with {answer.said}, and lets in no declared origin "
        "either: such an answer may come from a firewall or a wrong path, and says nothing of its CORS rules."
    )
