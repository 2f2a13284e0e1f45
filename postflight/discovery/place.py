"""Where discovery looks: account, region, and the one cluster that the kube context leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from postflight.discovery import looks
from postflight.environment import Account, Cluster, Environment, Vantage
from postflight.evidence import LiveAnswers, Unverified
from postflight.identity import WrongPlaceError, establish
from postflight.probes.aws import (
    acm,  # noqa: F401 - imported here, by one thread, before many ask
    cloudfront,
    ec2,
    eks,
    elasticache,
    rds,
    route53,
    security_groups,
    sts,
)
from postflight.probes.connections import Connections
from postflight.redaction import Secrets
from postflight.subjects import Ask

_UNKNOWN_ACCOUNT = "000000000000"
_CONCURRENCY = 12


class NotFoundError(Exception):
    """There is nothing to write down, or not one cluster to choose: one paragraph."""


@dataclass(frozen=True)
class Wanted:
    """What the command line says of the environment to be found. Files and host:port are as written there."""

    name: str
    region: str
    cluster: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    resolver: str | None = None
    authoritative: str | None = None
    ca: str | None = None
    database_ca: str | None = None
    cache_ca: str | None = None
    https_port: int = 443
    vantage: Vantage = "outside"


@dataclass(frozen=True)
class Place:
    """An account and region, its cluster if it has one, and how questions are put to them."""

    wanted: Wanted
    account: str
    cluster: eks.Cluster | None
    ask: Ask
    connections: Connections = field(repr=False)

    @property
    def region(self) -> str:
        """Region that is looked at."""
        return self.wanted.region

    @property
    def vpc(self) -> str:
        """Id of the VPC that the cluster lives in, else the one that the databases do; empty without."""
        if self.cluster is not None:
            return self.cluster.vpc
        groups = (*self.ask(rds.subnet_groups).items, *self.ask(elasticache.subnet_groups).items)
        return next((group.vpc for group in groups if group.vpc), "")

    def group_names(self, identifiers: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of security groups by their ids."""
        known = self.ask(security_groups.security_groups)
        return tuple(group.name for group in known.all_of(identifiers) if group.found)


def arrive(wanted: Wanted, process: Mapping[str, str], secrets: Secrets) -> Place:
    """Find out where the credentials and the context lead. Raises Unverified and NotFoundError.

    `secrets` learns those that are met, for the code that prints what is found.
    """
    nowhere = _environment(wanted, _UNKNOWN_ACCOUNT, None)
    account = _ask(nowhere, wanted, process, secrets)(sts.caller).account
    ask = _ask(_environment(wanted, account, None), wanted, process, secrets)
    _prefetch(ask)
    cluster = _chosen_cluster(wanted, ask, process)
    environment = _environment(wanted, account, cluster)
    connections = Connections(environment, wanted.vantage, process, secrets)
    within = Ask(ask.answers, connections)
    if cluster is not None:
        try:
            establish(environment, within)
        except WrongPlaceError as error:
            raise NotFoundError(str(error).replace("No check was run", "Nothing was written")) from None
    return Place(wanted, account, cluster, within, connections)


def _environment(wanted: Wanted, account: str, cluster: eks.Cluster | None) -> Environment:
    declared = None
    if cluster is not None or wanted.context:
        name = cluster.name if cluster is not None else "not known yet"
        declared = Cluster(name=name, context=wanted.context, node_security_group="not known yet")
    return Environment(
        name=wanted.name,
        aws=Account(account=account, region=wanted.region),
        cluster=declared,
        resolver=wanted.resolver,
        ca=wanted.ca,
    )


def _ask(environment: Environment, wanted: Wanted, process: Mapping[str, str], secrets: Secrets) -> Ask:
    return Ask(LiveAnswers(), Connections(environment, wanted.vantage, process, secrets))


def _prefetch(ask: Ask) -> None:
    """Begin the listings that every discovery needs, all at once."""
    listings: tuple[Callable[[], object], ...] = (
        lambda: ask(ec2.vpcs),
        lambda: ask(ec2.subnets),
        lambda: ask(ec2.route_tables),
        lambda: ask(ec2.nat_gateways),
        lambda: ask(security_groups.security_groups),
        lambda: ask(rds.instances),
        lambda: ask(rds.clusters),
        lambda: ask(rds.subnet_groups),
        lambda: ask(elasticache.replication_groups),
        lambda: ask(elasticache.nodes),
        lambda: ask(elasticache.subnet_groups),
        lambda: ask(cloudfront.distributions),
        lambda: ask(route53.zones),
        lambda: ask(looks.buckets),
        lambda: ask(looks.tables),
    )
    if isinstance(ask.answers, LiveAnswers):
        ask.answers.prefetch(listings, _CONCURRENCY)


def _chosen_cluster(wanted: Wanted, ask: Ask, process: Mapping[str, str]) -> eks.Cluster | None:
    """Return the cluster that is asked for, that the context leads to, or that is the only one."""
    where = f"account {ask.connections.environment.aws.account}, region {wanted.region}"
    names = (wanted.cluster,) if wanted.cluster is not None else ask(looks.clusters).items
    found = [one for one in (ask(eks.cluster, name) for name in names) if one.found]
    if wanted.cluster is not None and not found:
        listed = ", ".join(ask(looks.clusters).items) or "none"
        raise NotFoundError(f"There is no EKS cluster {wanted.cluster} in {where}. There: {listed}.")
    server = _server(wanted.context, process)
    if server is not None:
        there = [one for one in found if one.endpoint.rstrip("/").lower() == server.lower()]
        if not there:
            listed = ", ".join(f"{one.name} ({one.endpoint})" for one in found) or "none"
            raise NotFoundError(
                f"The kube context {wanted.context} leads to {server}, and no EKS cluster of {where} is "
                f"there. There: {listed}. Choose another --context or --region, or other AWS credentials."
            )
        return there[0]
    if len(found) > 1:
        raise NotFoundError(
            f"{where} has several EKS clusters ({', '.join(names)}): say which with --cluster or --context."
        )
    return found[0] if found else None


def _server(context: str | None, process: Mapping[str, str]) -> str | None:
    """Return the address that a kubeconfig context leads to. Raises Unverified."""
    from postflight.probes.kubernetes.kubeconfig import kubeconfig

    if context is None:
        return None
    files = kubeconfig(process)
    if files is None:
        raise Unverified(f"There is no kubeconfig, so there is no context {context}. Set KUBECONFIG.")
    return files.server(context)
