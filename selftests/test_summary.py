"""summary.md and GitHub: the tree first, a graph that can be drawn, nothing that breaks the page."""

from __future__ import annotations

import re
from pathlib import Path

from postflight.report import github, summary
from postflight.report.comparison import Comparison
from postflight.report.graph import mermaid
from postflight.writing import Clean
from selftests import tiny_project
from selftests.run_findings import FIX, findings, outcome

ODD = 'a "b" <c> `d` #1 [e] (f) & {g} | --> end; 서울\n::error::'

_NODE = re.compile(r'^  (?P<id>n\d+|more)\["(?P<label>[^"]*)"\]:::(cause|consequence|waived)$')
_ARROW = re.compile(r"^  (?P<start>n\d+) (-->|-\.->) (?P<end>n\d+|more)$")
_STYLE = re.compile(r"^  classDef \w+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}$")


def drawn(text: str | None) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Read a graph strictly: its labels by node, and its arrows."""
    assert text is not None
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    nodes: dict[str, str] = {}
    arrows: list[tuple[str, str]] = []
    for line in lines:
        if node := _NODE.match(line):
            assert not re.search(r"[<>`\\]", node["label"]), line
            assert not re.search(r"[#&](?!(35|92|quot|lt|gt|amp);)", node["label"]), line
            nodes[node["id"]] = node["label"]
        elif arrow := _ARROW.match(line):
            assert {arrow["start"], arrow["end"]} <= set(nodes), line
            arrows.append((arrow["start"], arrow["end"]))
        else:
            assert _STYLE.match(line), line
    return nodes, arrows


TAG = outcome("test_subnet_is_tagged", "a", message="subnet a has no tag", runbook={"fix": FIX, "guide": "—"})
ADDRESS = outcome("test_ingress_has_an_address", "shop")
RECORD = outcome("test_record_exists", "shop.example")
CHAIN = findings(
    [TAG, ADDRESS, RECORD],
    {ADDRESS.id: [TAG.id], RECORD.id: [TAG.id]},
    links={TAG.id: [ADDRESS.id, RECORD.id], ADDRESS.id: [RECORD.id], RECORD.id: []},
)


def test_the_summary_tells_the_cause_before_what_it_broke() -> None:
    """On a pull request one reads the first lines only."""
    text = summary.markdown(CHAIN)
    parts = (
        "**0 passed, 3 failed (1 cause, 2 consequences)**",
        "## What broke first",
        "1. **subnet a has no tag**",
        "   - where: `tests_infra/test_tiny.py::test_subnet_is_tagged[a]`",
        "   - fix: Tag it again: `aws ec2 create-tags --resources some-subnet`",
        "   - 2 consequences:",
        "     - Ingress has an address: `shop`",
        "```mermaid",
        "## Cause 1: subnet is tagged",
        "**Fix** Tag it again:",
        "<details><summary>2 consequences</summary>",
    )

    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)
    assert "**Guide**" not in text


def test_a_command_stands_in_a_fence_of_its_own() -> None:
    """A fence within a line is shown as text, and the command with it."""
    cause = outcome("test_a", None, runbook={"confirm": "```bash\naws sts get-caller-identity\n```"})

    assert "**Confirm**\n\n```bash\naws sts get-caller-identity\n```\n" in summary.markdown(findings([cause]))


def test_the_graph_shows_the_way_and_no_shortcuts() -> None:
    """An arrow that two others imply only crosses the page."""
    nodes, arrows = drawn(mermaid(CHAIN))

    assert nodes == {
        "n0": "not: subnet is tagged (a)",
        "n1": "Ingress has an address (shop)",
        "n2": "record exists (shop.example)",
    }
    assert arrows == [("n0", "n1"), ("n1", "n2")]


def test_a_circle_of_links_is_drawn_as_it_is() -> None:
    """Checks may lead to each other; the graph must not lose them, nor the program its way."""
    links = {TAG.id: [ADDRESS.id], ADDRESS.id: [RECORD.id], RECORD.id: [ADDRESS.id]}
    found = findings([TAG, ADDRESS, RECORD], {ADDRESS.id: [TAG.id], RECORD.id: [TAG.id]}, links=links)

    _, arrows = drawn(mermaid(found))

    assert arrows == [("n0", "n1"), ("n1", "n2"), ("n2", "n1")]


def test_labels_cannot_break_the_graph() -> None:
    """One name with a quotation mark must not turn the graph into an error message."""
    odd = outcome("test_a", ODD)
    consequence = outcome("test_b", ODD)

    nodes, _ = drawn(mermaid(findings([odd, consequence], {consequence.id: [odd.id]})))

    assert nodes["n0"].startswith("not: a (a #quot;b#quot; #lt;c#gt; 'd' #35;1 [e] (f) #amp; {g}")


def test_the_graph_stays_small() -> None:
    """Two hundred nodes are no picture, and GitHub draws none of more than 500 arrows."""
    many = [outcome(f"test_thing_{n}", None) for n in range(200)]

    nodes, arrows = drawn(mermaid(findings([TAG, *many], {one.id: [TAG.id] for one in many})))

    assert len(nodes) == 31
    assert len(arrows) == 30
    assert nodes["more"] == "and 171 more checks"


def test_causes_without_consequences_need_no_graph() -> None:
    """A picture of one box says nothing."""
    assert mermaid(findings([TAG])) is None


def test_messages_cannot_break_the_page() -> None:
    """A message may hold anything: it is shown, and never read as HTML or as a link."""
    text = summary.markdown(findings([outcome("test_a", None, message=ODD)]))

    assert "<c>" not in text.replace("\\<c>", "")
    assert "\n::error::" not in text


def test_what_changed_is_folded_below() -> None:
    """Two hundred changed checks must not push the cause off the screen."""
    comparison = Comparison(earlier="2026-11-20", newly_failing=(TAG.id,))

    text = summary.markdown(findings([TAG], comparison=comparison))

    assert "since 2026-11-20: 1 newly failing" in text
    assert text.index("## Cause 1") < text.index("<details><summary>Changed since 2026-11-20")


def test_github_shows_an_error_for_each_cause() -> None:
    """One annotation a cause; its consequences are counted in it."""
    blind = [outcome("test_blind", name, "unverified", "access denied") for name in "ab"]
    odd = outcome("test_a", "x:y,z", message="100% wrong\nreally")

    lines = list(github.commands(findings([TAG, ADDRESS, odd, *blind], {ADDRESS.id: [TAG.id]})))

    assert lines == [
        (
            "::error title=subnet is tagged%3A a::subnet a has no tag; 1 consequence"
            "%0AFix: Tag it again: `aws ec2 create-tags --resources some-subnet`"
        ),
        "::error title=a%3A x%3Ay%2Cz::100%25 wrong%0Areally",
        "::warning title=2 checks not verified::access denied",
    ]


def test_the_step_summary_is_appended_and_kept_small(tmp_path: Path) -> None:
    """Earlier steps have written there, and GitHub refuses more than 1 MiB."""
    file = tmp_path / "step.md"
    file.write_text("# Before\n", encoding="utf-8")

    github.append_summary(file, Clean("서울" * 400_000))

    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Before\n서울")
    assert text.endswith("summary.md.\n")
    assert file.stat().st_size <= 1_000_000


def test_a_run_in_github_actions_is_told_there(tmp_path: Path) -> None:
    """No step of the workflow has to copy files about."""
    project = tiny_project.make(tmp_path / "project")
    step = tmp_path / "step.md"

    run = tiny_project.run(project, variables={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step)})

    assert step.read_text(encoding="utf-8") == (tiny_project.latest(project) / "summary.md").read_text(
        encoding="utf-8"
    )
    assert "\n::error title=subnet is tagged%3A a::" in run.stdout
    assert "\n::warning title=2 checks not verified::" in run.stdout


def test_a_run_elsewhere_prints_no_annotations(tmp_path: Path) -> None:
    """On a terminal they are noise."""
    project = tiny_project.make(tmp_path)

    run = tiny_project.run(project, variables={"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "such" / "file")})

    assert "::error" not in run.stdout
    assert "$GITHUB_STEP_SUMMARY was not written: No such file or directory" in run.stdout
