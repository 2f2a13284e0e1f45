"""ExternalDNS: records for the hosts that Ingresses ask for, and TXT records that say whose they are."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from sandbox import names
from sandbox.controllers import irsa
from sandbox.controllers.workqueue import Controller, ReconcileError
from sandbox.manifests.objects import HOSTNAME_ANNOTATION

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.controllers.account import Account
    from sandbox.controllers.cloud import Cloud, Zone
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

ACTION: Final = "route53:ListHostedZones"
ALB_ZONE: Final = "ZWKZPGTI48KDX"
CONTROLLER: Final = Controller(names.EXTERNAL_DNS, "FailedToUpdateRecord")
Change = dict[str, Any]


def arguments(deployment: Manifest, name: str) -> list[str]:
    """Give the values of a flag of a Deployment: `--name=value`, `--name value`, or a variable."""
    box = deployment["spec"]["template"]["spec"]["containers"][0]
    words = [*box.get("command", ()), *box.get("args", ()), ""]
    flag = f"--{name}"
    given = [
        word.partition("=")[2] if "=" in word else following
        for word, following in itertools.pairwise(words)
        if word.partition("=")[0] == flag
    ]
    # What stands on the command line counts for more than the variable of the same name.
    variable = f"EXTERNAL_DNS_{name.upper().replace('-', '_')}"
    values = (entry.get("value", "") for entry in box.get("env", ()) if entry["name"] == variable)
    return given or next(values, "").splitlines()


@dataclass(frozen=True)
class DomainFilter:
    """Which names may be written: with a regular expression, the lists do not count."""

    filters: tuple[str, ...]
    exclusions: tuple[str, ...]
    expression: str

    def covers(self, name: str) -> bool:
        """Whether a host or zone may be written."""
        if self.expression:
            return re.search(self.expression, name) is not None
        return _among(name, self.filters or (name,)) and not _among(name, self.exclusions)


def domain_filter(deployment: Manifest) -> DomainFilter:
    """Read the filter of a Deployment's container."""
    flags = ("domain-filter", "exclude-domains")
    filters, exclusions = (tuple(arguments(deployment, name)) for name in flags)
    return DomainFilter(filters, exclusions, "".join(arguments(deployment, "regex-domain-filter")[-1:]))


def _among(name: str, domains: tuple[str, ...]) -> bool:
    return any(f".{name}".endswith(f".{item}") for item in domains)


def wanted_records(cluster: Cluster) -> dict[str, str]:
    """Give the host names that Ingresses with an address ask for, each with that address."""
    result = {}
    for ingress in cluster.all("ingresses"):
        addresses = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", ())
        for host in _hosts(ingress):
            for address in addresses:
                if address.get("hostname"):
                    result[host] = address["hostname"]
    return result


def _hosts(ingress: Manifest) -> list[str]:
    hosts = ingress["metadata"].get("annotations", {}).get(HOSTNAME_ANNOTATION, "")
    return [part.strip() for part in hosts.split(",") if part.strip()]


def zone_of(host: str, zones: tuple[Zone, ...]) -> Zone | None:
    """Find the most specific hosted zone that holds a name."""
    holding = [zone for zone in zones if f".{host}.".endswith(f".{zone.name}")]
    return max(holding, key=lambda zone: len(zone.name), default=None)


def ownership(host: str) -> str:
    """Give the name of the TXT record that says who owns an A record."""
    return f"a-{host}"


def _records(host: str, address: str, owner: str) -> list[Change]:
    alias = {"HostedZoneId": ALB_ZONE, "DNSName": address, "EvaluateTargetHealth": True}
    text = f'"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress"'
    return [
        {"Name": host, "Type": "A", "AliasTarget": alias},
        {"Name": ownership(host), "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": text}]},
    ]


class ExternalDns:
    """Writes and removes records when an Ingress or its own configuration changes.

    Between such changes it does not look at its zones (its interval is long), so that what somebody else does
    to a record stays done.
    """

    def __init__(self, cluster: Cluster, account: Account, pool: ThreadPoolExecutor) -> None:
        self._cluster = cluster
        self._account = account
        self._pool = pool
        self._done: object = None

    async def reconcile(self, cloud: Cloud, queue: WorkQueue) -> None:
        """Bring the records up to date, if this controller is able and allowed to."""
        deployment = irsa.ready_deployment(self._cluster, names.EXTERNAL_DNS)
        if deployment is None:
            return
        policy = names.EXTERNAL_DNS_POLICY
        if irsa.refusal(self._cluster, cloud, names.EXTERNAL_DNS, policy, ACTION) is not None:
            return
        owner = "".join(arguments(deployment, "txt-owner-id")[:1])
        domains = domain_filter(deployment)
        wanted = {
            host: address for host, address in wanted_records(self._cluster).items() if domains.covers(host)
        }
        state = (owner, domains, wanted)
        if state == self._done:
            return
        loop = asyncio.get_running_loop()
        zones = tuple(zone for zone in cloud.zones if domains.covers(zone.name.rstrip(".")))
        refused = await loop.run_in_executor(self._pool, self._write, zones, wanted, owner)
        self._done = state
        for ingress in queue.due(CONTROLLER, self._cluster.all("ingresses")):
            with queue.attempt(CONTROLLER, ingress):
                reasons = [refused[host] for host in _hosts(ingress) if host in refused]
                if reasons:
                    raise ReconcileError(reasons[0])

    def _write(self, zones: tuple[Zone, ...], wanted: dict[str, str], owner: str) -> dict[str, str]:
        """Change the zones; gives, by host, why Route 53 refused it."""
        refused: dict[str, str] = {}
        for zone in zones:
            held = {(item["Name"].rstrip("."), item["Type"]): item for item in zone.records}
            by_host = {
                host: _upserts(held, host, address, owner)
                for host, address in wanted.items()
                if zone_of(host, zones) is zone
            }
            by_host |= {host: _deletes(held, host) for host in _owned(held, owner) - wanted.keys()}
            if self._change(zone, [change for changes in by_host.values() for change in changes]) is not None:
                # One host that Route 53 refuses refuses the whole batch: then each host for itself.
                reasons = {host: self._change(zone, changes) for host, changes in by_host.items()}
                refused |= {host: reason for host, reason in reasons.items() if reason is not None}
        return refused

    def _change(self, zone: Zone, changes: list[Change]) -> str | None:
        """Change records; gives why Route 53 refused it, or None."""
        if not changes:
            return None
        batch = {"Changes": changes}
        try:
            self._account.client("route53").change_resource_record_sets(
                HostedZoneId=zone.id, ChangeBatch=batch
            )
        except ClientError as error:
            return str(error)
        return None


def _owner_of(held: dict[tuple[str, str], Any], host: str) -> str | None:
    text = held.get((ownership(host), "TXT"))
    if text is None:
        return None
    value = text["ResourceRecords"][0]["Value"].strip('"')
    parts = dict(part.partition("=")[::2] for part in value.split(","))
    return parts.get("external-dns/owner")


def _owned(held: dict[tuple[str, str], Any], owner: str) -> set[str]:
    hosts = {name.removeprefix("a-") for name, kind in held if kind == "TXT" and name.startswith("a-")}
    return {host for host in hosts if _owner_of(held, host) == owner}


def _upserts(held: dict[tuple[str, str], Any], host: str, address: str, owner: str) -> list[Change]:
    # A record without our mark is somebody else's, and left alone.
    if (host, "A") in held and _owner_of(held, host) != owner:
        return []
    return [{"Action": "UPSERT", "ResourceRecordSet": record} for record in _records(host, address, owner)]


def _deletes(held: dict[tuple[str, str], Any], host: str) -> list[Change]:
    keys = ((host, "A"), (ownership(host), "TXT"))
    return [{"Action": "DELETE", "ResourceRecordSet": held[key]} for key in keys if key in held]
