"""Who may do what: rules in the shape of RBAC, refusals in its words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sandbox.kube_api.errors import ApiError, Json, details_of, qualified
from sandbox.kube_api.requests import RequestInfo

ADMIN_GROUP: Final = "system:masters"
_PUBLIC_PATHS: Final = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY_PATHS: Final = ("/api", "/apis", "/openapi", *_PUBLIC_PATHS)
REVIEW_RESOURCES: Final = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")
REVIEW_GROUPS: Final = ("authorization.k8s.io", "authentication.k8s.io")


@dataclass(frozen=True)
class Rule:
    """What one rule of a role allows; `*` stands for all. A namespace is empty for the cluster's objects."""

    verbs: tuple[str, ...]
    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    namespaces: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)

    def allows(self, info: RequestInfo) -> bool:
        """Tell whether this rule covers the request."""
        return (
            _covers(self.verbs, info.verb)
            and _covers(self.api_groups, info.group)
            and (_covers(self.resources, info.full_resource) or f"*/{info.subresource}" in self.resources)
            and _covers(self.namespaces, info.namespace)
            and _covers(self.names, info.name)
        )


@dataclass(frozen=True)
class User:
    """An authenticated caller."""

    name: str
    groups: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def is_admin(self) -> bool:
        """Whether every request is allowed."""
        return ADMIN_GROUP in self.groups

    @property
    def is_anonymous(self) -> bool:
        """Whether no token was sent."""
        return self.name == ANONYMOUS.name


ANONYMOUS: Final = User("system:anonymous", ("system:unauthenticated",))


def _covers(allowed: Collection[str], value: str) -> bool:
    return "*" in allowed or value in allowed


def allowed(user: User, info: RequestInfo, denied: Collection[tuple[str, str]]) -> bool:
    """Tell whether the user may do this; `denied` pairs of (verb, resource) hold for all but admins."""
    if user.is_admin:
        return True
    if not info.plural:
        paths = _PUBLIC_PATHS if user.is_anonymous else _DISCOVERY_PATHS
        return info.verb == "get" and any(
            info.path == path or info.path.startswith(f"{path}/") for path in paths
        )
    if any((verb, resource) in denied for verb in (info.verb, "*") for resource in (info.full_resource, "*")):
        return False
    if info.group in REVIEW_GROUPS and info.plural in REVIEW_RESOURCES:
        return not user.is_anonymous
    return any(rule.allows(info) for rule in user.rules)


def forbidden(user: User, info: RequestInfo) -> ApiError:
    """Make the 403 of this request."""
    if not info.plural:
        message = f'forbidden: User "{user.name}" cannot {info.verb} path "{info.path}"'
        return ApiError(403, "Forbidden", message, details={})
    subject = qualified(info.plural, info.group) + (f' "{info.name}"' if info.name else "")
    where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {info.verb} resource "{info.full_resource}" '
        f'in API group "{info.group}" {where}'
    )
    return ApiError(403, "Forbidden", message, details=details_of(info.plural, info.group, info.name))


def impersonated(user: User, name: str, groups: tuple[str, ...]) -> User:
    """Return who a request is made as: one without rights of its own, but for its groups. ApiError 403."""
    if not user.is_admin:
        raise forbidden(user, RequestInfo(verb="impersonate", path="", plural="users", name=name))
    return User(name, groups)


def access_review(user: User, body: Json, denied: Collection[tuple[str, str]]) -> Json:
    """Answer a SelfSubjectAccessReview (what `kubectl auth can-i` sends)."""
    spec = body.get("spec", {})
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None:
        info = RequestInfo(
            verb=resource.get("verb", ""),
            path="",
            group=resource.get("group", ""),
            namespace=resource.get("namespace", ""),
            plural=resource.get("resource", ""),
            name=resource.get("name", ""),
            subresource=resource.get("subresource", ""),
        )
    else:
        info = RequestInfo(verb=(path or {}).get("verb", ""), path=(path or {}).get("path", ""))
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": {"allowed": allowed(user, info, denied)},
    }


def rules_review(user: User, body: Json, denied: Collection[tuple[str, str]]) -> Json:
    """Answer a SelfSubjectRulesReview (what `kubectl auth can-i --list` sends)."""
    namespace = body.get("spec", {}).get("namespace", "")
    rules = [Rule(("*",), ("*",), ("*",))] if user.is_admin else list(user.rules)
    refused = set() if user.is_admin else set(denied)
    resource_rules = [
        {"verbs": [verb], "apiGroups": list(rule.api_groups), "resources": kept}
        for rule in rules
        if _covers(rule.namespaces, namespace)
        for verb in rule.verbs
        if (kept := [each for each in rule.resources if (verb, each) not in refused])
    ]
    paths = ["*"] if user.is_admin else list(_DISCOVERY_PATHS)
    return {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": {},
        "status": {
            "resourceRules": resource_rules,
            "nonResourceRules": [{"verbs": ["*" if user.is_admin else "get"], "nonResourceURLs": paths}],
            "incomplete": False,
        },
    }


def subject_review(user: User) -> Json:
    """Answer a SelfSubjectReview (what `kubectl auth whoami` sends)."""
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "status": {"userInfo": {"username": user.name, "groups": [*user.groups, "system:authenticated"]}},
    }
