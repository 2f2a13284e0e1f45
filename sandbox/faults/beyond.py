"""Faults of which the guides do not tell: what they spare of the suite's checks breaks here."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.aws.seed_stores import STATE_BUCKET, STATE_KEY
from sandbox.controllers.argocd import SKIPPED
from sandbox.faults import fault
from sandbox.faults.site import container
from sandbox.network.certificates import Authority
from sandbox.servers import database_certificate

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site
    from sandbox.network.certificates import Certificate

KYEOL, DOA = names.KYEOL_NAMESPACE, names.DOA_NAMESPACE
# What AWS says of things that are as they should be; None where a part of them is not looked at.
HEALTHY = {
    ("db-instance", "status"): "available",
    ("db-instance", "engine_version"): "17.10",
    ("replication-group", "status"): "available",
    ("replication-group", "tls"): True,
}


@fault("aws-state")
def aws_state(
    site: Site, kind: str = "db-instance", field: str = "status", value: str = "stopped"
) -> Generator[None]:
    """AWS tells another state of KYEOL's database or its cache (kind, field, value)."""
    if (kind, field) not in HEALTHY:
        known = ", ".join(f"kind={one} field={other}" for one, other in HEALTHY)
        raise LookupError(f"there is no kind={kind} field={field}; there are {known}")
    name = {
        "db-instance": names.KYEOL_DATABASE,
        "replication-group": names.KYEOL_CACHE,
    }[kind]
    healthy = HEALTHY[kind, field]
    site.aws.set(kind, name, **{field: value == "true" if healthy is True else value})
    yield
    site.aws.set(kind, name, **{field: healthy})


@fault("argocd-asleep")
def argocd_asleep(site: Site, application: str = names.DOA_APPLICATION, hours: str = "20") -> Generator[None]:
    """Argo CD has not looked at an application for hours, and still says that it is Synced and Healthy."""
    since = datetime.now(UTC) - timedelta(hours=float(hours))

    def put_to_sleep(item: dict[str, Any]) -> None:
        item["metadata"].setdefault("annotations", {})[SKIPPED] = "true"
        item["status"]["reconciledAt"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")

    undo = site.edit("Application", "argocd", application, put_to_sleep)
    yield
    undo()


@fault("bucket-public")
def bucket_public(site: Site) -> Generator[None]:
    """The media bucket's public access block is off."""
    s3: Any = site.aws.client("s3")
    before = s3.get_public_access_block(Bucket=names.MEDIA_BUCKET)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=names.MEDIA_BUCKET)
    yield
    s3.put_public_access_block(Bucket=names.MEDIA_BUCKET, PublicAccessBlockConfiguration=before)


@fault("alias-lost")
def alias_lost(site: Site) -> Generator[None]:
    """The distribution does not serve the storefront's host name any more."""
    yield from _reconfigured(site, Aliases={"Quantity": 0, "Items": []})


@fault("distribution-disabled")
def distribution_disabled(site: Site) -> Generator[None]:
    """The distribution was disabled."""
    yield from _reconfigured(site, Enabled=False)


def _reconfigured(site: Site, **changes: Any) -> Generator[None]:
    """Change parts of the distribution's configuration."""
    cloudfront: Any = site.aws.client("cloudfront")
    identifier = site.seeded.distribution_id

    def change(parts: dict[str, Any]) -> dict[str, Any]:
        found = cloudfront.get_distribution_config(Id=identifier)
        configuration = found["DistributionConfig"]
        before = {key: configuration[key] for key in parts}
        configuration.update(parts)
        cloudfront.update_distribution(Id=identifier, IfMatch=found["ETag"], DistributionConfig=configuration)
        site.aws.set("distribution", identifier, status="Deployed")
        return before

    before = change(changes)
    yield
    change(before)


@fault("node-lost")
def node_lost(site: Site) -> Generator[None]:
    """A node's kubelet has stopped reporting; its pods still run."""
    name = names.NODES[0].name
    before = site.kube.get("Node", None, name)["status"]["conditions"]
    lost = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
    }
    site.kube.patch_status("Node", None, name, {"conditions": [lost]})
    yield
    site.kube.patch_status("Node", None, name, {"conditions": before})


@fault("account-default")
def account_default(site: Site) -> Generator[None]:
    """The API's pods run as another ServiceAccount than the one that has a role."""
    undo = site.commit(
        "Deployment",
        KYEOL,
        "saleor-api",
        lambda item: item["spec"]["template"]["spec"].update(serviceAccountName="default"),
    )
    yield
    undo()


@fault("account-role-lost")
def account_role_lost(site: Site) -> Generator[None]:
    """The API's ServiceAccount names no role."""
    undo = site.commit(
        "ServiceAccount", KYEOL, "saleor-api", lambda item: item["metadata"].pop("annotations")
    )
    yield
    undo()


@fault("reference-broken")
def reference_broken(site: Site, service: str = "cart-service") -> Generator[None]:
    """A service takes a variable from a Secret's key that is not there."""
    reference = {"secretKeyRef": {"name": "db-credentials-prod", "key": "token"}}

    def change(item: dict[str, Any]) -> None:
        container(item)["env"].append({"name": "TOKEN", "valueFrom": reference})

    undo = site.commit("Deployment", DOA, service, change)
    site.replace_pods(DOA, service)
    yield
    undo()


@fault("cache-token-wrong")
def cache_token_wrong(site: Site) -> Generator[None]:
    """The Secret's token is not the cache's."""
    undo = site.set_secret(DOA, "redis-credentials-prod", password=secrets.token_urlsafe(18))
    site.replace_pods(DOA, names.GATEWAY)
    yield
    undo()
    site.replace_pods(DOA, names.GATEWAY)


@fault("db-hangs")
def db_hangs(site: Site, database: str = names.KYEOL_DATABASE) -> Generator[None]:
    """The database accepts connections and never answers."""
    gateway = site.stores.gateways[database]
    site.wait_for(gateway.set_mode("silent"))
    yield
    site.wait_for(gateway.set_mode("relay"))


@fault("db-certificate-foreign")
def db_certificate_foreign(site: Site) -> Generator[None]:
    """KYEOL's database presents a certificate of an authority that nobody trusts."""
    site.wait_for(site.stores.kyeol.present(Authority("Somebody else").issue(f"*.{names.RDS_DOMAIN}")))
    site.wait_for(site.stores.kyeol.cut_clients())
    yield
    site.wait_for(
        site.stores.kyeol.present(database_certificate(site.authorities.stores, names.KYEOL_DATABASE))
    )


def _serve(site: Site, certificate: Certificate) -> Generator[None]:
    arn = site.facts.doa_certificate
    before = site.surface.certificates[arn]
    site.surface.certificates[arn] = certificate
    yield
    site.surface.certificates[arn] = before


@fault("certificate-foreign")
def certificate_foreign(site: Site) -> Generator[None]:
    """DOA Market's host presents a certificate of an authority that nobody trusts."""
    yield from _serve(site, Authority("Somebody else").issue(names.DOA_HOST))


@fault("certificate-of-another-host")
def certificate_of_another_host(site: Site) -> Generator[None]:
    """DOA Market's host presents a good certificate of another host."""
    yield from _serve(site, site.authorities.public.issue("another.doa-market.click"))


@fault("tls-intermediate-expired")
def tls_intermediate_expired(site: Site) -> Generator[None]:
    """DOA Market's host serves a good certificate below an intermediate certificate that has expired."""
    yield from _serve(
        site, site.authorities.public.intermediate("Old intermediate", days=-2).issue(names.DOA_HOST)
    )


@fault("tls-not-yet-valid")
def tls_not_yet_valid(site: Site) -> Generator[None]:
    """DOA Market's host presents a certificate that begins in two days."""
    yield from _serve(site, site.authorities.public.issue(names.DOA_HOST, age_days=-2))


@fault("state-lost")
def state_lost(site: Site) -> Generator[None]:
    """The Terraform state was deleted from its bucket."""
    s3: Any = site.aws.client("s3")
    before = s3.get_object(Bucket=STATE_BUCKET, Key=STATE_KEY)["Body"].read()
    s3.delete_object(Bucket=STATE_BUCKET, Key=STATE_KEY)
    yield
    s3.put_object(Bucket=STATE_BUCKET, Key=STATE_KEY, Body=before)
