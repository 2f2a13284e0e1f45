"""What a run keeps of each of its checks: a large environment has tens of thousands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postflight.judged import Judged
from postflight.probes.kubernetes.services import Endpoints
from selftests import tiny_project
from selftests.run_findings import outcome

KEPT = """
import pytest

def pytest_collection_modifyitems(items):
    items[-1].extra_keyword_matches.add("wanted")

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    checks = [item for item in session.items if "declared_subnet" in item.fixturenames]
    calls = {id(item.callspec) for item in checks if "number" not in item.fixturenames}
    marks = [mark.name for item in checks for mark in item.own_markers]
    layers = {item.get_closest_marker("infra").name for item in checks if item.get_closest_marker("infra")}
    names = {name for item in checks for name in item.extra_keyword_matches}
    print(f"NAMES {names}")
    print(f"CALLS {len(calls)} MARKS {marks.count('infra')} LAYERS {layers}")

def pytest_terminal_summary(terminalreporter):
    for category in ("", "passed", "failed"):
        for is_loud in (False, True):
            kept = [one for one in terminalreporter.stats.get(category, ()) if bool(one.sections) == is_loud]
            kinds = ", ".join({type(one).__name__ for one in kept})
            terminalreporter.write_line(f"KEPT {category} {is_loud}: {kinds}.")
    for one in terminalreporter.stats["passed"]:
        whole = one.when, one.outcome, one.passed, one.failed, one.skipped, one.longrepr
        assert whole == ("call", "passed", True, False, False, None)
        assert not one.user_properties
        terminalreporter.write_line(f"TOLD {one.nodeid} {one.location[2]} {one.duration >= 0}")
"""
ALIKE = """
import pytest

@pytest.mark.parametrize("number", [{value}], ids=["same"])
def test_{name}(number, declared_subnet):
    assert number == {value}
    assert declared_subnet.subnet in ("some-a", "some-b")
"""
WELL = "tests_infra/test_tiny.py::test_all_is_well[a]"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tiny project that tells what pytest has kept; two of its checks differ in nothing but a value."""
    made = tiny_project.make(tmp_path)
    conftest = made / "conftest.py"
    conftest.write_text(conftest.read_text(encoding="utf-8") + KEPT, encoding="utf-8")
    for value, name in enumerate(("one", "two")):
        module = made / "tests_infra" / f"test_{name}.py"
        module.write_text(ALIKE.format(value=value, name=name), encoding="utf-8")
    return made


@pytest.mark.parametrize("more", [(), ("-n", "2")])
def test_of_a_check_that_passed_pytest_keeps_next_to_nothing(project: Path, more: tuple[str, ...]) -> None:
    """A whole report for each is half of what a check takes; what others read of it is still there."""
    ran = tiny_project.run(project, *more)

    for kept in ("KEPT  False: .", "KEPT passed False: Passed.", "KEPT failed True: TestReport."):
        assert kept in ran.stdout
    assert "KEPT passed True: TestReport." in ran.stdout, "what it has printed is somebody's to read"
    assert f"TOLD {WELL} test_all_is_well[a] True" in ran.stdout
    assert ran.stdout.count("TOLD ") == 8
    assert "8 passed" in ran.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("-rA", f"PASSED {WELL}"),
        ("-rp", f"PASSED {WELL}"),
        ("--durations=0", "slowest durations"),
        ("-vv", f"{WELL} PASSED"),
    ],
)
def test_what_pytest_is_asked_to_tell_of_passed_checks_it_tells(project: Path, asked: str, told: str) -> None:
    """What saves memory must take nothing from somebody who asks for it."""
    ran = tiny_project.run(project, asked)

    assert told in ran.stdout
    assert "8 passed" in ran.stdout.splitlines()[-1]


def test_checks_of_one_subject_share_how_they_are_called(project: Path) -> None:
    """Pytest makes it anew for each check; where a value differs it stays that check's own."""
    ran = tiny_project.run(project)

    assert "CALLS 2 MARKS 0 LAYERS {'infra'}" in ran.stdout
    told = json.loads((tiny_project.latest(project) / "results.json").read_text(encoding="utf-8"))
    verdicts = {one["id"]: one["verdict"] for one in told["checks"]}
    assert {verdicts[f"tests_infra/test_{name}.py::test_{name}[{subnet}-same]"] for name in ("one", "two")
            for subnet in "ab"} == {"passed"}  # fmt: skip


def test_names_that_another_plugin_gives_a_check_select_it(project: Path) -> None:
    """What checks share is shared only when all have been selected."""
    ran = tiny_project.run(project, "-k", "wanted")

    assert ran.stdout.count("TOLD ") == 1
    assert "NAMES {'wanted'}" in ran.stdout


def test_outcomes_share_what_they_say_alike() -> None:
    """A worker sends each outcome as text of its own: tens of thousands of copies of a few words."""
    evidence = ["kubernetes.pods.pods.json", "kubernetes.deployments.json"]
    sent = [outcome("test_pods_run", name, "passed", evidence=evidence).as_json() for name in ("a", "b")]
    judged = Judged()
    for one in sent:
        judged.gather(json.loads(json.dumps(one)))

    first, second = judged.outcomes("")

    assert (first.subject, second.subject) == ("a", "b")
    assert list(first.evidence) == evidence
    for name in ("check", "kind", "verdict", "fact", "scopes", "runbook", "evidence"):
        assert getattr(first, name) is getattr(second, name), name
    assert not hasattr(first, "__dict__")


def test_evidence_shares_which_of_its_fields_were_given() -> None:
    """Pydantic keeps a set of them for each object: more than there is to tell of a pod."""
    one, other = (Endpoints(namespace="shop", service=name, ready=("pod",)) for name in ("cart", "search"))
    absent = Endpoints(namespace="shop", service="cart")
    copy = one.model_copy(update={"found": True})

    assert one.model_fields_set is other.model_fields_set
    assert one.model_fields_set == {"namespace", "service", "ready"}
    assert absent.model_fields_set == {"namespace", "service"}
    assert copy.model_fields_set == {"namespace", "service", "ready", "found"}
