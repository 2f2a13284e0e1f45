"""Starts the sandbox's AWS for a selftest, and looks at it as an outsider would."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import pytest
import trustme
from botocore.config import Config

from sandbox import names
from sandbox.aws.client import Aws
from sandbox.aws.seed import seed
from sandbox.aws.seeded import Certificates, Pem, Ports, Seeded

if TYPE_CHECKING:
    from collections.abc import Iterator


OUTSIDER = "AKIAOUTSIDER00000001"


@dataclass(frozen=True)
class Cloud:
    """A seeded AWS and the two ways to reach it: the sandbox's own, and an outsider's."""

    aws: Aws
    seeded: Seeded
    ports: Ports

    def outsider(
        self,
        service: str,
        key: str = OUTSIDER,
        token: str | None = None,
        region: str = names.REGION,
        **options: Any,
    ) -> Any:
        """Give a boto3 client with somebody's credentials, which does not retry."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.aws.endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def as_role(self, service: str, role: str) -> Any:
        """Give a client of a session that has assumed the role."""
        arn = names.role_arn(role)
        answer = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="selftest")
        credentials = answer["Credentials"]
        return self.outsider(service, credentials["AccessKeyId"], credentials["SessionToken"])


@contextmanager
def running_server(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Aws]]:
    """Run the server as the world does: a child with a pipe on its standard input."""
    command = [sys.executable, "-m", "sandbox.aws.server", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["port"]
            yield process, Aws(f"http://127.0.0.1:{port}")
        finally:
            process.stdin.close()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Run the server and seed it."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ports = Ports(
        kube_api=16443,
        kube_ca=authority.cert_pem.bytes().decode(),
        postgres_kyeol=15432,
        postgres_doa=15433,
        valkey_kyeol=16379,
        redis_doa=16380,
    )
    certificates = Certificates(
        kyeol=_certificate(authority, names.ORIGIN_HOST, names.DASHBOARD_HOST, names.STORE_HOST),
        doa=_certificate(authority, names.DOA_HOST),
        distribution=_certificate(authority, names.STORE_HOST),
    )
    with running_server() as (_, aws):
        yield Cloud(aws, seed(aws, ports, certificates), ports)


def _certificate(authority: trustme.CA, *hosts: str) -> Pem:
    made = authority.issue_cert(*hosts, key_type=trustme.KeyType.ECDSA)
    return Pem(
        made.cert_chain_pems[0].bytes().decode(),
        made.private_key_pem.bytes().decode(),
        authority.cert_pem.bytes().decode(),
    )


def code_of(call: Any, **arguments: Any) -> str:
    """Give the error code of a call that must fail."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])
