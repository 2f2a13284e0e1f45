"""Certificates of AWS Certificate Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Validation(Evidence):
    """The DNS record by which a domain of a certificate is validated, and how far that is."""

    domain: str
    status: str
    record: str = ""
    type: str = ""
    value: str = ""

    @property
    def words(self) -> str:
        """The record that has to exist, as it is written in a zone."""
        return f"{self.record} {self.type} {self.value}" if self.record else f"a record for {self.domain}"


_FINAL: Final = frozenset({"FAILED", "VALIDATION_TIMED_OUT", "EXPIRED", "REVOKED"})


class Certificate(Evidence):
    """An ACM certificate. `ends` is when it expires (ISO 8601), `used_by` the ARNs that serve it."""

    found: bool = True
    arn: str
    status: str = ""
    failure: str = ""
    names: tuple[str, ...] = ()
    ends: str = ""
    used_by: tuple[str, ...] = ()
    validations: tuple[Validation, ...] = ()

    @property
    def is_issued(self) -> bool:
        """Whether it can be served."""
        return self.found and self.status == "ISSUED"

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a certificate that has failed is asked for anew."""
        return self.status in _FINAL

    @property
    def owed(self) -> tuple[Validation, ...]:
        """The validations that have not succeeded."""
        return tuple(one for one in self.validations if one.status != "SUCCESS")

    def uncovered(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `hosts` that none of its names covers."""
        return tuple(host for host in hosts if not any(_covers(name, host) for name in self.names))


def _covers(name: str, host: str) -> bool:
    name, host = name.lower(), host.lower()
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:]
    return name == host


@reads("acm:DescribeCertificate")
def certificate(connections: Connections, arn: str, region: str) -> Certificate:
    """Look at one certificate."""
    found = connections.aws.one(
        "acm",
        "DescribeCertificate",
        "Certificate",
        CertificateArn=arn,
        region=region,
        owner="CertificateArn",
        absent=("ResourceNotFoundException",),
    )
    if found is None:
        return Certificate(found=False, arn=arn)
    names = (found["DomainName"], *found.get("SubjectAlternativeNames", ()))
    ends = found.get("NotAfter")
    return Certificate(
        arn=found["CertificateArn"],
        status=found["Status"],
        failure=found.get("FailureReason", ""),
        names=tuple(dict.fromkeys(names)),
        ends=ends.isoformat() if ends else "",
        used_by=tuple(found.get("InUseBy", ())),
        validations=tuple(_validation(item) for item in found.get("DomainValidationOptions", ())),
    )


def _validation(item: Mapping[str, Any]) -> Validation:
    record = item.get("ResourceRecord", {})
    return Validation(
        domain=item["DomainName"],
        status=item.get("ValidationStatus", ""),
        record=record.get("Name", ""),
        type=record.get("Type", ""),
        value=record.get("Value", ""),
    )
