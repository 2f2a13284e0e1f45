"""CloudFront distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Distribution(Evidence):
    """A distribution: its own domain, the aliases it serves, the origins it fetches from."""

    found: bool = True
    id: str
    domain: str = ""
    status: str = ""
    enabled: bool = False
    aliases: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    certificate: str = ""


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
    return Distributions(items=tuple(_distribution(item) for page in pages for item in page.get("Items", ())))


def _distribution(item: Mapping[str, Any]) -> Distribution:
    return Distribution(
        id=item["Id"],
        domain=item["DomainName"],
        status=item["Status"],
        enabled=bool(item.get("Enabled")),
        aliases=tuple(item.get("Aliases", {}).get("Items", ())),
        origins=tuple(origin["DomainName"] for origin in item.get("Origins", {}).get("Items", ())),
        certificate=item.get("ViewerCertificate", {}).get("ACMCertificateArn", ""),
    )
