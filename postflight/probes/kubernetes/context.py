"""Which cluster answers, and as whom we ask."""

from __future__ import annotations

from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.access import fingerprints
from postflight.probes.kubernetes.client import Call
from postflight.probes.kubernetes.reading import text
from postflight.probes.reads import reads


class Context(Evidence):
    """A Kubernetes API that answered us over verified TLS.

    `label` says how it was reached (`context prod`). `ca` is the CA in PEM that it was verified against, None
    for the public roots; `fingerprints` are the SHA-256 of its certificates in hexadecimal. A pod reaches the
    API by an address of the cluster's own (`in_cluster`): then only the CA says which cluster it is.
    """

    label: str
    server: str
    user: str
    ca: str | None
    fingerprints: tuple[str, ...]
    version: str
    in_cluster: bool = False


@reads("get /version")
def context(connections: Connections) -> Context:
    """Ask the Kubernetes API its version: that proves address, CA and credentials in one round trip."""
    answer = connections.kubernetes.json(Call("get /version", "", "/version"))
    access = connections.kubernetes.access()
    if answer is None:
        raise Unverified(f"{access.server} ({access.label}) is not a Kubernetes API: it has no /version.")
    return Context(
        label=access.label,
        server=access.server,
        user=access.user,
        ca=access.ca,
        fingerprints=fingerprints(access.ca) if access.ca else (),
        version=text(answer, "gitVersion"),
        in_cluster=access.in_cluster,
    )
