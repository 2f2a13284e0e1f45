"""Are we where we think we are? Account, region and cluster, compared before the first check."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from postflight.environment import Environment
from postflight.evidence import Unverified
from postflight.subjects import Ask


class WrongPlaceError(Exception):
    """The credentials or the kube context lead elsewhere: both sides named, in one paragraph."""


@dataclass(frozen=True)
class Identity:
    """Who looks, and at what."""

    account: str
    region: str
    caller: str
    cluster: str | None = None
    endpoint: str | None = None
    context: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return the identity as `results.json` has it."""
        return asdict(self)


def establish(environment: Environment, ask: Ask) -> Identity:
    """Compare who we are with what the environment says.

    Raises WrongPlaceError where they differ, and Unverified where one of the two cannot be told.
    Source: sts:GetCallerIdentity, eks:DescribeCluster, the kubeconfig context.
    """
    from postflight.probes.aws import sts

    caller = ask(sts.caller)
    if caller.account != environment.aws.account:
        raise WrongPlaceError(
            f"Wrong account: {environment.name} is AWS account {environment.aws.account}, and these "
            f"credentials belong to {caller.account} ({caller.arn}). No check was run. Choose the right "
            "profile (AWS_PROFILE), or correct `aws.account` in the environment file."
        )
    if environment.cluster is None:
        return Identity(caller.account, environment.aws.region, caller.arn)
    endpoint = _matching_endpoint(environment, ask)
    return Identity(
        account=caller.account,
        region=environment.aws.region,
        caller=caller.arn,
        cluster=environment.cluster.name,
        endpoint=endpoint,
        context=environment.cluster.context,
    )


def _endpoint_hint(ask: Ask) -> str:
    """Name the variable that leads to another AWS, if there is one: it may be left over from a sandbox."""
    endpoint = ask.connections.process.get("AWS_ENDPOINT_URL")
    return f" AWS_ENDPOINT_URL is {endpoint}: unset it if that is not meant." if endpoint else ""


def _matching_endpoint(environment: Environment, ask: Ask) -> str:
    from postflight.probes.aws import eks
    from postflight.probes.kubernetes import context as kube_context

    assert environment.cluster is not None  # noqa: S101 - for the type checker; the caller has looked
    name = environment.cluster.name
    cluster = ask(eks.cluster, name)
    if not cluster.found:
        raise WrongPlaceError(
            f"Wrong place: there is no EKS cluster {name} in account {environment.aws.account}, region "
            f"{environment.aws.region}. No check was run. Correct `cluster.name` or `aws.region` in the "
            f"environment file.{_endpoint_hint(ask)}"
        )
    context = ask(kube_context.context)
    # A pod reaches the API at an address of the cluster's own: there, the CA alone tells clusters apart.
    if not context.in_cluster and context.server.rstrip("/").lower() != cluster.endpoint.rstrip("/").lower():
        raise WrongPlaceError(
            f"Wrong cluster: EKS cluster {name} is at {cluster.endpoint}, and the kube context "
            f"{environment.cluster.context} leads to {context.server}. No check was run. Renew the context: "
            f"aws eks update-kubeconfig --name {name} --alias {environment.cluster.context} "
            f"--region {environment.aws.region}"
        )
    if context.in_cluster and not (context.ca and cluster.ca):
        raise Unverified(
            f"A pod tells clusters apart by their CA, and {'the pod' if cluster.ca else 'AWS'} names none: "
            f"whether this is cluster {name} cannot be told."
        )
    if context.ca and cluster.ca and _digest(context.ca) != _digest(cluster.ca):
        raise WrongPlaceError(
            f"Wrong cluster: the CA of the kube context {environment.cluster.context} is not that of EKS "
            f"cluster {name} ({_digest(context.ca)} and {_digest(cluster.ca)}). No check was run. Renew the "
            f"context: aws eks update-kubeconfig --name {name} --alias {environment.cluster.context}"
        )
    return cluster.endpoint


def _digest(pem: str) -> str:
    return hashlib.sha256("".join(pem.split()).encode()).hexdigest()[:16]
