"""Which of its neighbours a failure is about, where what was seen tells more than the subject does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from postflight.environment import Environment, Subject, subjects
from postflight.environment.platform import Application, Ingress, Service
from postflight.evidence import Evidence

_KINDS = ("service", "ingress")


class Resources(Evidence):
    """Kubernetes objects that a failing check names, such as `Deployment saleor-api (Degraded)`."""

    titles: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The objects, for messages."""
        return ", ".join(self.titles)


class OwnWords(Evidence):
    """What an application may have answered itself, which its being down or broken does not explain."""

    @property
    def is_said(self) -> bool:
        """Whether it did: not a gateway in its place, and no error."""
        return False


def innocent(evidence: object) -> tuple[str, ...]:
    """Return the kinds of neighbours whose failures do not explain what was seen."""
    return ("api", "service") if isinstance(evidence, OwnWords) and evidence.is_said else ()


def concerned(
    environment: Environment, subject: Subject, resources: Resources
) -> Mapping[str, frozenset[str]]:
    """Return the services and Ingresses that an Application's resources are part of, by kind.

    A resource that is no subject's own (a ConfigMap, a Secret) may be any's; so may what is not named.
    """
    if not isinstance(subject, Application):
        return {}
    delivered = {
        (kind, one.name): frozenset(_titles(one))
        for kind in _KINDS
        for one in subjects(environment, kind)
        if getattr(one, "namespace", None) == subject.destination
    }
    named = [" ".join(title.split()[:2]) for title in resources.titles]
    owned = [{key for key, titles in delivered.items() if title in titles} for title in named]
    found = set().union(*owned) if owned and all(owned) else set(delivered)
    return {kind: frozenset(name for of, name in found if of == kind) for kind in _KINDS}


def _titles(subject: Subject) -> Iterator[str]:
    match subject:
        case Service():
            yield from (f"Deployment {subject.workload}", f"Service {subject.name}")
            if subject.service_account is not None:
                yield f"ServiceAccount {subject.service_account}"
        case Ingress():
            yield f"Ingress {subject.resource}"
        case _:
            return
