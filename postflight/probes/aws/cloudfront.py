"""CloudFront distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Distribution(Evidence):
    """A distribution: its own domain, the aliases it serves, the origins it fetches from, and their ports."""

    found: bool = True
    id: str
    domain: str = ""
    status: str = ""
    enabled: bool = False
    aliases: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    ports: Mapping[str, int] = {}
    certificate: str = ""

    def serves(self, host: str) -> bool:
        """Whether an alias is this name, or a wildcard that it ends with: CloudFront's covers many labels."""
        return any(
            host == alias or (alias.startswith("*.") and host.endswith(alias[1:])) for alias in self.aliases
        )


class Distributions(Evidence):
    """Every distribution of the account."""

    items: tuple[Distribution, ...]

    def of(self, identifier: str) -> Distribution:
        """Return the distribution with this id."""
        found = (item for item in self.items if item.id == identifier)
        return next(found, Distribution(found=False, id=identifier))


@reads("cloudfront:ListDistributions")
def distributions(connections: Connections) -> Distributions:
    """List the distributions."""
    pages = connections.aws.pages("cloudfront", "ListDistributions", "DistributionList") or []
    # Without distributions AWS leaves `Items` out; that there are none is said by its `Quantity`.
    items = [item for page in pages for item in page.get("Items", ())]
    connections.aws.require_own(items, "ARN", "cloudfront:ListDistributions")
    return Distributions(items=tuple(_distribution(item) for item in items))


def _distribution(item: Mapping[str, Any]) -> Distribution:
    origins = item.get("Origins", {}).get("Items", ())
    return Distribution(
        id=item["Id"],
        domain=item["DomainName"],
        status=item["Status"],
        enabled=bool(item.get("Enabled")),
        aliases=tuple(item.get("Aliases", {}).get("Items", ())),
        origins=tuple(origin["DomainName"] for origin in origins),
        ports={
            origin["DomainName"]: _port(origin["CustomOriginConfig"])
            for origin in origins
            if "CustomOriginConfig" in origin
        },
        certificate=item.get("ViewerCertificate", {}).get("ACMCertificateArn", ""),
    )


def _port(origin: Mapping[str, Any]) -> int:
    port: int = origin["HTTPPort" if origin.get("OriginProtocolPolicy") == "http-only" else "HTTPSPort"]
    return port
