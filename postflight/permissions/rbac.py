"""The Kubernetes Roles of a run, one a namespace, with their bindings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from postflight.environment import Application, DatabaseServer, Environment, Service, Superuser
from postflight.permissions.collected import Need
from postflight.permissions.scopes import database_server, secrets, services_on

API_GROUP = "rbac.authorization.k8s.io"
NAME = "postflight"

_VERBS = frozenset({"get", "list", "watch", "create"})


@dataclass(frozen=True)
class Grantee:
    """Whom the Roles are bound to: the ServiceAccount of a run in the cluster, or a group of people."""

    kind: str
    name: str
    namespace: str | None = None

    def as_subject(self) -> dict[str, str]:
        """Return the `subjects` entry of a binding."""
        if self.kind == "ServiceAccount":
            return {"kind": self.kind, "name": self.name, "namespace": self.namespace or NAME}
        return {"kind": self.kind, "name": self.name, "apiGroup": API_GROUP}


@dataclass(frozen=True, order=True)
class _Grant:
    """One verb on one resource, in a namespace (empty: the cluster) and on one object (empty: all)."""

    namespace: str
    group: str
    resource: str
    verb: str
    name: str = ""


def rbac_objects(
    environment: Environment, needs: Iterable[Need], grantees: Iterable[Grantee]
) -> list[dict[str, Any]]:
    """Return a ClusterRole for what has no namespace, a Role for each namespace, and their bindings."""
    subjects = [grantee.as_subject() for grantee in grantees]
    by_namespace: dict[str, set[_Grant]] = {}
    for need in needs:
        for grant in _grants(environment, need):
            by_namespace.setdefault(grant.namespace, set()).add(grant)
    everywhere = by_namespace.get("", set())
    objects: list[dict[str, Any]] = []
    for namespace, found in sorted(by_namespace.items()):
        grants = {one for one in found if not namespace or replace(one, namespace="") not in everywhere}
        # Two environments in one cluster share namespaces such as argocd, and must not share a Role there.
        name = f"{NAME}-{environment.name}"
        if grants:
            objects += _role_and_binding(name, namespace, _rules(grants), subjects)
    return objects


def _role_and_binding(
    name: str, namespace: str, rules: list[dict[str, Any]], subjects: list[dict[str, str]]
) -> Iterator[dict[str, Any]]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    version = f"{API_GROUP}/v1"
    yield {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": version,
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": API_GROUP, "kind": kind, "name": name},
        "subjects": [dict(subject) for subject in subjects],
    }


def _rules(grants: set[_Grant]) -> list[dict[str, Any]]:
    names: dict[tuple[str, str, str], set[str]] = {}
    for grant in grants:
        names.setdefault((grant.group, grant.verb, grant.resource), set()).add(grant.name)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    verbs: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, verb, resource), found in sorted(names.items()):
        verbs.setdefault((group, resource, () if "" in found else tuple(sorted(found))), []).append(verb)
    for (group, resource, named), allowed in verbs.items():
        resources.setdefault((group, tuple(allowed), named), []).append(resource)
    return [
        {
            "apiGroups": [group],
            "resources": sorted(found),
            **({"resourceNames": list(named)} if named else {}),
            "verbs": list(allowed),
        }
        for (group, allowed, named), found in sorted(resources.items())
    ]


def _grants(environment: Environment, need: Need) -> Iterator[_Grant]:
    verb, _, word = need.permission.partition(" ")
    if verb not in _VERBS or not word or not _arises(environment, need):
        return
    if word.startswith("/"):
        # /version is no resource; the ClusterRole system:public-info-viewer lets everyone read it.
        return
    resource, _, group = word.partition(".")
    if need.whole_cluster:
        yield _Grant("", group, resource, verb)
        return
    # A WebSocket is opened by GET, and API servers older than 1.35 ask for the verb `get` then.
    verbs = ("create", "get") if word == "pods/exec" else (verb,)
    for namespace, name in _places(environment, need, word):
        yield from (_Grant(namespace, group, resource, one, name) for one in verbs)


def _places(environment: Environment, need: Need, word: str) -> Iterator[tuple[str, str]]:
    """Yield the namespaces that a need is about, each with the one object it is about or an empty name."""
    subject = need.subject
    if word == "secrets":
        yield from secrets(environment, subject)
        return
    match subject:
        case Service(namespace=namespace, name=name, port=port) if word == "services/proxy":
            yield namespace, f"{name}:{port}"
        case Superuser(service=service):
            yield environment.services[service].namespace, ""
        case Application(destination=destination) if word == "deployments.apps":
            # What an Application delivers lies in its destination, the Application itself elsewhere.
            yield from ((one, "") for one in (destination,) if one)
        case DatabaseServer():
            yield from ((service.namespace, "") for service in services_on(environment, subject))
        case _:
            place: str | None = getattr(subject, "namespace", None)
            if place:
                yield place, ""


def _arises(environment: Environment, need: Need) -> bool:
    """Whether a look goes the way that needs this: some rows choose by vantage and by what is declared."""
    match need.fixture, need.permission:
        case "health", "get services/proxy":
            return need.vantage == "outside"
        case "health", "list services":
            return need.vantage == "inside"
        case "superusers", permission:
            return _counts_by_sql(environment, need) == (permission == "get secrets")
        case _:
            return True


def _counts_by_sql(environment: Environment, need: Need) -> bool | None:
    """Whether superusers are counted by SQL; None where they cannot be counted at all."""
    server = database_server(environment, need.subject)
    if server is not None and need.vantage in server.reachable_from:
        return True
    return False if isinstance(need.subject, Superuser) and need.subject.exec else None
