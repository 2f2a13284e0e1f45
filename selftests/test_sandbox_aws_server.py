"""The process of the sandbox's AWS: its life, its control endpoints."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import names
from sandbox.aws.client import AwsControlError
from selftests.aws_server import code_of, running_server

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


def test_version_grows_with_changes_only(cloud: Cloud) -> None:
    """Controllers look again when something changed, and not because somebody looked."""
    version = cloud.aws.version()
    cloud.outsider("ec2").describe_vpcs()
    cloud.outsider("s3").put_object(Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"")
    cloud.outsider("s3").delete_object(Bucket=names.MEDIA_BUCKET, Key="canary")
    code_of(cloud.outsider("ec2").delete_vpc, VpcId="vpc-00000000")
    assert cloud.aws.version() == version
    cloud.outsider("ec2").create_tags(Resources=[cloud.seeded.network.vpc], Tags=[{"Key": "a", "Value": "b"}])
    assert cloud.aws.version() > version
    cloud.outsider("ec2").delete_tags(Resources=[cloud.seeded.network.vpc], Tags=[{"Key": "a"}])


def test_waiting_for_a_version_ends_with_the_change(cloud: Cloud) -> None:
    """The long poll wakes the world at once."""
    version = cloud.aws.version()
    tags = [{"Key": "c", "Value": "d"}]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(cloud.aws.version, version, 20.0)
        time.sleep(0.2)
        started = time.monotonic()
        cloud.outsider("ec2").create_tags(Resources=[cloud.seeded.network.vpc], Tags=tags)
        assert waiting.result() > version
        assert time.monotonic() - started < 5
    cloud.outsider("ec2").delete_tags(Resources=[cloud.seeded.network.vpc], Tags=tags)


def test_latency_delays_every_answer(cloud: Cloud) -> None:
    """Performance figures are honest only if each answer costs what it does in the cloud."""
    client = cloud.outsider("ec2")
    client.describe_vpcs()
    cloud.aws.latency(0.3)
    try:
        started = time.monotonic()
        client.describe_vpcs()
        assert time.monotonic() - started >= 0.3
    finally:
        cloud.aws.latency(0)


def test_setting_something_unknown_is_an_error(cloud: Cloud) -> None:
    """A fault that changes nothing must not look applied."""
    with pytest.raises(AwsControlError, match="unknown kind"):
        cloud.aws.set("nat-gatway", "nat-1", state="failed")
    with pytest.raises(AwsControlError, match="nat-0"):
        cloud.aws.set("nat-gateway", "nat-0", state="failed")
    with pytest.raises(AwsControlError, match="has no field colour"):
        cloud.aws.set("eks-cluster", names.CLUSTER, colour="red")


def test_server_ends_when_its_input_closes() -> None:
    """Whoever holds the pipe is the parent; without one the server has no reason to live."""
    with running_server() as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == 0


def test_server_ends_on_sigterm() -> None:
    """The orderly way to stop it."""
    with running_server() as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_server_dies_with_a_killed_parent() -> None:
    """Nothing of the sandbox survives a SIGKILL of the world, even where no pipe tells."""
    script = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', 'sandbox.aws.server'],"
        " stdin=subprocess.DEVNULL, stdout=subprocess.PIPE); p.stdout.readline();"
        " print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait(5)
        deadline = time.monotonic() + 5
        while _lives(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _lives(child)


def _lives(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
