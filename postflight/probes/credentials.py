"""Fetches credentials for logins: from a Kubernetes Secret or from AWS Secrets Manager."""

from __future__ import annotations

import json

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.withheld import user_names


def credential(connections: Connections, source: SecretKey) -> str:
    """Return the value that `source` names; unless it is a user's name, `connections.secrets` knows it then.

    The probe that calls this declares `get secrets` (Kubernetes) and `secretsmanager:GetSecretValue`. Raises
    Unverified when the secret, or its key, is not there or may not be read.
    """
    if source.namespace is not None:
        return connections.kubernetes.secret_value(source)
    return _from_secrets_manager(connections, source)


def _from_secrets_manager(connections: Connections, source: SecretKey) -> str:
    text = connections.aws.one(
        "secretsmanager",
        "GetSecretValue",
        "SecretString",
        absent=("ResourceNotFoundException",),
        SecretId=source.secret,
    )
    if text is None:
        raise Unverified(f"Secrets Manager has no secret {source.secret} in {connections.aws.region}.")
    connections.secrets.add(str(text))
    try:
        value = json.loads(text)[source.key]
    except (ValueError, KeyError, TypeError):
        raise Unverified(f"Secrets Manager's {source.secret} holds no key {source.key}.") from None
    if source in user_names(connections.environment):
        return str(value)
    return connections.secrets.add(str(value))
