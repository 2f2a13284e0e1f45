"""A command of the runbook that a run prints names the right things: it is pasted as it stands."""

from __future__ import annotations

import re

from selftests.proofs.harness import Sandbox


def printed(sandbox: Sandbox, fault: str, module: str, command: str) -> list[str]:
    """Break the sandbox, let the suite look, and return the lines of its summary that hold a command."""
    sandbox.break_(fault)
    try:
        run = sandbox.run_suite(module, "--lang", "en")
    finally:
        sandbox.mend(fault)
    summary = (run.folder / "summary.md").read_text(encoding="utf-8")
    return [line for line in summary.splitlines() if command in line]


def test_a_private_subnet_is_given_the_tag_of_internal_load_balancers(sandbox: Sandbox) -> None:
    """The tag of public subnets would put internet-facing load balancers where nobody reaches them."""
    lines = printed(sandbox, "subnet-tags-private", "tests_infra/test_subnets.py", "create-tags")

    assert len(lines) == 3
    assert all("Key=kubernetes.io/role/internal-elb,Value=1" in line for line in lines)


def test_a_public_subnet_is_given_the_tag_of_internet_facing_ones(sandbox: Sandbox) -> None:
    """What is right for private subnets leaves an Ingress without an address."""
    lines = printed(sandbox, "subnet-tags-public", "tests_infra/test_subnets.py", "create-tags")

    assert len(lines) == 3
    assert all("Key=kubernetes.io/role/elb,Value=1" in line for line in lines)


def test_security_groups_are_shown_by_their_ids(sandbox: Sandbox) -> None:
    """A group that is declared by id or Name tag has another name: `[]` would read as if it were gone."""
    lines = printed(
        sandbox, "db-sg-closed", "tests_infra/test_security_groups.py", "describe-security-groups"
    )

    assert lines
    assert all(re.search(r"--group-ids sg-[0-9a-f]+ sg-[0-9a-f]+ ", line) for line in lines)


def test_the_log_that_is_shown_is_that_of_the_pod_in_trouble(sandbox: Sandbox) -> None:
    """Of a Deployment's pods kubectl chooses a ready one, which has no crash to tell of."""
    (line,) = printed(sandbox, "crash-env-missing", "tests_platform/test_workloads.py", "--previous")

    assert re.search(r" logs saleor-api-\S+-\S+ -c saleor-api --previous ", line)


def test_the_pod_that_is_asked_is_the_one_that_takes_no_traffic(sandbox: Sandbox) -> None:
    """What a pod that is well answers explains nothing."""
    (line,) = printed(sandbox, "health-404", "tests_platform/test_workloads.py", "get --raw")

    assert re.search(r"/namespaces/doa-market-prod/pods/banner-service-[^/]+/proxy/health", line)
