"""The help texts of a pod table's columns, word for word the recorded server's."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

COLUMN_HELP: Final = MappingProxyType(
    {
        "Name": (
            "Name must be unique within a namespace. Is required when creating resources, although "
            "some resources may allow a client to request the generation of an appropriate name "
            "automatically. Name is primarily intended for creation idempotence and configuration "
            "definition. Cannot be updated. More info: http://kubernetes.io/docs/user-"
            "guide/identifiers#names"
        ),
        "Ready": ("The aggregate readiness state of this pod for accepting traffic."),
        "Status": ("The aggregate status of the containers in this pod."),
        "Restarts": ("The number of times the containers in this pod have been restarted."),
        "Age": (
            "CreationTimestamp is a timestamp representing the server time when this object was "
            "created. It is not guaranteed to be set in happens-before order across separate "
            "operations. Clients may not set this value. It is represented in RFC3339 form and is in "
            "UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
            "https://git.k8s.io/community/contributors/devel/sig-architecture/api-"
            "conventions.md#metadata"
        ),
        "IP": (
            "IP address allocated to the pod. Routable at least within the cluster. Empty if not yet "
            "allocated."
        ),
        "Node": (
            "NodeName is a request to schedule this pod onto a specific node. If it is non-empty, the"
            " scheduler simply schedules this pod onto that node, assuming that it fits resource "
            "requirements."
        ),
        "Nominated Node": (
            "nominatedNodeName is set only when this pod preempts other pods on the node, but it "
            "cannot be scheduled right away as preemption victims receive their graceful termination "
            "periods. This field does not guarantee that the pod will be scheduled on this node. "
            "Scheduler may decide to place the pod elsewhere if other nodes become available sooner. "
            "Scheduler may also decide to give the resources on this node to a higher priority pod "
            "that is created after preemption. As a result, this field may be different than "
            "PodSpec.nodeName when the pod is scheduled."
        ),
        "Readiness Gates": (
            "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready "
            "when all its containers are ready AND all conditions specified in the readiness gates "
            'have status equal to "True" More info: https://git.k8s.io/enhancements/keps/sig-'
            "network/0007-pod-ready%2B%2B.md"
        ),
    }
)
