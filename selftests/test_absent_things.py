"""What an environment declares and nobody has made (or made otherwise) is told once, and the rest follows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from selftests.proofs import seen
from selftests.proofs.asserts import asserted
from selftests.proofs.harness import ROOT, Sandbox, SuiteRun

GONE = "gone"
# Each of these checks is the one cause of all that fails about the thing of this name.
ABSENT = {
    "tests_infra/test_subnets.py::test_subnet_exists": GONE,
    "tests_infra/test_databases.py::test_database_server_exists": GONE,
    "tests_infra/test_caches.py::test_cache_exists": GONE,
    "tests_infra/test_buckets.py::test_bucket_exists": GONE,
    "tests_infra/test_terraform.py::test_state_exists": GONE,
    "tests_network/test_records.py::test_hosted_zone_exists": "gone.example",
    "tests_network/test_distributions.py::test_distribution_exists": GONE,
    "tests_platform/test_workloads.py::test_deployment_exists": GONE,
    "tests_platform/test_ingress.py::test_ingress_exists": GONE,
    "tests_platform/test_applications.py::test_application_exists": GONE,
    "tests_platform/test_controllers.py::test_controller_is_ready": GONE,
    "tests_platform/test_jobs.py::test_job_has_completed": GONE,
    "tests_platform/test_service_accounts.py::test_service_account_names_its_role": GONE,
    "tests_infra/test_subnets.py::test_subnet_is_in_the_declared_zone": "elsewhere",
    "tests_network/test_certificates.py::test_certificate_covers_its_hosts": "narrow",
}
DECLARED = """\
extends: sandbox.yaml
subnets:
  gone: {tier: private, zone: ap-northeast-2a}
  elsewhere: {subnet: min-kyeol-sandbox-private-a, tier: private, zone: ap-northeast-2b}
certificates:
  narrow:
    arn: ${SANDBOX_DOA_CERTIFICATE_ARN:-arn:aws:acm:ap-northeast-2:123456789012:certificate/doa-market}
    covers: [api.elsewhere.example]
database_servers:
  gone:
    kind: instance
    identifier: gone
    engine_version: "17.10"
    user: saleor_admin
    login: {url: {secret: saleor-db-secret, key: DATABASE_URL, namespace: saleor}}
    login_database: gone
    databases: [gone]
caches:
  gone: {}
buckets:
  gone: {bucket: min-kyeol-gone, canary: true}
terraform:
  gone:
    bucket: min-kyeol-tfstate-123456789012
    key: gone/terraform.tfstate
    lock_table: min-kyeol-terraform-locks
hosted_zones:
  gone.example:
distributions:
  gone: {id: E0GONE0GONE00, origin: origin-sandbox-kyeol.click}
services:
  gone:
    health: {path: /health}
    image_repository: gone
    service_account: gone
    role: gone
    required: {"*": null, SOME: {}}
ingresses:
  gone: {namespace: saleor, certificate: kyeol}
controllers:
  gone:
    kind: external-dns
    service_account: external-dns
    role: min-kyeol-sandbox-external-dns-role
    policy: ExternalDNSPolicy
    owner_id: gone
    domain_filters: [gone.example]
jobs:
  gone: {namespace: saleor}
applications:
  gone: {}
"""


@pytest.fixture(scope="module")
def run(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    """A run over the healthy sandbox, with an environment that declares what is not there."""
    file: Path = tmp_path_factory.mktemp("environment") / "declares-more.yaml"
    file.write_text(DECLARED, encoding="utf-8")
    shutil.copy(ROOT / "environments" / "sandbox.yaml", file.parent)
    return sandbox.run_suite("-q", environment_file=file)


@pytest.mark.parametrize("check", ABSENT)
def test_what_is_absent_is_a_cause(run: SuiteRun, check: str) -> None:
    """Whoever reads "does not exist" need not read the ten lines that say so in other words."""
    causes = {(one["check"], one["subject"]) for one in run.results["causes"]}

    assert (check, ABSENT[check]) in causes


def test_assertions_about_absent_things_fail(run: SuiteRun) -> None:
    """The record says which assertions are seen to fail here: it must be so."""
    assert seen.asserted()[seen.ABSENT] <= set(asserted(run)), f"record {', '.join(asserted(run))}"


def test_nothing_else_is_a_cause(run: SuiteRun) -> None:
    """All else that fails about an absent thing follows from its absence."""
    told = {one["id"] for one in run.results["causes"]}
    expected = {f"{check}[{subject}]" for check, subject in ABSENT.items()}

    assert told == expected, run.output
