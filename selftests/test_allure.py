"""Allure: results in words, the same from night to night, with cause, evidence and runbook, and no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from postflight.report import allure_result
from selftests import tiny_project
from selftests.run_findings import findings, outcome

PAGE = "https://git.example/team/checks/blob/main"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was judged once in one process, and once by two workers."""
    folder = tiny_project.make(tmp_path_factory.mktemp("project"))
    options = ("--summary-webhook", tiny_project.SECRET)
    variables = {"POSTFLIGHT_REPOSITORY_URL": PAGE}
    tiny_project.run(folder, "--alluredir", "alone", *options, variables=variables)
    tiny_project.run(folder, "--alluredir", "workers", "-n", "2", *options, variables=variables)
    return folder


@pytest.fixture(scope="module")
def results(project: Path) -> Mapping[str, dict[str, Any]]:
    """The results of the run in one process, by name."""
    return {one["name"]: one for one in tiny_project.allure_results(project / "alone")}


def labels(result: Mapping[str, Any], name: str) -> list[str]:
    return [label["value"] for label in result["labels"] if label["name"] == name]


def test_a_result_is_titled_by_its_fact_and_subject(results: Mapping[str, dict[str, Any]]) -> None:
    """`test_subnet_is_tagged[a]` is for programmers; a sentence is for whoever is on call."""
    facts = {name.rpartition(": ")[0] for name in results}

    assert facts == {
        "Subnet is tagged", "Load balancer exists", "Subnet is waived", "Subnet exists", "All is well",
    }  # fmt: skip
    assert {name.rpartition(": ")[2] for name in results} == {"a", "b"}


def test_suites_are_layers_and_modules(results: Mapping[str, dict[str, Any]]) -> None:
    """A report is opened by layer: infrastructure first, what stands on it after."""
    for one in results.values():
        assert labels(one, "parentSuite") == ["1 Infrastructure (AWS)"]
        assert labels(one, "suite") == ["Tiny"]
        assert labels(one, "severity") == ["normal"]
        assert labels(one, "env") == ["tiny"]


def test_a_verdict_is_a_status_and_a_category(results: Mapping[str, dict[str, Any]]) -> None:
    """Not verified is neither red nor green, and a consequence is not counted with the causes."""
    told = {name: (one["status"], labels(one, "category")[0]) for name, one in results.items()}

    assert told["Subnet is tagged: a"] == ("failed", "cause")
    assert told["Load balancer exists: a"] == ("failed", "consequence")
    assert told["Subnet exists: a"] == ("broken", "unverified")
    assert told["Subnet is waived: a"] == ("skipped", "waived")
    assert told["All is well: a"] == ("passed", "passed")


def test_a_consequence_says_because_of_what(results: Mapping[str, dict[str, Any]]) -> None:
    """Who opens one red test must not mend it if another one is the cause."""
    consequence, cause = results["Load balancer exists: a"], results["Subnet is tagged: a"]

    assert labels(consequence, "because of") == ["Subnet is tagged: a"]
    assert consequence["statusDetails"]["message"].startswith("because of subnet is tagged: a: there is no")
    assert "**Because of**\n\n- Subnet is tagged: a" in consequence["description"]
    assert "**This breaks 1 more**\n\n- Load balancer exists: a" in cause["description"]
    assert "**Fix** Tag it again: `aws ec2 create-tags --resources some-a`" in cause["description"]


def test_the_runbook_is_attached_with_its_names_filled_in(
    project: Path, results: Mapping[str, dict[str, Any]]
) -> None:
    """The commands can be pasted from the report."""
    (runbook,) = (one for one in results["Subnet is tagged: b"]["attachments"] if one["name"] == "runbook")

    text = (project / "alone" / runbook["source"]).read_text(encoding="utf-8")
    assert "**Cause**\n\nSomebody removed b." in text
    assert "aws ec2 create-tags --resources some-b" in text
    assert not any(one["name"] == "runbook" for one in results["All is well: a"]["attachments"])


def test_links_lead_to_runbook_check_and_console(results: Mapping[str, dict[str, Any]]) -> None:
    """One click from the red line to what to do, and to the thing itself."""
    links = {one["name"]: one["url"] for one in results["Subnet is tagged: a"]["links"]}

    assert links == {
        "runbook (guide: KYEOL 2.2)": f"{PAGE}/runbook/tests_infra/test_tiny.md#test_subnet_is_tagged",
        "check": f"{PAGE}/tests_infra/test_tiny.py",
        "AWS console": "https://ap-northeast-2.console.aws.amazon.com/vpcconsole/home"
        "?region=ap-northeast-2#subnets:",
    }


def test_history_is_the_same_from_run_to_run(project: Path, results: Mapping[str, dict[str, Any]]) -> None:
    """Trends across nights need ids without run, port or date, however many workers there were."""
    kept = ("name", "fullName", "historyId", "testCaseId", "parameters", "status", "description", "links")

    def stable(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{name: one[name] for name in kept} for one in found]

    alone = stable(tiny_project.allure_results(project / "alone"))
    assert stable(tiny_project.allure_results(project / "workers")) == alone
    assert len({one["historyId"] for one in results.values()}) == len(results)
    assert results["Subnet is tagged: a"]["parameters"] == [
        {"name": "environment", "value": "tiny"},
        {"name": "subnet", "value": "a"},
    ]


@pytest.mark.parametrize("folder", ["alone", "workers"])
def test_no_secret_is_in_any_file(project: Path, folder: str) -> None:
    """A report is shown to more people than a terminal; captured logs are in it too."""
    files = list((project / folder).iterdir())

    assert any(file.name.endswith("-attachment.txt") for file in files), "the log was attached"
    assert not [file.name for file in files if tiny_project.SECRET in file.read_text(encoding="utf-8")]
    assert not [file.name for file in files if file.name.startswith(".")]


def test_fixtures_that_only_wait_are_not_shown(project: Path) -> None:
    """Six hundred set-ups named `declared_subnet` hide the one that matters."""
    assert not list((project / "alone").glob("*-container.json"))


def test_results_of_an_earlier_run_stay_as_they_are(tmp_path: Path) -> None:
    """A folder may gather the results of many runs and of other tools."""
    folder = tiny_project.make(tmp_path)
    tiny_project.run(folder, "--alluredir", "all")
    before = {file.name: file.read_bytes() for file in (folder / "all").glob("*-result.json")}
    (folder / "all" / "other-result.json").write_text('{"name": "someone else\'s"}', encoding="utf-8")

    tiny_project.run(folder, "--alluredir", "all")

    assert all((folder / "all" / name).read_bytes() == data for name, data in before.items())
    assert len(list((folder / "all").glob("*-result.json"))) == 2 * len(before) + 1


def test_the_environment_page_says_where_and_who(project: Path) -> None:
    """A report without its account and time is worth little a week later."""
    lines = (project / "alone" / "environment.properties").read_text(encoding="ascii").splitlines()

    assert "account=123456789012" in lines
    assert "caller=arn:aws:iam::123456789012:user/somebody" in lines
    executor = json.loads((project / "alone" / "executor.json").read_text(encoding="utf-8"))
    assert executor["name"] == "Postflight"
    categories = json.loads((project / "alone" / "categories.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in categories][:2] == [
        "Failed: what broke first",
        "Consequences of what broke first",
    ]


def test_the_latest_run_leads_to_its_results(project: Path) -> None:
    """`make report` builds the report of reports/latest, wherever its results are."""
    link = tiny_project.latest(project) / "allure-results"

    assert link.resolve() == (project / "workers").resolve()


def test_what_settled_late_is_told() -> None:
    """A check that passed only after minutes is green, and worth a look."""
    late = outcome("test_all_is_well", "a", "passed", settled_after_s=42.0)

    assert allure_result.category(late, findings([late])) == "settled"


def test_severity_weighs_what_users_meet() -> None:
    """A blocked shop and a missing tag are not the same kind of night."""
    service = outcome("test_it", "a")
    faces = {**service.as_json(), "check": "tests_app/test_health.py::test_it", "kind": "service"}

    assert allure_result.severity(type(service).from_json(faces)) == "blocker"
    assert allure_result.severity(service) == "normal"
