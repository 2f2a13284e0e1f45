"""Which cluster answers, and as whom we ask."""

from __future__ import annotations

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.access import fingerprints
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


@reads("get /version", deadline_s=60.0)
def context(connections: Connections) -> Context:
    """Ask the Kubernetes API its version: that proves address, CA and credentials in one round trip.

    It is the first look, so it waits for the credential plugin too.
    """
    version = connections.kubernetes.version()
    session = connections.kubernetes.session()
    return Context(
        label=session.access.label,
        server=session.access.server,
        user=session.access.user,
        ca=session.ca,
        fingerprints=fingerprints(session.ca) if session.ca else (),
        version=version,
        in_cluster=session.access.in_cluster,
    )
