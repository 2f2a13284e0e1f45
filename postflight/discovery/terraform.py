"""Finds the Terraform state of this environment, its lock table, and what it must hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postflight.discovery import looks
from postflight.discovery.found import Entry, Findings, Section, section
from postflight.discovery.place import Place
from postflight.probes.aws import terraform

_STATES = re.compile(r"(tf-?state|terraform)")
_LOCKS = re.compile(r"(lock|terraform|tf-?state)")
# Resources without which there is no environment.
_VITAL = (
    "aws_eks_cluster", "aws_nat_gateway", "aws_db_instance", "aws_rds_cluster",
    "aws_elasticache_replication_group", "aws_cloudfront_distribution",
)  # fmt: skip


def states(place: Place) -> Section:
    """Find the states whose key, or bucket, bears a word of the cluster's name; others are left out."""

    def find() -> Findings:
        found = list(_states(place))
        tables = [name for name in place.ask(looks.tables).items if _LOCKS.search(name)]
        own = [one for one in found if _is_own(place, one[1])] if len(found) > 1 or not tables else found
        if found and not tables and not own:
            # Buckets are of all regions; a table would have said that somebody applies in this one.
            return Findings(
                (), ("states were found, and nothing says that one of them is this environment's",)
            )
        entries = tuple(
            _entry(place, bucket, key, tables, is_own=(bucket, key) in own) for bucket, key in found
        )
        return Findings(entries)

    return section("terraform", "State in S3; its lock in DynamoDB, or beside it.", find)


def _states(place: Place) -> Iterator[tuple[str, str]]:
    for bucket in place.ask(looks.buckets).items:
        if _STATES.search(bucket):
            yield from ((bucket, key) for key in place.ask(looks.state_files, bucket).items)


def _is_own(place: Place, key: str) -> bool:
    cluster = place.cluster.name if place.cluster is not None else place.wanted.name
    words = set(re.split(r"[^a-z0-9]+", cluster.lower()))
    return bool(words & set(re.split(r"[^a-z0-9]+", key.lower())))


def _entry(place: Place, bucket: str, key: str, tables: list[str], *, is_own: bool) -> Entry:
    name = re.sub(r"[^a-z0-9]+", "-", key.lower().removesuffix(".tfstate")).strip("-")
    fields = {"bucket": bucket, "key": key, **({"lock_table": tables[0]} if tables else {})}
    if not is_own:
        return Entry(name, fields, left_out="it seems to be another environment's")
    addresses = place.ask(terraform.state, bucket, key).addresses
    vital = dict.fromkeys(
        address.partition("[")[0]
        for address in addresses
        if any(part in _VITAL for part in address.partition("[")[0].split("."))
    )
    guess = f"of several tables ({', '.join(tables)}), the first" if len(tables) > 1 else ""
    return Entry(name, {**fields, **({"resources": list(vital)} if vital else {})}, guess=guess)
