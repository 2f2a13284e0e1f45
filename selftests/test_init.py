"""`postflight init` on the sandbox: the file that it writes is right, whole, safe, and verifies green."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from postflight.environment import Environment, load
from selftests.commands import init, paragraph, postflight
from selftests.proofs.harness import ROOT, Sandbox

ENTRIES = (
    "subnets", "nat_gateways", "database_servers", "caches", "services", "ingresses", "controllers",
    "hosted_zones", "hosts", "distributions", "apis", "buckets", "superusers", "terraform", "applications",
    "jobs",
)  # fmt: skip
_SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Found:
    """What the command wrote and said."""

    file: Path
    done: subprocess.CompletedProcess[str]

    @property
    def text(self) -> str:
        """What it wrote."""
        return self.file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The file that is written for the healthy sandbox."""
    file = tmp_path_factory.mktemp("init") / "found.yaml"
    done = init(sandbox, file)
    assert done.returncode == 0, done.stderr
    return Found(file, done)


@contextmanager
def broken(sandbox: Sandbox, fault: str, *parameters: str) -> Iterator[None]:
    sandbox.break_(fault, *parameters)
    try:
        yield
    finally:
        sandbox.mend(fault)


def declared_by_hand(sandbox: Sandbox) -> Environment:
    return load(ROOT / "environments" / "sandbox.yaml", sandbox.variables)


def test_written_file_verifies_green(sandbox: Sandbox, found: Found) -> None:
    """A guess that turns a healthy environment red would be taken out by hand before anything else."""
    run = sandbox.run_suite(environment_file=found.file)

    assert [one["id"] for one in run.results["checks"] if one["verdict"] != "passed"] == []
    assert run.exit_status == 0
    assert len(run.results["checks"]) > 650


def test_everything_is_found_that_a_person_would_declare(sandbox: Sandbox, found: Found) -> None:
    """What is not in the file is not verified, and nobody notices."""
    by_hand, written = declared_by_hand(sandbox), load(found.file, {})

    def sizes(environment: Environment) -> dict[str, int]:
        return {section: len(getattr(environment, section)) for section in ENTRIES}

    assert sizes(written) == sizes(by_hand)
    assert written.vpc == by_hand.vpc
    assert by_hand.cluster is not None
    # That is a rule of the house, which nobody can see.
    assert written.cluster == by_hand.cluster.model_copy(update={"requires_subnet_tag": False})
    assert written.services.keys() == by_hand.services.keys()
    assert written.hosts.keys() == by_hand.hosts.keys()
    for name, service in by_hand.services.items():
        kept = (
            "namespace",
            "replicas",
            "port",
            "database",
            "role",
            "image_repository",
            "service_account",
            "secrets",
        )
        assert {field: getattr(written.services[name], field) for field in kept} == {
            field: getattr(service, field) for field in kept
        }, name


def test_databases_are_those_on_the_server(sandbox: Sandbox, found: Found) -> None:
    """They are listed by SQL where the server can be reached, else taken from what services name."""
    by_hand, written = declared_by_hand(sandbox), load(found.file, {})

    def databases(environment: Environment) -> dict[str, frozenset[str]]:
        return {one.identifier: frozenset(one.databases) for one in environment.database_servers.values()}

    assert databases(written) == databases(by_hand)


def test_written_file_satisfies_the_schema(found: Found) -> None:
    """Editors must not underline what our own command wrote."""
    schema = json.loads((ROOT / "environments" / "schema.json").read_text(encoding="utf-8"))

    Draft202012Validator(schema).validate(yaml.safe_load(found.text))


def test_written_file_can_be_read_by_people(found: Found) -> None:
    """It is the first thing that somebody new reads, and the file that they go on with."""
    lines = found.text.splitlines()

    assert max(map(len, lines)) < 140
    for section in ENTRIES:
        heading = lines.index(f"{section}:")
        assert lines[heading - 1].startswith("# "), f"{section} is not commented"
    assert "prefix: min-kyeol-sandbox" in found.text
    assert "# guess: " in found.text
    assert found.text.count("\n    DB_HOST: {}") <= 1, "what most services say stands in the defaults"


def secrets_of(sandbox: Sandbox) -> dict[str, str]:
    """Read every value of every Secret of the sandbox that is a secret."""
    config = yaml.safe_load(Path(sandbox.variables["KUBECONFIG"]).read_text(encoding="utf-8"))
    server = config["clusters"][0]["cluster"]["server"]
    token = next(user["user"]["token"] for user in config["users"] if user["name"].startswith("sandbox"))
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{server}/api/v1/secrets",
            headers={"Authorization": f"Bearer {token}"},
            verify=sandbox.variables["SANDBOX_CA"],
            timeout=10,
        )
    values = {
        f"{item['metadata']['name']}/{key}": base64.b64decode(data).decode()
        for item in answer.json()["items"]
        for key, data in item["data"].items()
    }
    passwords = {f"{name} (password)": urlsplit(value).password or "" for name, value in values.items()}
    known = {name: value for name, value in values.items() if not name.endswith("/username")} | passwords
    return {name: value for name, value in known.items() if len(value) >= _SHORTEST_SECRET}


def test_no_secret_is_written(sandbox: Sandbox, found: Found) -> None:
    """The file is meant for Git."""
    secrets = secrets_of(sandbox)
    told = found.text + found.done.stdout + found.done.stderr

    assert len(secrets) >= 5
    assert [name for name, value in secrets.items() if value in told] == []
    assert sandbox.variables["AWS_SECRET_ACCESS_KEY"] not in told


def test_a_file_that_is_there_is_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    """Somebody's work of a week may be in it."""
    file = tmp_path / "mine.yaml"
    file.write_text("# mine\n", encoding="utf-8")

    assert "--force" in paragraph(init(sandbox, file))
    assert file.read_text(encoding="utf-8") == "# mine\n"


def test_an_account_with_nothing_in_it_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    """An empty file would pass as an environment in which all is well."""
    file = tmp_path / "empty.yaml"
    done = postflight(
        "init", "--name", "empty", "--region", "eu-west-1", "--output", str(file),
        variables=sandbox.process_environment,
    )  # fmt: skip

    assert "has nothing in region eu-west-1" in paragraph(done)
    assert done.returncode == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("action", "section"),
    [
        ("rds:DescribeDBInstances", "database_servers"),
        ("list jobs.batch", "jobs"),
        ("get secrets", "services"),
    ],
)
def test_what_may_not_be_looked_at_is_named(
    sandbox: Sandbox, tmp_path: Path, action: str, section: str
) -> None:
    """A section that silently is not there looks like one that is not needed; the others are still of use."""
    file = tmp_path / "found.yaml"
    with broken(sandbox, "access-denied", f"action={action}"):
        done = init(sandbox, file)

    assert done.returncode == 6
    assert action.partition(".")[0] in done.stderr
    assert f"not looked at: {section}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert load(file, {}).subnets
    assert "Could not be looked at: " in file.read_text(encoding="utf-8")


def test_a_context_that_leads_elsewhere_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file that mixes one account with another's cluster would be wrong in every line."""
    file = tmp_path / "found.yaml"
    kubeconfig = tmp_path / "kubeconfig"
    text = Path(sandbox.variables["KUBECONFIG"]).read_text(encoding="utf-8")
    server = yaml.safe_load(text)["clusters"][0]["cluster"]["server"]
    kubeconfig.write_text(text.replace(server, "https://127.0.0.1:9"), encoding="utf-8")
    done = postflight(
        "init", "--name", "found", "--context", "sandbox", "--output", str(file),
        variables={**sandbox.process_environment, "KUBECONFIG": str(kubeconfig)},
    )  # fmt: skip

    assert "leads to https://127.0.0.1:9" in paragraph(done)
    assert not file.exists()
