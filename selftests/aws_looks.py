"""Looks through the product's own AWS probes at the sandbox's AWS, as a run would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from postflight.environment import Bucket, Environment
from postflight.environment.infrastructure import Account
from postflight.evidence import LiveAnswers, Unverified
from postflight.probes.connections import Connections
from postflight.probes.reads import Probe
from sandbox import names
from selftests.aws_server import Cloud

NO_FILES = {
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}


# Three attempts at a server that says nothing, and the pauses between them.
ABANDONED_S = 30.0

# A bucket that keeps versions, where a selftest makes one.
VERSIONED = "keeps-versions"


def environment(assume_role: str | None = None) -> Environment:
    """Return an environment of the sandbox's account with its media bucket."""
    return Environment(
        name="selftest",
        aws=Account(account=names.ACCOUNT, region=names.REGION, assume_role=assume_role),
        buckets={
            name: Bucket(name=name, bucket=bucket, role=names.API_ROLE, canary=True)
            for name, bucket in (("media", names.MEDIA_BUCKET), ("versioned", VERSIONED))
        },
    )


def connections(
    endpoint: str, key: str | None = "AKIASELFTEST00000001", assume_role: str | None = None, **process: str
) -> Connections:
    """Return connections to an AWS at `endpoint` as the owner of an access key."""
    variables: dict[str, str] = {**NO_FILES, "AWS_ENDPOINT_URL": endpoint, **process}
    if key is not None:
        variables |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "secret"}
    return Connections(environment(assume_role), "outside", variables)


@contextmanager
def hanging(cloud: Cloud) -> Iterator[LiveAnswers]:
    """Let AWS hang for what is asked of these answers.

    A look that came too late tries again behind our back: it is awaited, lest another test counts its calls.
    """
    answers = LiveAnswers()
    cloud.aws.mode("hang")
    try:
        yield answers
    finally:
        cloud.aws.mode("")
        answers.close(ABANDONED_S)


def look(reached: Connections, probe: Probe[..., Any], *arguments: Any) -> Any:
    """Take one look, as a check's fixture would."""
    return LiveAnswers().ask(probe.looking(reached, *arguments))


def refusal(call: Callable[[], Any]) -> Unverified:
    """Return the Unverified that a look ends in, and see that it is one clear paragraph."""
    with pytest.raises(Unverified) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    assert "Traceback" not in said
    assert 20 < len(said) < 600
    assert "secret" not in said
    return caught.value


def difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """Return what was called between two counts."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name)}
