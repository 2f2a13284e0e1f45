"""`postflight diff`: what two environments declare and are, names by convention apart."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selftests.commands import paragraph, postflight
from selftests.proofs.harness import ROOT, Sandbox

Row = tuple[str, str, str, Any, Any]


def rows(done: subprocess.CompletedProcess[str], part: str = "declared") -> list[Row]:
    """Return the differences that `--json` printed."""
    said = json.loads(done.stdout)[part]
    return [(one["section"], one["entry"], one["field"], one["left"], one["right"]) for one in said]


def stage_called(folder: Path, name: str) -> Path:
    """Copy the file of stage, with its base, under another name."""
    for file in ("stage.yaml", "kyeol.base.yaml"):
        text = (ROOT / "environments" / file).read_text(encoding="utf-8")
        (folder / file.replace("stage.yaml", f"{name}.yaml")).write_text(text, encoding="utf-8")
    return folder / f"{name}.yaml"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's file, but that its payment service is the Deployment of another."""
    file = tmp_path_factory.mktemp("diff") / "twin.yaml"
    text = (ROOT / "environments" / "sandbox.yaml").read_text(encoding="utf-8")
    other = text.replace("  payment-service:\n", "  payment-service:\n    deployment: order-service\n", 1)
    assert other != text
    file.write_text(other, encoding="utf-8")
    return file


def test_an_environment_is_like_itself() -> None:
    """A command that always finds something is not looked at."""
    done = postflight("diff", "stage", "stage")

    assert done.returncode == 0
    assert done.stdout == "Declared: no difference between stage and stage beyond their names.\n"


def test_names_by_convention_are_no_difference() -> None:
    """They differ in a hundred names, and in one thing: dev has no cache."""
    done = postflight("diff", "dev", "stage", "--json")

    assert done.returncode == 1
    assert rows(done) == [
        ("caches", "valkey", "", None, "declared"),
        ("services", "saleor-api", "cache", None, "valkey"),
        ("services", "saleor-api", "required.REDIS_URL", None, "any value"),
    ]


@pytest.mark.parametrize("name", ["api", "keys", "saleor", "required"])
def test_a_name_that_is_a_common_word_is_no_difference(tmp_path: Path, name: str) -> None:
    """Environments are called what people call them, and that may be part of every other name."""
    done = postflight("diff", "stage", str(stage_called(tmp_path, name)))

    assert (done.returncode, done.stderr) == (0, "")


def test_what_production_has_more_is_told() -> None:
    """What stage lacks is what stage cannot find out before production does."""
    found = rows(postflight("diff", "stage", "prod", "--json"))

    assert ("services", "saleor-api", "replicas", 1, 2) in found
    assert ("services", "saleor-api", "tag_policy", "any", "fixed") in found
    assert ("vpc", "", "nat_gateway_per_zone", False, True) in found
    assert ("nat_gateways", "natgw-c", "", None, "declared") in found
    assert not [one for one in found if one[0] in {"certificates", "distributions", "buckets", "terraform"}]


def test_table_has_one_line_a_difference() -> None:
    """People read it, and compare it with yesterday's."""
    lines = postflight("diff", "dev", "stage").stdout.splitlines()

    assert lines[0] == "Declared: 3 differences between dev and stage beyond their names."
    assert lines[2].split() == ["SECTION", "ENTRY", "FIELD", "dev", "stage"]
    assert [line.split() for line in lines[3:6]] == [
        ["caches", "valkey", "-", "declared"],
        ["services", "saleor-api", "cache", "-", "valkey"],
        ["services", "saleor-api", "required.REDIS_URL", "-", "any", "value"],
    ]
    assert (
        len({line.index(word) for line, word in zip(lines[3:6], ("declared", "valkey", "any"), strict=True)})
        == 1
    )


def test_what_is_there_is_compared(sandbox: Sandbox, twin: Path) -> None:
    """Files may agree while one side lacks a variable, a Secret's key, or runs an older image."""
    done = postflight(
        "diff", "sandbox", str(twin), "--observed", "--json", variables=sandbox.process_environment
    )
    found = rows(done, "observed")

    assert done.returncode == 1, done.stderr
    assert ("services", "payment-service", "variables", ["RABBITMQ_ENABLED"], []) in found
    assert (
        "services",
        "payment-service",
        "image of payment-service",
        "doa-market-payment-service",
        None,
    ) in found
    assert {one[1] for one in found} == {"payment-service"}


def test_secrets_are_compared_by_the_names_of_their_keys(sandbox: Sandbox, twin: Path) -> None:
    """Parity of Secrets is worth knowing; their values are nobody's business."""
    text = twin.read_text(encoding="utf-8")
    file = twin.with_name("keys.yaml")
    file.write_text(text.replace("deployment: order-service", "deployment: api-gateway", 1), encoding="utf-8")
    done = postflight(
        "diff", "sandbox", str(file), "--observed", "--json", variables=sandbox.process_environment
    )
    found = rows(done, "observed")

    keys = [one for one in found if one[2].startswith("keys of Secret")]
    assert keys == [
        ("services", "payment-service", "keys of Secret db-credentials-prod", ["password", "username"], None),
        ("services", "payment-service", "keys of Secret redis-credentials-prod", None, ["password"]),
    ]


def test_what_cannot_be_seen_is_no_difference(sandbox: Sandbox, twin: Path) -> None:
    """A missing permission must neither look like parity nor like a difference."""
    text = twin.read_text(encoding="utf-8")
    file = twin.with_name("unseen.yaml")
    other = "namespace: saleor\n    deployment: saleor-storefront"  # which has no Secret that it may not read
    file.write_text(text.replace("deployment: order-service", other, 1), encoding="utf-8")
    sandbox.break_("access-denied", "action=get secrets")
    try:
        done = postflight(
            "diff", "sandbox", str(file), "--observed", "--json", variables=sandbox.process_environment
        )
    finally:
        sandbox.mend("access-denied")

    assert done.returncode == 6
    said = json.loads(done.stdout)["unverified"]
    hidden = [one for one in said if ": services payment-service: " in one]
    assert [one.split(": ")[0] for one in hidden] == ["sandbox"]
    assert "get secrets" in hidden[0]
    assert [one for one in rows(done, "observed") if one[1] == "payment-service"] == []


def test_a_profile_belongs_to_one_of_the_two() -> None:
    """A misspelt name would compare one account with itself."""
    done = postflight("diff", "dev", "stage", "--observed", "--profile", "stagee=x")

    assert "stage=PROFILE" in paragraph(done)


def test_each_side_is_looked_at_with_its_own_profile(sandbox: Sandbox, twin: Path, tmp_path: Path) -> None:
    """Stage and prod are other accounts: the shell's credentials fit one of them at most."""
    credentials = tmp_path / "credentials"
    keys = sandbox.variables
    credentials.write_text(
        f"[good]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n",
        encoding="utf-8",
    )
    kept = {name: value for name, value in sandbox.process_environment.items() if "ACCESS_KEY" not in name}
    variables = {**kept, "AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_EC2_METADATA_DISABLED": "true"}
    one = ("diff", "sandbox", str(twin), "--observed", "--profile", "sandbox=good")

    assert "twin cannot be looked at: There are no AWS credentials" in paragraph(
        postflight(*one, variables=variables)
    )
    assert postflight(*one, "--profile", "twin=good", variables=variables).returncode == 1
