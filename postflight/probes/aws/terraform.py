"""Terraform's state in S3 and its lock in DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.refusals import translated
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class State(Evidence):
    """A Terraform state: the addresses of what it manages. Its attributes hold secrets and are not kept."""

    found: bool = True
    place: str
    version: str = ""
    serial: int = 0
    addresses: tuple[str, ...] = ()

    def lacking(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `wanted` that the state does not hold; an index need not be given."""
        held = {*self.addresses, *(address.partition("[")[0] for address in self.addresses)}
        return tuple(address for address in wanted if address not in held)


class Lock(Evidence):
    """The lock of a Terraform state. `age_s` is in seconds at the time of the look.

    Not `has_table`: there is no table to hold a lock, and Terraform can take none.
    """

    found: bool = True
    has_table: bool = True
    place: str
    id: str = ""
    who: str = ""
    operation: str = ""
    created: str = ""
    age_s: float = 0.0


@reads("s3:GetObject")
def state(connections: Connections, bucket: str, key: str) -> State:
    """Look which resources a state holds."""
    place = f"{bucket}/{key}"
    body = connections.aws.one(
        "s3", "GetObject", "Body", Bucket=bucket, Key=key, absent=("NoSuchKey", "NoSuchBucket")
    )
    if body is None:
        return State(found=False, place=place)
    with translated("s3:GetObject"):
        text = body.read()
    try:
        parsed = json.loads(text)
        addresses = tuple(address for item in parsed["resources"] for address in _addresses(item))
        serial = int(parsed.get("serial", 0))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise Unverified(f"s3://{place} is not a Terraform state of version 4.") from None
    return State(
        place=place,
        version=str(parsed.get("terraform_version", "")),
        serial=serial,
        addresses=addresses,
    )


def _addresses(item: Mapping[str, Any]) -> Iterator[str]:
    if item.get("mode") != "managed":
        return
    address = ".".join(part for part in (item.get("module"), item["type"], item["name"]) if part)
    for instance in item.get("instances", ()):
        index = instance.get("index_key")
        yield address if index is None else f"{address}[{json.dumps(index)}]"


@reads("dynamodb:GetItem")
def lock(connections: Connections, table: str, bucket: str, key: str) -> Lock:
    """Look whether somebody holds the lock of a state."""
    place = f"{bucket}/{key}"
    answer = connections.aws.one(
        "dynamodb",
        "GetItem",
        None,
        TableName=table,
        Key={"LockID": {"S": place}},
        ConsistentRead=True,
        absent=("ResourceNotFoundException",),
    )
    if answer is None:
        return Lock(found=False, has_table=False, place=place)
    if "Item" not in answer:
        # DynamoDB's words for "there is none": an empty object. The client has seen to it that it is DynamoDB
        # that says so: content type, request id, and the checksum of the body where there is one.
        return Lock(found=False, place=place)
    about = _about(answer["Item"].get("Info", {}).get("S", ""))
    created = str(about.get("Created", ""))
    return Lock(
        place=place,
        id=str(about.get("ID", "")),
        who=str(about.get("Who", "")),
        operation=str(about.get("Operation", "")),
        created=created,
        age_s=_age_s(created),
    )


def _about(info: str) -> Mapping[str, Any]:
    """Return what a lock says of itself; who wrote it by hand may have said nothing."""
    try:
        found = json.loads(info)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _age_s(created: str) -> float:
    """Return how old a lock is. One that does not say counts as old: nobody can be working under it."""
    try:
        made = datetime.fromisoformat(created[:19]).replace(tzinfo=UTC)
    except ValueError:
        return float(10**9)
    return (datetime.now(UTC) - made).total_seconds()
