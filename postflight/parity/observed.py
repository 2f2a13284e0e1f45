"""Looks at what two environments are: images, variables, the keys of Secrets, browser origins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from postflight.environment import Environment, Service, Vantage
from postflight.evidence import LiveAnswers, Unverified
from postflight.identity import establish
from postflight.parity.facts import Key
from postflight.parity.naming import Names
from postflight.probes.aws import cloudfront, s3
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import deployments, settings
from postflight.probes.kubernetes.containers import Reference
from postflight.probes.kubernetes.deployments import Deployment
from postflight.redaction import Secrets
from postflight.subjects import Ask
from postflight.subjects.settings import Configuration, configuration_of

# Lists of browser origins that an API lets in; their values are no secret.
_ORIGINS = ("ALLOWED_CLIENT_HOSTS", "ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGINS")


@dataclass(frozen=True)
class Observed:
    """What was seen, and what could not be looked at: section and entry to the reason."""

    facts: Mapping[Key, Any]
    troubles: Mapping[tuple[str, str], str]

    def hidden(self, names: Names) -> frozenset[tuple[str, str]]:
        """Return the entries that could not be looked at, by neutral names."""
        return frozenset((section, names.neutral(entry)) for section, entry in self.troubles)

    def visible(self, names: Names, hidden: frozenset[tuple[str, str]]) -> dict[Key, Any]:
        """Return the facts of all entries but the hidden ones."""
        return {
            key: value for key, value in self.facts.items() if (key[0], names.neutral(key[1])) not in hidden
        }

    def complaints(self, environment: str) -> tuple[str, ...]:
        """Say of each entry that could not be looked at, why."""
        return tuple(
            f"{environment}: {section} {entry}: {reason}"
            for (section, entry), reason in self.troubles.items()
        )


def observe(
    environment: Environment, vantage: Vantage, process: Mapping[str, str], secrets: Secrets
) -> Observed:
    """Look at one environment with its own credentials and context.

    Raises WrongPlaceError, and Unverified where it cannot be told which place this is.
    """
    ask = Ask(LiveAnswers(), Connections(environment, vantage, process, secrets))
    establish(environment, ask)
    looks: dict[tuple[str, str], Callable[[], Iterator[tuple[str, Any]]]] = {
        **{("services", one.name): partial(_service, ask, one) for one in environment.services.values()},
        **{("buckets", one.name): partial(_bucket, ask, one.bucket) for one in environment.buckets.values()},
        **{
            ("distributions", one.name): partial(_distribution, ask, one.id)
            for one in environment.distributions.values()
        },
    }
    facts: dict[Key, Any] = {}
    troubles: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        seen = pool.map(_taken_down, looks.values())
    for (section, entry), (found, trouble) in zip(looks, seen, strict=True):
        facts |= {(section, entry, field): value for field, value in found.items()}
        if trouble:
            troubles[section, entry] = trouble
    return Observed(facts, troubles)


def _taken_down(look: Callable[[], Iterator[tuple[str, Any]]]) -> tuple[dict[str, Any], str]:
    try:
        return dict(look()), ""
    except Unverified as error:
        return {}, str(error)


def _service(ask: Ask, service: Service) -> Iterator[tuple[str, Any]]:
    found = ask(deployments.deployments, service.namespace, _ORIGINS).named(service.workload)
    if not found.found:
        return
    yield "", "there"
    yield "replicas", found.replicas
    for container in found.containers:
        repository, _, tag = container.image.partition("@")[0].rpartition(":")
        has_tag = bool(repository) and "/" not in tag
        yield f"image of {container.name}", (repository if has_tag else container.image).rpartition("/")[2]
        yield f"image tag of {container.name}", tag if has_tag else "none"
    configuration = _configuration(ask, service, found)
    yield "variables", sorted(variable.name for variable in configuration.variables)
    for name, keys in _secret_keys(ask, service.namespace, found):
        yield f"keys of Secret {name}", keys
    for variable in configuration.set_among(*_ORIGINS):
        if variable.value is not None:
            yield variable.name, sorted(one.strip() for one in variable.value.split(",") if one.strip())


def _configuration(ask: Ask, service: Service, found: Deployment) -> Configuration:
    def lookup(reference: Reference) -> settings.Settings:
        if reference.kind == "ConfigMap":
            return ask(settings.config_maps, service.namespace, _ORIGINS).named(reference.name)
        return ask(settings.secret, service.namespace, reference.name, ())

    return configuration_of(found, lookup, service.image_repository)


def _secret_keys(ask: Ask, namespace: str, found: Deployment) -> Iterator[tuple[str, list[str]]]:
    for name in sorted(found.secrets):
        secret = ask(settings.secret, namespace, name, ())
        yield name, sorted(item.key for item in secret.items) if secret.found else ["(no such Secret)"]


def _bucket(ask: Ask, name: str) -> Iterator[tuple[str, Any]]:
    if not ask(s3.bucket, name).found:
        return
    yield "", "there"
    rules = ask(s3.cors, name).rules
    yield "CORS origins", sorted({origin for rule in rules for origin in rule.origins})
    yield "CORS methods", sorted({method for rule in rules for method in rule.methods})
    yield "public access blocked", ask(s3.public_access_block, name).is_complete


def _distribution(ask: Ask, identifier: str) -> Iterator[tuple[str, Any]]:
    found = ask(cloudfront.distributions).of(identifier)
    if not found.found:
        return
    yield "", "there"
    yield "enabled", found.enabled
    yield "origins", sorted(found.origins)
    yield "aliases", sorted(found.aliases)
