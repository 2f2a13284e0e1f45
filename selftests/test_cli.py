"""The `postflight` command as a whole: help that teaches, completion, and one paragraph for each error."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from postflight import cli
from selftests.commands import paragraph, postflight
from selftests.proofs.harness import ROOT, Sandbox

COMMANDS = (
    "init", "explain", "check-environment", "schema", "diff", "permissions", "publish", "completion",
)  # fmt: skip
NO_CLOUD = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


def examples(command: str) -> list[list[str]]:
    """Return the lines of a command's help that can be pasted, without what the shell does."""
    help_text = postflight(command, "--help").stdout
    lines = [line.strip() for line in help_text.splitlines() if line.startswith("  postflight ")]
    return [shlex.split(line.partition(" > ")[0].partition(" | ")[0])[1:] for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_can_be_pasted(command: str) -> None:
    """An example says more than a list of options, and a wrong one is worse than none."""
    found = [words for words in examples(command) if words[0] == command]

    if command == "completion":
        assert found[0] == ["completion", "bash"]
    assert found
    for words in found:
        assert cli._parser().parse_args(words).run is not None  # noqa: SLF001


def test_help_lists_every_command() -> None:
    """Whoever types `postflight` alone must find out what there is."""
    done = postflight()

    assert done.returncode == 0
    assert done.stdout == postflight("--help").stdout
    for command in COMMANDS:
        assert f"    {command}" in done.stdout


def test_help_needs_no_sdk() -> None:
    """boto3 takes a second to import; help and completion must come at once."""
    code = (
        "import sys; from postflight import cli; cli._parser(); "
        "sys.exit(bool({'botocore', 'boto3', 'requests', 'dns', 'psycopg', 'pytest'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30).returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("explain", "no-such-thing"), 1, "the runbook has nothing about"),
        (("check-environment", "stgae"), 2, "stage"),
        (("diff", "stage", "nosuch"), 2, "there is no file"),
        (("permissions", "--env", "nosuch"), 2, "there is no file"),
        (("publish", "nosuch", "s3://bucket/prefix"), 1, "nosuch"),
        (("init", "--name", "x"), 1, "which region?"),
        (("init", "--name", "stage", "--region", "eu-west-1"), 1, "is there already"),
        (
            ("init", "--name", "x", "--region", "eu-west-1", "--ca", "nosuch.pem"),
            1,
            "there is no file nosuch.pem",
        ),
        (("init", "--name", "x", "--region", "eu-west-1"), 6, "There are no AWS credentials"),
        (("diff", "dev", "stage", "--observed"), 6, "There are no AWS credentials"),
    ],
)
def test_an_error_is_one_paragraph(words: tuple[str, ...], status: int, said: str) -> None:
    """A traceback says where our code is, and the user asked where theirs is wrong."""
    done = postflight(*words, variables=NO_CLOUD)

    assert said in paragraph(done)
    assert done.returncode == status


def test_every_mistake_of_a_file_is_told(tmp_path: Path) -> None:
    """Ten mistakes must not take ten calls."""
    file = tmp_path / "some.yaml"
    file.write_text('aws: {account: "12", region: x}\nservcies: {}\n', encoding="utf-8")
    done = postflight("check-environment", str(file))

    assert done.returncode == 2
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["postflight", f"{file}:1"],
        ["postflight", f"{file}:2"],
    ]


@pytest.mark.parametrize(
    ("waiver", "said"),
    [
        ("check: test_nat_gatewy_is_available, expires: 2099-01-01", "there is no such check"),
        ("check: test_nat_gateway_is_available, expires: 2020-01-01", "expired on 2020-01-01"),
    ],
)
def test_a_waiver_that_waives_nothing_is_told(tmp_path: Path, waiver: str, said: str) -> None:
    """Whoever writes one checks the file, and would hear of it from the first run that fails all the same."""
    file = tmp_path / "some.yaml"
    waivers = f"waivers: [{{{waiver}, reason: r, owner: o}}]\n"
    file.write_text('aws: {account: "123456789012", region: x}\n' + waivers, encoding="utf-8")
    done = postflight("check-environment", str(file))

    assert done.returncode == 2
    assert said in paragraph(done)


def test_a_complaint_names_what_was_typed() -> None:
    """Nobody typed `--env` there."""
    done = postflight("check-environment", "environments/nosuch.yaml")

    assert "postflight: environments/nosuch.yaml: there is no file" in paragraph(done)


def test_an_unreachable_aws_is_one_paragraph() -> None:
    """A proxy, a VPN that is down: the commonest errors of all."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE000000000", "AWS_SECRET_ACCESS_KEY": "example-secret"}
    done = postflight("init", "--name", "x", "--region", "eu-west-1", variables={**NO_CLOUD, **keys})

    assert "AWS could not be reached for sts:GetCallerIdentity" in paragraph(done)
    assert done.returncode == 6


def test_an_unknown_context_is_one_paragraph(sandbox: Sandbox, tmp_path: Path) -> None:
    """Contexts are misspelt, and the message must list those that there are."""
    done = postflight(
        "init", "--name", "x", "--context", "nosuch", "--output", str(tmp_path / "x.yaml"),
        variables=sandbox.process_environment,
    )  # fmt: skip

    assert "has no context 'nosuch'; it has: sandbox" in paragraph(done)
    assert done.returncode == 6


def test_output_may_be_cut_off() -> None:
    """`postflight schema | head` is how people look at something long. This reader reads nothing at all."""
    command = f"{shlex.quote(sys.executable)} -m postflight schema | exec 0<&-; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell: str) -> None:
    """It is made from the parser, so that it cannot fall behind it."""
    script = postflight("completion", shell).stdout

    for command in COMMANDS:
        assert command in script
    assert "observed" in script


def test_schema_is_the_one_in_the_folder() -> None:
    """Editors read the file; the command writes it."""
    written = json.loads((ROOT / "environments" / "schema.json").read_text(encoding="utf-8"))

    assert json.loads(postflight("schema").stdout) == written
