"""Faults of Ingresses, load balancers and the two controllers that act for them."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.faults import fault
from sandbox.faults.site import container
from sandbox.manifests.objects import ALB, ROLE_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

SYSTEM = "kube-system"
KYEOL = names.KYEOL_NAMESPACE


@fault("ingress-no-address")
def ingress_no_address(site: Site) -> Generator[None]:
    """The Ingress names a subnet that does not exist: no address, though tags and controller are right."""
    undo = site.commit(
        "Ingress",
        KYEOL,
        "saleor",
        lambda item: item["metadata"]["annotations"].update({f"{ALB}/subnets": "subnet-0deadbeefdeadbeef"}),
    )
    yield
    undo()


@fault("ingress-annotations")
def ingress_annotations(site: Site, annotation: str = "target-type") -> Generator[None]:
    """The Ingress lacks an annotation without which the controller builds nothing, or something else."""
    undo = site.commit(
        "Ingress", KYEOL, "saleor", lambda item: item["metadata"]["annotations"].pop(f"{ALB}/{annotation}")
    )
    yield
    undo()


@fault("alb-controller-down")
def alb_controller_down(site: Site) -> Generator[None]:
    """The load balancer controller has no pod."""
    undo = site.edit("Deployment", SYSTEM, names.ALB_CONTROLLER, lambda item: item["spec"].update(replicas=0))
    yield
    undo()


@fault("externaldns-down")
def externaldns_down(site: Site) -> Generator[None]:
    """ExternalDNS has no pod."""
    undo = site.edit("Deployment", SYSTEM, names.EXTERNAL_DNS, lambda item: item["spec"].update(replicas=0))
    yield
    undo()


def _without_role(site: Site, account: str, role: str, part: str) -> Generator[None]:
    if part == "annotation":
        undo = site.edit(
            "ServiceAccount",
            SYSTEM,
            account,
            lambda item: item["metadata"]["annotations"].pop(ROLE_ANNOTATION),
        )
        yield
        undo()
        return
    iam: Any = site.aws.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    changed = json.dumps(trust).replace(f"{SYSTEM}:{account}", f"default:{account}")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=changed)
    yield
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))


@fault("alb-controller-irsa")
def alb_controller_irsa(site: Site, part: str = "annotation") -> Generator[None]:
    """The controller's ServiceAccount has no role (part=annotation), or is not trusted by it (part=trust)."""
    yield from _without_role(site, names.ALB_CONTROLLER, names.ALB_CONTROLLER_ROLE, part)


@fault("externaldns-irsa")
def externaldns_irsa(site: Site, part: str = "annotation") -> Generator[None]:
    """ExternalDNS has no role (part=annotation), no trust (part=trust), or no policy (part=policy)."""
    if part == "policy":
        yield from without_policy(site, names.EXTERNAL_DNS_ROLE, names.EXTERNAL_DNS_POLICY)
    else:
        yield from _without_role(site, names.EXTERNAL_DNS, names.EXTERNAL_DNS_ROLE, part)


def without_policy(site: Site, role: str, policy: str) -> Generator[None]:
    """Take an inline policy from a role."""
    iam: Any = site.aws.client("iam")
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    yield
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


@fault("alb-controller-policy")
def alb_controller_policy(site: Site) -> Generator[None]:
    """The controller's managed policy is not attached to its role."""
    iam: Any = site.aws.client("iam")
    role = names.ALB_CONTROLLER_ROLE
    arn = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"][0]["PolicyArn"]
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    yield
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _with_flag(site: Site, name: str, values: list[str], written: str) -> Generator[None]:
    """Give ExternalDNS a flag in place of what it has: written=joined, apart, or as a variable."""

    def change(item: dict[str, Any]) -> None:
        box = container(item)
        kept = [word for word in box["args"] if not word.startswith(f"--{name}=")]
        flags = {
            "joined": [f"--{name}={value}" for value in values],
            "apart": [word for value in values for word in (f"--{name}", value)],
            "variable": [],
        }[written]
        box["args"] = [*kept, *flags]
        if written == "variable":
            variable = f"EXTERNAL_DNS_{name.upper().replace('-', '_')}"
            box["env"] = [*box.get("env", ()), {"name": variable, "value": "\n".join(values)}]

    undo = site.edit("Deployment", SYSTEM, names.EXTERNAL_DNS, change)
    yield
    undo()


@fault("externaldns-owner")
def externaldns_owner(
    site: Site, owner: str = "min-kyeol-dev-externaldns", written: str = "joined"
) -> Generator[None]:
    """ExternalDNS works under another environment's owner id."""
    yield from _with_flag(site, "txt-owner-id", [owner], written)


@fault("externaldns-filter")
def externaldns_filter(
    site: Site, missing: str = names.ORIGIN_HOST, flag: str = "domain-filter", written: str = "joined"
) -> Generator[None]:
    """ExternalDNS may not touch one of the zones (flag: domain-filter, exclude-domains or its regex)."""
    zones = [zone for zone in names.HOSTED_ZONES if zone != missing]
    pattern = "|".join(re.escape(zone) for zone in zones)
    values = {
        "domain-filter": zones,
        "exclude-domains": [missing],
        "regex-domain-filter": [rf"(^|\.)({pattern})$"],
    }
    yield from _with_flag(site, flag, values[flag], written)


@fault("alb-502")
def alb_502(site: Site, service: str = "saleor-api", path: str = "/healthz") -> Generator[None]:
    """The load balancer asks a health path that the pods do not serve: targets fail while pods run."""
    undo = site.commit(
        "Service",
        KYEOL,
        service,
        lambda item: item["metadata"]["annotations"].update({f"{ALB}/healthcheck-path": path}),
    )
    yield
    undo()
