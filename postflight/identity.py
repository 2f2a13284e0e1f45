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
    try:
        return _established(environment, ask)
    except (Unverified, WrongPlaceError):
        raise
    except Exception as error:
        # No check runs before this, so none can be made unverified by it. Its text may quote anything.
        raise Unverified(
            f"An answer about account or cluster could not be read ({type(error).__name__})"
        ) from error


def _established(environment: Environment, ask: Ask) -> Identity:
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
    _require_place(environment, name, cluster.arn)
    if not cluster.endpoint:
        raise Unverified(f"EKS cluster {name} has no endpoint ({cluster.status or 'without a status'})")
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


def _require_place(environment: Environment, name: str, text: str) -> None:
    """Require that the ARN of a cluster names the declared account and region. Raises WrongPlaceError."""
    from postflight.probes.aws import arns

    declared = (environment.aws.account, environment.aws.region)
    arn = arns.parsed(text)
    if arn is None:
        raise Unverified(f"AWS names EKS cluster {name} by {text!r}, which is no ARN")
    if (arn.account, arn.region) != declared:
        raise WrongPlaceError(
            f"Wrong place: EKS cluster {name} is in account {arn.account}, region {arn.region} ({text}), and "
            f"{environment.name} is account {declared[0]}, region {declared[1]}. No check was run. Correct "
            "`aws.account` or `aws.region` in the environment file, or where the credentials lead."
        )


def _digest(pem: str) -> str:
    return hashlib.sha256("".join(pem.split()).encode()).hexdigest()[:16]
