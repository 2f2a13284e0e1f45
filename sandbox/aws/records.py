"""moto's records, and the few kinds of them whose fixed answers the sandbox makes settable.

moto works out an endpoint's address, a route's state and a target's health by itself. The subclasses
here carry them as data; a record becomes one of them when a state is first set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sandbox.names import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Health:
    """A target's health as ELBv2 words it."""

    state: str
    reason: str | None = None
    description: str | None = None


def _once_a_kind(make: Callable[[Any], type]) -> Callable[[Any], type]:
    return cache(make)


def backend(service: str, region: str = REGION) -> Any:
    """Give moto's store of one service (`aws` is the region of the global ones)."""
    from moto.backends import get_backend

    stores: Any = get_backend(service)  # type: ignore[call-overload]  # any service name
    return stores[ACCOUNT][region]


def ec2() -> Any:
    """Give moto's EC2 store of the sandbox's region."""
    return backend("ec2")


def placed_instance(instance: Any) -> Any:
    """Make an RDS instance's address (`placed_address`) and the state of its parameters settable."""
    return _turn(instance, _placed_instance_kind(type(instance)), placed_address=None, parameters="in-sync")


def placed_cluster(cluster: Any) -> Any:
    """Make the addresses and the VPC of an Aurora cluster settable."""
    kind = _placed_cluster_kind(type(cluster))
    return _turn(cluster, kind, placed_address=None, placed_reader_address=None)


def observed_route(route: Any) -> Any:
    """Make a route's state settable (`forced_state`); unforced, it follows its NAT gateway."""
    return _turn(route, _observed_route_kind(type(route)), forced_state=None)


def observed_group(group: Any) -> Any:
    """Make the health of a target group's targets settable (`observed`)."""
    return _turn(group, _observed_group_kind(type(group)), observed={})


def judged_bucket(bucket: Any) -> Any:
    """Keep moto from judging by the bucket's policy: it knows no principals and no conditions."""
    return _turn(bucket, _judged_bucket_kind(type(bucket)))


def _turn(record: Any, kind: type, **fields: Any) -> Any:
    if type(record) is not kind:
        record.__class__ = kind
        for name, value in fields.items():
            setattr(record, name, value)
    return record


@_once_a_kind
def _placed_instance_kind(kind: Any) -> type:
    if kind.__name__ == "PlacedInstance":
        return kind  # type: ignore[no-any-return]

    class PlacedInstance(kind):  # type: ignore[misc]  # moto's classes load when the server starts
        @property
        def address(self) -> str:
            return str(self.placed_address or super().address)

        @property
        def db_parameter_group_status_list(self) -> Any:
            groups = super().db_parameter_group_status_list
            for group in groups:
                group.ParameterApplyStatus = self.parameters
            return groups

    return PlacedInstance


@_once_a_kind
def _placed_cluster_kind(kind: Any) -> type:
    if kind.__name__ == "PlacedCluster":
        return kind  # type: ignore[no-any-return]

    class PlacedCluster(kind):  # type: ignore[misc]
        @property
        def endpoint(self) -> str:
            return str(self.placed_address or super().endpoint)

        @property
        def reader_endpoint(self) -> str:
            return str(self.placed_reader_address or super().reader_endpoint)

    return PlacedCluster


@_once_a_kind
def _observed_route_kind(kind: Any) -> type:
    if kind.__name__ == "ObservedRoute":
        return kind  # type: ignore[no-any-return]

    class ObservedRoute(kind):  # type: ignore[misc]
        @property
        def state(self) -> str:
            if self.forced_state:
                return str(self.forced_state)
            gone = self.nat_gateway is not None and self.nat_gateway.state in {"deleting", "deleted"}
            return "blackhole" if gone else "active"

    return ObservedRoute


@_once_a_kind
def _observed_group_kind(kind: Any) -> type:
    if kind.__name__ == "ObservedGroup":
        return kind  # type: ignore[no-any-return]

    class ObservedGroup(kind):  # type: ignore[misc]
        def health_for(self, target: Any, ec2_backend: Any) -> Any:
            status = super().health_for(target, ec2_backend)
            seen = self.observed.get(f"{status.instance_id}:{status.port}")
            if seen is not None and status.status == "healthy":
                status.status, status.reason, status.description = seen.state, seen.reason, seen.description
            return status

    return ObservedGroup


@_once_a_kind
def _judged_bucket_kind(kind: Any) -> type:
    if kind.__name__ == "JudgedBucket":
        return kind  # type: ignore[no-any-return]
    from moto.iam.access_control import PermissionResult

    class JudgedBucket(kind):  # type: ignore[misc]
        def get_permission(self, action: str, resource: str) -> Any:
            _ = action, resource
            return PermissionResult.NEUTRAL

    return JudgedBucket
