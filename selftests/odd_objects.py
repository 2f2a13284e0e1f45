"""Objects that a Kubernetes API server accepts, and that controllers must not be stopped by."""

from __future__ import annotations

from typing import Any

NAMESPACE = "odd"
Manifest = dict[str, Any]


def manifest(api: str, kind: str, name: str, **content: Any) -> Manifest:
    """Make an object in the namespace of the odd ones."""
    metadata = {"name": name, "namespace": NAMESPACE, **content.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}


def _service(name: str, **spec: Any) -> Manifest:
    return manifest("v1", "Service", name, spec=spec)


def _pod(name: str, metadata: Any = None, container: Any = None, **spec: Any) -> Manifest:
    own = {"name": "box", "image": "shop:1", **(container or {})}
    return manifest("v1", "Pod", name, metadata=metadata or {}, spec={"containers": [own], **spec})


def deployment(name: str, labels: Manifest | None = None, **spec: Any) -> Manifest:
    """Make a Deployment of pods with one container."""
    labels = labels or {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "box", "image": "shop:1"}]}}
    selector = {"matchLabels": labels}
    return manifest("apps/v1", "Deployment", name, spec={"selector": selector, "template": template, **spec})


def _ingress(name: str, annotations: Any = None, **spec: Any) -> Manifest:
    ours = {"ingressClassName": "alb", **spec}
    metadata = {"annotations": annotations or {}}
    return manifest("networking.k8s.io/v1", "Ingress", name, metadata=metadata, spec=ours)


def _rule(service: Any, **path: Any) -> list[Manifest]:
    backend = {"service": service} if "name" in service else service
    http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend, **path}]}
    return [{"host": "odd.sandbox-kyeol.click", "http": http}]


def _template(**spec: Any) -> Manifest:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "box", "image": "shop:1"}], **spec}}


SERVICES = [
    _service("no-selector", ports=[{"port": 80}]),
    _service("headless", clusterIP="None", selector={"app": "named"}),
    _service("external", type="ExternalName", externalName="example.com"),
    _service("no-pods", selector={"app": "absent"}, ports=[{"port": 80, "targetPort": "web"}]),
    _service("no-such-port", selector={"app": "named"}, ports=[{"port": 80, "targetPort": "absent"}]),
    _service("udp", selector={"app": "named"}, ports=[{"port": 53, "protocol": "UDP"}]),
    _service("node-port", type="NodePort", selector={"app": "named"}, ports=[{"port": 80}]),
]
PODS = [
    _pod("lost", nodeName="nowhere"),
    _pod("on-a-bare-node", nodeName="bare"),
    _pod("greedy", container={"resources": {"requests": {"cpu": "1E", "memory": "1e20"}}}),
    _pod("of-another-scheduler", schedulerName="mine"),
    _pod("plain-image", container={"image": "busybox"}),
    _pod("odd-image", container={"image": "Registry/UPPER:tag@sha256:1"}),
    _pod("kept", metadata={"finalizers": ["example.com/keep"]}),
    _pod("probed", container={"readinessProbe": {"httpGet": {"port": "absent", "path": "no-slash"}}}),
    _pod("no-config", container={"envFrom": [{"configMapRef": {"name": "absent"}}]}),
    _pod("binary-config", container={"envFrom": [{"configMapRef": {"name": "binary"}},
                                                  {"secretRef": {"name": "binary"}}]}),
    _pod("picky", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}}}),
]  # fmt: skip
WORKLOADS = [
    deployment("none", replicas=0),
    deployment("n" * 63 + "." + "n" * 180),
    deployment("recreated", strategy={"type": "Recreate"}),
    deployment("paused", paused=True),
    deployment("stuck", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    deployment("by-expression", {"app": "x"}, selector={"matchExpressions": [
        {"key": "app", "operator": "In", "values": ["x"]}]}),
    manifest("apps/v1", "ReplicaSet", "own-set", spec={
        "selector": {"matchLabels": {"app": "own"}},
        "template": {"metadata": {"labels": {"app": "own"}}, **_template(restartPolicy="Always")}}),
    manifest("apps/v1", "StatefulSet", "stateful", spec={
        "selector": {"matchLabels": {"app": "s"}}, "serviceName": "s",
        "template": {"metadata": {"labels": {"app": "s"}}, **_template(restartPolicy="Always")}}),
    manifest("batch/v1", "Job", "no-completions", spec={"template": _template()}),
    manifest("batch/v1", "Job", "suspended", spec={"suspend": True, "template": _template()}),
    manifest("batch/v1beta1", "CronJob", "nightly", spec={
        "schedule": "0 0 31 2 *", "jobTemplate": {"spec": {"template": _template()}}}),
    manifest("autoscaling/v1", "HorizontalPodAutoscaler", "scaler", spec={
        "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "absent"}}),
]  # fmt: skip
INGRESSES = [
    _ingress("no-rules", defaultBackend={"service": {"name": "no-pods", "port": {"number": 80}}}),
    _ingress("no-http", rules=[{"host": "odd.sandbox-kyeol.click"}]),
    _ingress("other-class", ingressClassName="nginx", rules=_rule({"name": "x", "port": {"number": 80}})),
    _ingress("no-service", rules=_rule({"name": "absent", "port": {"number": 80}})),
    _ingress("no-port", rules=_rule({"name": "headless", "port": {"name": "absent"}})),
    _ingress("to-external", rules=_rule({"name": "external", "port": {"number": 80}})),
    _ingress("to-bucket", rules=_rule({"resource": {"kind": "Bucket", "name": "static"}})),
    _ingress("no-path", rules=_rule({"name": "node-port", "port": {"number": 80}},
                                    pathType="ImplementationSpecific", path="")),
    _ingress("odd-scheme", {"alb.ingress.kubernetes.io/scheme": "sideways"},
             defaultBackend={"service": {"name": "node-port", "port": {"number": 80}}}),
]  # fmt: skip
OTHERS = [
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "bare"}},
    {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "bare"}},
    manifest("v1", "ConfigMap", "binary", binaryData={"blob": "/w=="}),
    manifest("v1", "ConfigMap", "huge", metadata={"annotations": {"note": "x" * 200_000}}),
    manifest("v1", "Secret", "binary", data={"blob": "/w=="}),
    manifest("v1", "Endpoints", "no-selector", subsets=[{"addresses": [{"ip": "10.0.0.1"}]}]),
    manifest("argoproj.io/v1alpha1", "Application", "no-source", spec={}),
]
# What is made while one of them is reconciled: its name is the server's.
GENERATED = manifest("v1", "Pod", "", metadata={"name": None, "generateName": "made-"},
                     spec={"containers": [{"name": "box", "image": "shop:1"}]})  # fmt: skip
ODD_OBJECTS = [*OTHERS, *SERVICES, *PODS, *WORKLOADS, *INGRESSES]
