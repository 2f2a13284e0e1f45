"""The end of a run on a terminal: causes first, aligned, short, characters counted as they are shown."""

from __future__ import annotations

import pytest

from postflight.report import terminal, told
from postflight.report.comparison import Comparison
from postflight.report.text import columns, cut, listed, padded, wrapped
from selftests.run_findings import FIX, findings, outcome


def shown(found: list[terminal.Line]) -> list[str]:
    return [line.text for line in found]


TAGS = [
    outcome("test_subnet_is_tagged", name, message=f"subnet subnet-{name}1 has no tag", runbook={"fix": FIX})
    for name in ("a", "b", "c")
]
ADDRESS = outcome("test_ingress_has_an_address", "shop", message="no address")
BECAUSE = {ADDRESS.id: [one.id for one in TAGS]}


def test_korean_takes_two_columns() -> None:
    """A Korean word counted by characters runs over the edge of the terminal."""
    assert columns("서울") == 4
    assert columns("a서b") == 4
    assert columns("e\N{COMBINING ACUTE ACCENT}") == 1
    assert padded("서울", 6) == "서울  "
    assert cut("서울특별시", 5) == "서울…"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_wrapped_lines_keep_to_the_width(width: int) -> None:
    """A terminal breaks what is longer in the middle of a word."""
    text = "원인: 로드 밸런서가 쓸 퍼블릭 서브넷에 태그가 없어서 주소를 받지 못했다 and a little English " * 2

    lines = list(wrapped(text, width, "    "))

    assert all(columns(line) <= width for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())


def test_a_word_is_never_broken() -> None:
    """An id that is broken in two cannot be copied."""
    name = "tests_infra/test_subnets.py::test_subnet_is_tagged_for_its_load_balancers[public-a]"

    assert name in list(wrapped(f"where {name} is", 30, "  "))[1]


def test_columns_stay_columns() -> None:
    """Fields are aligned by the spaces after their names."""
    assert next(wrapped("  cause    a b", 80)) == "  cause    a b"


def test_names_that_do_not_fit_are_counted() -> None:
    """A list that goes on for lines hides what follows it."""
    assert listed(["a", "b", "c"], 80) == "a, b, c"
    assert listed(["auth-service", "cart-service", "file-service"], 34) == "auth-service and 2 more"
    assert listed([], 10) == ""


def test_alike_causes_are_told_once() -> None:
    """One missing tag on three subnets is one thing to mend, not three red paragraphs."""
    lines = shown(list(terminal.lines(findings([*TAGS, ADDRESS], BECAUSE), 80)))

    assert "WHAT BROKE FIRST" in lines
    assert sum("has no tag" in line for line in lines) == 1
    assert "           and alike: b, c" in lines
    assert any("4 failed (1 cause in 3 places, 1 consequence)" in line for line in lines)


def test_causes_of_other_kinds_are_told_apart() -> None:
    """Two faults at once are two things to mend."""
    other = outcome("test_subnet_is_tagged", "d", message="something else is wrong")

    lines = shown(list(terminal.lines(findings([TAGS[0], other]), 80)))

    assert "WHAT BROKE FIRST: 2 causes" in lines


def test_the_cause_comes_before_what_it_broke() -> None:
    """What, where, the first step, and only then the consequences and the whole entry."""
    text = "\n".join(shown(list(terminal.lines(findings([ADDRESS, *TAGS], BECAUSE), 80))))
    parts = (
        "WHAT BROKE FIRST",
        "has no tag",
        "where  tests_infra/test_tiny.py::test_subnet_is_tagged[a]",
        "fix    Tag it again:",
        "             aws ec2 create-tags --resources some-subnet",
        "└─ 1 consequence",
        "└─ Ingress has an address  shop",
        "RUNBOOK 1",
        "The controller tries again.",
        "tiny: 0 passed",
    )

    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)


def test_the_cause_that_breaks_most_comes_first() -> None:
    """Whoever is on call mends what most depends on."""
    small = outcome("test_a", None, message="a small thing")

    lines = shown(list(terminal.lines(findings([small, *TAGS, ADDRESS], BECAUSE), 80)))

    assert next(line for line in lines if line.startswith(" 1  ")).endswith("has no tag")


def test_what_an_earlier_cause_breaks_too_is_told_once() -> None:
    """The counts of two causes add up to more than the total; a list that is there twice tells nothing."""
    database, secret = (
        outcome("test_database_exists", "a"),
        outcome("test_secret_exists", "a", message="gone"),
    )
    both, one_more = outcome("test_service_answers", "a"), outcome("test_health_is_quick", "a")
    because = {both.id: [database.id, secret.id], one_more.id: [database.id]}

    lines = shown(list(terminal.lines(findings([database, secret, both, one_more], because), 80)))

    assert "    └─ 2 consequences; no longer true because of it:" in lines
    assert "    └─ 1 consequence, of an earlier cause too" in lines
    assert sum("service answers" in line for line in lines) == 1


def test_commands_can_be_pasted() -> None:
    """A wrapped command is a broken command."""
    long = "aws ec2 describe-subnets " + " ".join(
        f"--filters Name=tag:Name,Values=some-{n}" for n in range(9)
    )
    cause = outcome("test_subnet_exists", "a", runbook={"fix": f"Do this:\n```bash\n{long}\n```"})

    assert f"             {long}" in shown(list(terminal.lines(findings([cause]), 80)))


def test_many_causes_stay_readable() -> None:
    """A wholly broken environment must not scroll its first causes away; the rest is in summary.md."""
    many = [outcome(f"test_{n}", None, message="broken " + "x" * n, runbook={"fix": FIX}) for n in range(100)]

    lines = shown(list(terminal.lines(findings(many), 80)))

    assert "    and 80 more causes: summary.md" in lines
    assert sum(line.startswith("RUNBOOK ") for line in lines) == 6
    assert len(lines) < 150


def test_an_old_failure_says_since_when() -> None:
    """What has failed for a week is another kind of trouble than what the last deployment broke."""
    old, new = outcome("test_a", None, message="old"), outcome("test_b", None, message="new")
    since = {old.id: "2026-11-14T21:00:00+00:00", new.id: "2026-11-21T21:00:00+00:00"}

    lines = shown(list(terminal.lines(findings([old, new], comparison=Comparison(since=since)), 80)))

    assert [line for line in lines if "since" in line] == ["    since  2026-11-14T21:00:00+00:00"]


def test_what_is_not_verified_stays_short() -> None:
    """A missing permission makes hundreds of checks blind, and is one line to mend."""
    blind = [
        outcome(
            f"test_{letter}", f"subject-{n}", "unverified", "access denied", permission="ec2:DescribeSubnets"
        )
        for letter in "abcdef"
        for n in range(100)
    ]

    lines = shown(list(terminal.lines(findings(blind), 80)))

    assert len(lines) < 15
    assert "  access denied [missing permission: ec2:DescribeSubnets]" in lines
    assert "    and 300 more of the same" in lines
    assert all(columns(line) <= 80 for line in lines)


def test_the_first_step_of_a_fix_is_a_whole_step() -> None:
    """The tree shows one step: a sentence, with the command that it introduces."""
    assert told.first_step(FIX) == "Tag it again: `aws ec2 create-tags --resources some-subnet`"
    assert told.first_step("Mend it. Then rest.") == "Mend it."
    assert told.first_step("```bash\nmend it\n```\nThen rest.") == "mend it"
    assert told.first_step("") == ""


def test_the_first_step_has_the_whole_command() -> None:
    """Pasted with a backslash at its end it waits for more, at three in the morning."""
    lines = ["aws s3api put-bucket-policy \\", "  --bucket some \\", "  --policy file://p"]
    fix = "\n".join(["By hand:", "```bash", *lines, "echo next", "```"])

    assert told.first_step(fix) == "By hand: `aws s3api put-bucket-policy --bucket some --policy file://p`"
    assert told.first_pieces(fix) == [("By hand:", False), *((line, True) for line in lines)]


def test_a_command_within_a_sentence_can_be_pasted() -> None:
    """The first line of a torn `kubectl rollout restart deployment NAME` is a whole command."""
    restart = "kubectl --context some -n kube-system rollout restart deployment/external-dns"
    fix = f"Restart it and read its log (`{restart}`). Then see `dig +short shop.example.com` twice."
    cause = outcome("test_record", "a", runbook={"fix": fix})

    lines = shown(list(terminal.lines(findings([cause]), 80)))

    assert lines.count(f"             {restart}") == 2
    assert any("`dig +short shop.example.com`" in line for line in lines)


def test_what_settled_is_counted_to_the_last() -> None:
    """Names of 11 under a count of 25 leave 14 that nobody is told of."""
    late = [outcome(f"test_{letter}", None, "passed", settled_after_s=3.0) for letter in "abcdefghijk"]

    lines = shown(list(terminal.lines(findings(late), 80)))

    assert "SETTLED: 11 right only after a while, the last after 3 s" in lines
    assert "    and 3 more, of 3 other checks: summary.md" in lines
