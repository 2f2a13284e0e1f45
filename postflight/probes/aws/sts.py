"""Who the credentials belong to."""

from __future__ import annotations

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Caller(Evidence):
    """The account and identity behind the run's credentials."""

    account: str
    arn: str


@reads("sts:GetCallerIdentity")
def caller(connections: Connections) -> Caller:
    """Look who the credentials belong to."""
    answer = connections.aws.one("sts", "GetCallerIdentity", None)
    return Caller(account=answer["Account"], arn=answer["Arn"])
