"""A look that did not end in time says what it needed, and whom it may have waited for."""

from __future__ import annotations

from postflight.probes.aws import ec2
from postflight.probes.reads import reads
from selftests.aws_looks import connections, hanging, look, refusal
from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


def test_who_waits_for_a_throttled_call_says_so(cloud: Cloud) -> None:
    """The SDK slows a service's calls down together: the one that came too late was not throttled itself."""
    patient = reads("ec2:DescribeSubnets", deadline_s=0.5)(ec2.subnets.function)
    reached = connections(cloud.aws.endpoint_url)
    cloud.aws.throttle(["ec2:DescribeVpcs"])
    try:
        refusal(lambda: look(reached, ec2.vpcs))
        with hanging(cloud) as answers:
            said = refusal(lambda: answers.ask(patient.looking(reached)))
    finally:
        cloud.aws.throttle([])
    assert str(said).endswith("(it needs ec2:DescribeSubnets); AWS throttles ec2:DescribeVpcs")
