"""ARNs, read by their parts: partition, service, region, account, resource."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN; `region` and `account` are empty where the resource has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def name(self) -> str:
        """The last part of the resource: a role's name without its path."""
        return self.resource.rpartition("/")[2]


def parsed(text: str) -> Arn | None:
    """Return the parts of an ARN, None where the text is none."""
    from botocore.utils import ArnParser, InvalidArnException

    try:
        return Arn(**ArnParser().parse_arn(text))
    except InvalidArnException:
        return None
