"""Faults of who we are and what we may look at."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sandbox import names
from sandbox.aws.controls import WITHHELD
from sandbox.faults import fault

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from sandbox.faults.site import Site

_WITHHELD: Final[Mapping[str, Literal["429", "hang", "empty"]]] = {
    "throttled": "429",
    "hang": "hang",
    "empty": "empty",
}


@fault("access-denied")
def access_denied(site: Site, action: str = "ec2:DescribeNatGateways") -> Generator[None]:
    """The suite may not make one call: an AWS action, or a verb and a resource such as "list pods"."""
    if ":" in action:
        site.aws.deny([action])
        yield
        site.aws.deny([])
        return
    right = _verb_and_resource(action)
    site.kube_api.denied.add(right)
    yield
    site.kube_api.denied.discard(right)


@fault("answer-withheld")
def answer_withheld(
    site: Site, action: str = "ec2:DescribeNatGateways", how: str = "empty"
) -> Generator[None]:
    """One call (or "* *": all of Kubernetes) is throttled, hangs, or is answered as empty; or oddly."""
    known = (*_WITHHELD, *(WITHHELD if ":" in action else ()))
    if how not in known:
        raise LookupError(f"{how!r} is none of {', '.join(dict.fromkeys(known))}")
    if ":" not in action:
        right = _verb_and_resource(action)
        site.kube_api.withheld[right] = _WITHHELD[how]
        yield
        del site.kube_api.withheld[right]
    elif how == "throttled":
        site.aws.throttle([action])
        yield
        site.aws.throttle([])
    else:
        site.aws.withhold(action, how)
        yield
        site.aws.withhold(action, "")


def _verb_and_resource(action: str) -> tuple[str, str]:
    """Read `list pods`, or `list deployments.apps` as RBAC names it."""
    verb, _, resource = action.partition(" ")
    if not resource:
        raise LookupError(f"{action!r} is neither service:Action nor a verb and a resource")
    return verb, resource.partition(".")[0]


@fault("wrong-account")
def wrong_account(site: Site) -> Generator[None]:
    """The credentials are another account's."""
    key = site.seeded.reader.access_key_id
    site.aws.adopt(key, names.OTHER_ACCOUNT)
    yield
    site.aws.adopt(key, None)


@fault("wrong-cluster")
def wrong_cluster(site: Site) -> Generator[None]:
    """The Kubernetes context leads to another cluster than the one that AWS knows by its name."""
    found = site.aws.client("eks").describe_cluster(name=names.CLUSTER)["cluster"]["endpoint"]
    other = f"https://8F3C1A9E7B2D4680AC13570E9BDF2468.gr7.{names.REGION}.eks.amazonaws.com"
    site.aws.set("eks-cluster", names.CLUSTER, endpoint=other)
    yield
    site.aws.set("eks-cluster", names.CLUSTER, endpoint=found)
