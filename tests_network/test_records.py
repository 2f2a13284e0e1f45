"""Records in Route 53: there, and leading to what serves the host."""

from __future__ import annotations

from typing import Any


def test_hosted_zone_exists(declared_hosted_zone: Any, hosted_zone: Any) -> None:
    """Records can be written into a zone of this account only."""
    assert hosted_zone.found, (
        f"there is no public hosted zone {declared_hosted_zone.zone} {declared_hosted_zone.id or ''}".rstrip()
    )


def test_record_exists(declared_host: Any, host_records: Any) -> None:
    """Without a record nobody finds the host."""
    assert host_records.records, (
        f"hosted zone {host_records.zone.name} ({host_records.zone.id or 'which does not exist'}) has no "
        f"record {declared_host.name}"
    )


def test_record_points_at_its_target(declared_host: Any, host_records: Any) -> None:
    """A record that names a load balancer of yesterday sends every visitor nowhere."""
    assert host_records.leads_to_target, (
        f"{declared_host.name} in zone {host_records.zone.name} leads to {host_records.words}, not to "
        f"{host_records.target or 'anything'} ({host_records.target_words})"
    )
