"""Causes and consequences as a broken sandbox shows them: what one failure explains, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping

from postflight.concern import Resources, concerned
from postflight.environment import load
from selftests.proofs.harness import ROOT, Sandbox


def test_a_selection_on_a_broken_sandbox_names_the_one_cause(sandbox: Sandbox) -> None:
    """Between the subnets' tags and a browser's preflight lie four layers that this run does not look at."""
    sandbox.break_("subnet-tags-public")
    try:
        run = sandbox.run_suite("tests_infra/test_subnets.py", "tests_network/test_cors.py")
    finally:
        sandbox.mend("subnet-tags-public")

    assert {one["check"] for one in run.results["causes"]} == {
        "tests_infra/test_subnets.py::test_subnet_is_tagged_for_its_load_balancers"
    }
    assert [one for one in run.by_verdict("failed") if "test_cors" in one["id"]]


def test_what_an_application_sums_up_is_told_of_the_resources_that_it_names() -> None:
    """A Service changed by hand is no consequence of a Secret that its neighbour lacks a key of."""
    environment = load(ROOT / "environments" / "sandbox.yaml", {})
    application = environment.applications["kyeol-sandbox"]

    def told(*titles: str) -> Mapping[str, frozenset[str]]:
        return concerned(environment, application, Resources(titles=titles))

    everything = {"saleor-api", "saleor-storefront", "saleor-dashboard"}
    assert told("Service saleor-dashboard")["service"] == {"saleor-dashboard"}
    assert told("Deployment saleor-api (Degraded)", "Ingress saleor (Progressing)") == {
        "service": {"saleor-api"},
        "ingress": {"saleor"},
    }
    assert told("ServiceAccount saleor-api")["service"] == {"saleor-api"}
    # Whose ConfigMap it is nobody says, and what is not named may be anything.
    assert told("Service saleor-dashboard", "ConfigMap some-config")["service"] == everything
    assert told()["service"] == everything


def test_what_an_api_itself_refuses_is_not_a_consequence_of_its_errors(sandbox: Sandbox) -> None:
    """Whoever mends the key that the API lacks still has a page that may not call it."""
    sandbox.break_("api-500")
    sandbox.break_("cors-origin-missing")
    try:
        run = sandbox.run_suite("tests_app", "tests_network/test_cors.py")
    finally:
        sandbox.mend("cors-origin-missing")
        sandbox.mend("api-500")

    assert [one["check"].partition("::")[2] for one in run.results["causes"]] == [
        "test_service_is_configured",
        "test_browser_may_call_the_api",
    ]


def test_a_preflight_that_got_an_error_is_a_consequence_of_its_api(sandbox: Sandbox) -> None:
    """A gateway that answers for an API which is down knows nothing of its rules."""
    sandbox.break_("service-down", "service=saleor-api")
    try:
        run = sandbox.run_suite("tests_platform/test_workloads.py", "tests_app", "tests_network/test_cors.py")
    finally:
        sandbox.mend("service-down")

    (cause,) = run.results["causes"]
    assert [one for one in cause["consequences"] if "test_browser_may_call_the_api" in one]


def test_a_pod_that_cannot_pull_without_nat_is_a_consequence(sandbox: Sandbox) -> None:
    """Whoever is told to push an image that is there looks in the wrong place for the rest of the night."""
    sandbox.break_("nat-failed", "pod=starts")
    sandbox.break_("image-missing")
    try:
        run = sandbox.run_suite("tests_infra/test_nat.py", "tests_platform")
    finally:
        sandbox.mend("image-missing")
        sandbox.mend("nat-failed")

    nat, image = run.results["causes"]
    assert "test_nat_gateway_is_available" in nat["check"]
    assert [one for one in nat["consequences"] if "test_image_can_be_pulled" in one]
    # That a tag was never pushed is seen in the registry, and no way out brings it there.
    assert "test_image_is_in_its_repository" in image["check"]
