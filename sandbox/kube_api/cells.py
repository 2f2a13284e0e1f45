"""The words that `kubectl get` shows in a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sandbox.kube_api.errors import Json

NONE: Final = "<none>"
UNKNOWN: Final = "<unknown>"
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def duration(seconds: int) -> str:
    """Return `3s`, `5m30s`, `3h5m`, `2d3h` …, as short as kubectl has it."""
    steps = (
        (2 * _MINUTE, 1, "s", ""),
        (10 * _MINUTE, _MINUTE, "m", "s"),
        (3 * _HOUR, _MINUTE, "m", ""),
        (8 * _HOUR, _HOUR, "h", "m"),
        (2 * _DAY, _HOUR, "h", ""),
        (8 * _DAY, _DAY, "d", "h"),
    )
    smaller = {"s": 1, "m": _MINUTE, "h": _HOUR}
    for limit, unit, name, rest_name in steps:
        if seconds < limit:
            whole, rest = divmod(max(seconds, 0), unit)
            part = rest // smaller[rest_name] if rest_name else 0
            return f"{whole}{name}" + (f"{part}{rest_name}" if part else "")
    return f"{seconds // _DAY}d"


def seconds_between(start: str | None, end: datetime | str | None) -> int | None:
    """Return whole seconds, or None when a time is not known."""
    if not start or not end:
        return None
    finish = end if isinstance(end, datetime) else datetime.fromisoformat(end)
    return int((finish - datetime.fromisoformat(start)).total_seconds())


def age(obj: Json, now: datetime) -> str:
    """Return the time since creation."""
    seconds = seconds_between(obj["metadata"].get("creationTimestamp"), now)
    return UNKNOWN if seconds is None else duration(seconds)


def selector(labels: Json | None) -> str:
    """Return `app=x,tier=y`."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def label_selector(value: Json | None) -> str:
    """Return a LabelSelector's matchLabels in one line."""
    return selector((value or {}).get("matchLabels"))


def container_cells(obj: Json) -> list[str]:
    """Return names and images of a template's containers."""
    containers = obj["spec"].get("template", {}).get("spec", {}).get("containers", [])
    return [",".join(str(each.get(field, "")) for each in containers) for field in ("name", "image")]


def _container_reason(status: Json) -> str:
    state = status.get("state", {})
    if state.get("waiting", {}).get("reason"):
        return str(state["waiting"]["reason"])
    ended = state.get("terminated")
    if not ended:
        return ""
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def pod_reason(pod: Json) -> str:
    """Return the STATUS column of a pod: the container's trouble rather than the phase."""
    status = pod.get("status", {})
    reason = status.get("reason") or status.get("phase", "")
    statuses = status.get("containerStatuses", [])
    for each in reversed(statuses):
        reason = _container_reason(each) or reason
    is_running = any(each.get("ready") and each.get("state", {}).get("running") for each in statuses)
    if reason == "Completed" and is_running:
        is_ready = any(
            each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", [])
        )
        reason = "Running" if is_ready else "NotReady"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else str(reason)


def pod_cells(pod: Json, now: datetime) -> list[Any]:
    """Return Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    status, spec = pod.get("status", {}), pod["spec"]
    statuses = status.get("containerStatuses", [])
    ready = sum(1 for each in statuses if each.get("ready") and each.get("state", {}).get("running"))
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(spec.get('containers', []))}",
        pod_reason(pod),
        sum(each.get("restartCount", 0) for each in statuses),
        age(pod, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        NONE,
    ]


def _service_port(port: Json) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def service_cells(service: Json, now: datetime) -> list[Any]:
    """Return Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector."""
    spec = service["spec"]
    external = addresses(service) or ("<pending>" if spec.get("type") == "LoadBalancer" else NONE)
    return [
        service["metadata"]["name"],
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP", NONE),
        spec.get("externalName") or external,
        ",".join(_service_port(port) for port in spec.get("ports", [])) or NONE,
        age(service, now),
        selector(spec.get("selector")),
    ]


def addresses(obj: Json) -> str:
    """Return the load balancer's addresses that an Ingress or Service publishes."""
    rows = obj.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return ",".join(row.get("hostname") or row.get("ip", "") for row in rows)


def ingress_cells(ingress: Json, now: datetime) -> list[Any]:
    """Return Name, Class, Hosts, Address, Ports, Age."""
    spec = ingress.get("spec", {})
    hosts = [rule.get("host") or "*" for rule in spec.get("rules", [])]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    return [
        ingress["metadata"]["name"],
        spec.get("ingressClassName", NONE),
        shown or "*",
        addresses(ingress),
        "80, 443" if spec.get("tls") else "80",
        age(ingress, now),
    ]


def _node_roles(node: Json) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels", {})
    return ",".join(sorted(key[len(prefix) :] for key in labels if key.startswith(prefix))) or NONE


def node_cells(node: Json, now: datetime) -> list[Any]:
    """Return Name, Status, Roles, Age, Version and what `-o wide` adds."""
    status = node.get("status", {})
    ready = next((each for each in status.get("conditions", []) if each["type"] == "Ready"), None)
    words = [{"True": "Ready", "False": "NotReady"}.get(ready["status"], "NotReady") if ready else "Unknown"]
    if node["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    own = {each["type"]: each["address"] for each in status.get("addresses", [])}
    info = status.get("nodeInfo", {})
    return [
        node["metadata"]["name"],
        ",".join(words),
        _node_roles(node),
        age(node, now),
        info.get("kubeletVersion", ""),
        own.get("InternalIP", NONE),
        own.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def job_cells(job: Json, now: datetime) -> list[Any]:
    """Return Name, Completions, Duration, Age, Containers, Images, Selector."""
    spec, status = job["spec"], job.get("status", {})
    seconds = seconds_between(status.get("startTime"), status.get("completionTime") or now)
    return [
        job["metadata"]["name"],
        f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}",
        "" if seconds is None else duration(seconds),
        age(job, now),
        *container_cells(job),
        label_selector(spec.get("selector")),
    ]


def event_cells(event: Json, now: datetime) -> list[Any]:
    """Return Last Seen, Type, Reason, Object and what `-o wide` adds."""
    last = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    first = event.get("firstTimestamp") or last
    ages = [UNKNOWN if (s := seconds_between(at, now)) is None else duration(s) for at in (last, first)]
    about = event.get("involvedObject", {})
    return [
        ages[0],
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        (event.get("source") or {}).get("component") or event.get("reportingComponent", ""),
        event.get("message", "").strip(),
        ages[1],
        event.get("count", 0),
        event["metadata"]["name"],
    ]


def endpoints_cells(endpoints: Json, now: datetime) -> list[Any]:
    """Return Name, Endpoints, Age."""
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets", [])
        for port in subset.get("ports", [])
        for address in subset.get("addresses", [])
    ]
    shown = ",".join(pairs[:3]) + (f" + {len(pairs) - 3} more..." if len(pairs) > 3 else "")
    return [endpoints["metadata"]["name"], shown or NONE, age(endpoints, now)]
