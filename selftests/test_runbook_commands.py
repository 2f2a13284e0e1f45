"""The runbook's commands are what their programs take: at night nobody reads a manual first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from postflight import runbook
from postflight.collection import Collection
from postflight.environment import kind_of, load, scopes, subject_named
from postflight.environment.declaration import Subject
from postflight.environment.model import Environment
from postflight.runbook import Entry
from postflight.subjects import rows
from postflight.unjudged import possible_failures
from selftests.aws_commands import commands, complaints
from selftests.test_runbook import CHECKS

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = runbook.load(ROOT / "runbook")

READS = re.compile(r"(describe|get|head|list|lookup|simulate)-|ls$|cp$")
KUBECTL = re.compile(r"\bkubectl (?:--context \S+ )?(?:-n \S+ )?(?P<verb>[a-z]+)(?: (?P<what>[a-z]+))?")
LOOKS = {"get", "describe", "logs", "top", "exec"}
INTERRUPTS = re.compile(
    r"aws \S+ (delete|reboot|modify-db-(instance|cluster) |modify-replication|test-failover|create-invalid)|"
    r"aws s3 rm|kubectl [^`\n]*\b(drain|delete|undo|--replicas=0)\b|terraform force-unlock|terminate-op"
)


def filled(text: str) -> Iterator[str]:
    """Return a text for an RDS instance and for an Aurora cluster, and some name in every other place."""
    for kind in ("instance", "cluster"):
        named = text.replace("<database_server.kind>", kind)
        yield runbook.filled(named, lambda _of, field: "3000" if field.endswith("ports") else "NAME")


def text_of(entry: Entry) -> str:
    return f"{entry.symptom}\n\n{entry.cause}\n\n{entry.confirm}\n\n{entry.fix}\n\n{entry.prevent}"


@pytest.mark.parametrize("check", ENTRIES)
def test_the_aws_cli_takes_every_command(check: str) -> None:
    """A flag that is not there, or one that is missing, is found out in the middle of an outage."""
    found = [words for text in filled(text_of(ENTRIES[check])) for words in commands(text)]

    assert [(" ".join(words), wrong) for words in found if (wrong := complaints(words))] == []


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("aws rds describe-db-instance --region NAME", "there is no `aws rds describe-db-instance`"),
        ("aws rds reboot-db-instance --region NAME", "--db-instance-identifier is missing"),
        ("aws ec2 describe-nat-gateways --filters Name=state,Values=failed", "--filters is not known"),
        ("aws rds describe-events --source-type instance", "--source-type may be db-instance"),
        ("aws ec2 describe-vpcs --query 'Vpcs[?VpcId'", "--query cannot be read"),
        ("aws ec2 describe-vpcs --query 'Vpcs[?VpcId==`x`]'", "--query cannot be read"),
        ("aws elasticache modify-replication-group --apply-immediately true", "takes no value"),
        ("for x in $(aws eks list-nodegroups); do echo $x; done", "--cluster-name is missing"),
    ],
)
def test_a_wrong_command_is_noticed(command: str, wrong: str) -> None:
    """A reader that takes everything would prove nothing of the runbook."""
    (words,) = commands(f"```bash\n{command}\n```")

    assert any(wrong in complaint for complaint in complaints(words))


@pytest.mark.parametrize("check", ENTRIES)
def test_confirming_changes_nothing(check: str) -> None:
    """Whoever only looks must be able to paste without thinking."""
    confirm = ENTRIES[check].confirm
    operations = [words[1] for words in commands(next(filled(confirm)))]
    verbs = [(found["verb"], found["what"]) for found in KUBECTL.finditer(confirm)]

    assert [one for one in operations if not READS.match(one)] == []
    assert [one for one in verbs if one[0] not in LOOKS and one != ("rollout", "status")] == []


@pytest.mark.parametrize("check", ENTRIES)
def test_a_fix_that_interrupts_warns(check: str) -> None:
    """What cuts connections or cannot be undone is not pasted by somebody who was not told."""
    fix = ENTRIES[check].fix

    assert not INTERRUPTS.search(fix) or re.search(r"\*\*warning\b", fix, re.IGNORECASE)


@cache
def environments() -> tuple[Environment, ...]:
    """Load the environments that are in the repository."""
    names = ("dev", "stage", "prod", "doa-prod", "sandbox")
    return tuple(load(ROOT / "environments" / f"{name}.yaml", {}) for name in names)


def open_places(environment: Environment, check: str) -> Iterator[str]:
    """Yield the placeholders that nothing fills: no field that is declared, no evidence of the check."""
    fixtures = [argument.arg for argument in CHECKS[check].args.args]
    kinds = [name.removeprefix("declared_") for name in fixtures if name.startswith("declared_")]
    kinds += [kind for name in fixtures if name in rows() and (kind := rows()[name].kind) is not None]
    needed = [one for one in runbook.placeholders(ENTRIES[check]) if one[0] not in fixtures]
    collection = Collection(environment, "inside", rows(), release="7114918")
    for name in possible_failures(ROOT, collection, check):
        subject = subject_named(environment, kinds[0], name) if name is not None else None
        for of, field in needed:
            known = (*_related(environment, subject, of), getattr(environment, of, None))
            if not any(getattr(one, field, None) for one in known):
                yield f"<{of}.{field}> of {environment.name}: {name}"


def _related(environment: Environment, subject: Subject | None, of: str) -> Iterator[Subject | None]:
    if subject is None:
        return
    if kind_of(subject) == of:
        yield subject
    elif of not in {"namespace", "zone"}:
        names = scopes(environment, subject).get(of, frozenset())
        yield from (subject_named(environment, of, name) for name in names if len(names) == 1)


@pytest.mark.parametrize("check", ENTRIES)
def test_every_place_is_filled_in_the_environments_that_are_here(check: str) -> None:
    """`<host>` in a command is a file that the shell looks for: what is not declared cannot be filled in."""
    assert [place for environment in environments() for place in open_places(environment, check)] == []
