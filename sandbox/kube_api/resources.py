from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from sandbox.kube_api.errors import no_such_resource, qualified

_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_SINGLE_DELETE_VERBS: Final = tuple(verb for verb in _VERBS if verb != "deletecollection")
_CUSTOM_VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind of object that the server keeps.

    `versions[0]` is the one that discovery shows; the others answer by path, because the recorded v1.20.2
    server did not list them and today's clients ask for them all the same.
    """

    plural: str
    kind: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    storage_hash: str = ""
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _VERBS
    has_generation: bool = False
    custom: bool = False

    @cached_property
    def qualified(self) -> str:
        """`deployments.apps`."""
        return qualified(self.plural, self.group)

    @property
    def singular(self) -> str:
        """Return the singular name that discovery shows (only custom resources have one)."""
        return self.kind.lower() if self.custom else ""

    def api_version(self, version: str = "") -> str:
        """`apps/v1`."""
        chosen = version or self.versions[0]
        return f"{self.group}/{chosen}" if self.group else chosen


_ALL: Final = ("all",)
_STATUS: Final = ("status",)
_SCALED: Final = ("scale", "status")

RESOURCES: Final = (
    Resource("configmaps", "ConfigMap", short_names=("cm",), storage_hash="qFsyl6wFWjQ="),
    Resource("endpoints", "Endpoints", short_names=("ep",), storage_hash="fWeeMqaN/OA="),
    Resource("events", "Event", short_names=("ev",), storage_hash="r2yiGXH7wu8="),
    Resource("limitranges", "LimitRange", short_names=("limits",), storage_hash="EBKMFVe6cwo="),
    Resource(
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        storage_hash="Q3oi5N2YM8M=",
        subresources=_STATUS,
        verbs=_SINGLE_DELETE_VERBS,
    ),
    Resource(
        "nodes",
        "Node",
        namespaced=False,
        short_names=("no",),
        storage_hash="XwShjMxG9Fs=",
        subresources=_STATUS,
    ),
    Resource(
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        short_names=("pvc",),
        storage_hash="QWTyNDq0dC4=",
        subresources=_STATUS,
    ),
    Resource(
        "persistentvolumes",
        "PersistentVolume",
        namespaced=False,
        short_names=("pv",),
        storage_hash="HN/zwEC+JgM=",
        subresources=_STATUS,
    ),
    Resource(
        "pods",
        "Pod",
        short_names=("po",),
        categories=_ALL,
        storage_hash="xPOwRZ+Yhw8=",
        subresources=("exec", "log", "proxy", "status"),
    ),
    Resource(
        "resourcequotas",
        "ResourceQuota",
        short_names=("quota",),
        storage_hash="8uhSgffRX6w=",
        subresources=_STATUS,
    ),
    Resource("secrets", "Secret", storage_hash="S6u1pOWzb84="),
    Resource("serviceaccounts", "ServiceAccount", short_names=("sa",), storage_hash="pbx9ZvyFpBE="),
    Resource(
        "services",
        "Service",
        short_names=("svc",),
        categories=_ALL,
        storage_hash="0/CO1lhkEBI=",
        subresources=("proxy", "status"),
        verbs=_SINGLE_DELETE_VERBS,
    ),
    Resource("controllerrevisions", "ControllerRevision", "apps", storage_hash="85nkx63pcBU="),
    Resource(
        "daemonsets",
        "DaemonSet",
        "apps",
        short_names=("ds",),
        categories=_ALL,
        storage_hash="dd7pWHUlMKQ=",
        subresources=_STATUS,
        has_generation=True,
    ),
    Resource(
        "deployments",
        "Deployment",
        "apps",
        short_names=("deploy",),
        categories=_ALL,
        storage_hash="8aSe+NMegvE=",
        subresources=_SCALED,
        has_generation=True,
    ),
    Resource(
        "replicasets",
        "ReplicaSet",
        "apps",
        short_names=("rs",),
        categories=_ALL,
        storage_hash="P1RzHs8/mWQ=",
        subresources=_SCALED,
        has_generation=True,
    ),
    Resource(
        "statefulsets",
        "StatefulSet",
        "apps",
        short_names=("sts",),
        categories=_ALL,
        storage_hash="H+vl74LkKdo=",
        subresources=_SCALED,
        has_generation=True,
    ),
    Resource(
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "autoscaling",
        ("v1", "v2"),
        short_names=("hpa",),
        categories=_ALL,
        storage_hash="oQlkt7f5j/A=",
        subresources=_STATUS,
    ),
    Resource("jobs", "Job", "batch", categories=_ALL, storage_hash="mudhfqk/qZY=", subresources=_STATUS),
    Resource(
        "cronjobs",
        "CronJob",
        "batch",
        ("v1beta1", "v1"),
        short_names=("cj",),
        categories=_ALL,
        storage_hash="h/JlFAZkyyY=",
        subresources=_STATUS,
    ),
    Resource(
        "ingressclasses",
        "IngressClass",
        "networking.k8s.io",
        namespaced=False,
        storage_hash="6upRfBq0FOI=",
        has_generation=True,
    ),
    Resource(
        "ingresses",
        "Ingress",
        "networking.k8s.io",
        short_names=("ing",),
        storage_hash="ZOAfGflaKd0=",
        subresources=_STATUS,
        has_generation=True,
    ),
    Resource(
        "networkpolicies",
        "NetworkPolicy",
        "networking.k8s.io",
        short_names=("netpol",),
        storage_hash="YpfwF18m1G8=",
        has_generation=True,
    ),
    Resource(
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        "policy",
        ("v1beta1", "v1"),
        short_names=("pdb",),
        storage_hash="6BGBu0kpHtk=",
        subresources=_STATUS,
        has_generation=True,
    ),
    Resource(
        "clusterrolebindings",
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io",
        namespaced=False,
        storage_hash="48tpQ8gZHFc=",
    ),
    Resource(
        "clusterroles",
        "ClusterRole",
        "rbac.authorization.k8s.io",
        namespaced=False,
        storage_hash="bYE5ZWDrJ44=",
    ),
    Resource("rolebindings", "RoleBinding", "rbac.authorization.k8s.io", storage_hash="eGsCzGH6b1g="),
    Resource("roles", "Role", "rbac.authorization.k8s.io", storage_hash="7FuwZcIIItM="),
    Resource(
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "apiextensions.k8s.io",
        namespaced=False,
        short_names=("crd", "crds"),
        storage_hash="jfWCUB31mvA=",
        subresources=_STATUS,
        has_generation=True,
    ),
    Resource("leases", "Lease", "coordination.k8s.io", storage_hash="gqkMMb/YqFM="),
    Resource(
        "endpointslices", "EndpointSlice", "discovery.k8s.io", ("v1beta1", "v1"), storage_hash="Nx3SIv6I0mE="
    ),
    Resource(
        "applications",
        "Application",
        "argoproj.io",
        ("v1alpha1",),
        short_names=("app",),
        storage_hash="PVzHEyjMffI=",
        verbs=_CUSTOM_VERBS,
        has_generation=True,
        custom=True,
    ),
)

_BY_NAME: Final = MappingProxyType({(each.group, each.plural): each for each in RESOURCES})

# Discovery keeps the order of the recorded server; a client takes the first group that knows a short name.
GROUPS: Final = (
    "apps",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "apiextensions.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "argoproj.io",
)


def resource_of(plural: str, group: str = "") -> Resource:
    """Return the served resource of that plural name; ApiError 404 if there is none."""
    found = _BY_NAME.get((group, plural))
    if found is None:
        raise no_such_resource()
    return found
