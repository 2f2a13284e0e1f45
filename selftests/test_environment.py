"""Environment files: what ours declare, and what the loader says of a file that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from postflight.environment import Environment, EnvironmentFileError, available, find, load
from selftests.environment_files import MINIMAL

FOLDER = Path(__file__).parent.parent / "environments"
KYEOL = ("dev", "stage", "prod")
EVERY = (*KYEOL, "doa-prod", "sandbox")


def ours(name: str) -> Environment:
    """Load one of the project's environments as in an empty process environment."""
    return load(find(name, FOLDER), {})


def written(folder: Path, text: str, name: str = "some.yaml") -> Path:
    """Write an environment file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


# --- the project's own environments -------------------------------------------------------------------------


def test_every_environment_of_the_guides_is_there() -> None:
    """A user picks an environment by name; a base is not one."""
    assert set(available(FOLDER)) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_environment_loads_without_any_variable(name: str) -> None:
    """Collecting an environment's checks must need nothing but its file."""
    environment = ours(name)
    assert environment.name == name
    assert environment.description


@pytest.mark.parametrize("name", KYEOL)
def test_kyeol_names_follow_the_convention(name: str) -> None:
    """All three share one base, in which every name holds the environment's own."""
    environment = ours(name)
    prefix = f"min-kyeol-{name}"
    assert environment.cluster is not None
    assert environment.cluster.name == f"{prefix}-eks"
    assert environment.cluster.context == name
    assert environment.database_servers["rds"].identifier == f"{prefix}-rds"
    assert environment.database_servers["rds"].login_database == "saleordb"
    assert environment.buckets["media"].bucket == f"{prefix}-media-123456789012-ap-northeast-2"
    assert environment.buckets["media"].role_policy == "S3MediaAccess"
    assert environment.controllers["aws-load-balancer-controller"].role == f"{prefix}-alb-controller-role"
    assert environment.controllers["external-dns"].owner_id == f"{prefix}-externaldns"
    assert environment.terraform["kyeol"].key == f"{name}/terraform.tfstate"
    assert environment.terraform["kyeol"].lock_table == "min-kyeol-terraform-locks"
    assert {subnet.subnet for subnet in environment.subnets.values()} >= {f"{prefix}-public-a"}
    assert list(environment.applications) == [f"kyeol-{name}"]


def test_dev_has_the_hosts_of_the_guide() -> None:
    """The guide's store, origin and dashboard lie in three hosted zones."""
    dev = ours("dev")
    assert {host: entry.hosted_zone for host, entry in dev.hosts.items()} == {
        "dev-kyeol.click": "dev-kyeol.click",
        "origin-dev-kyeol.click": "origin-dev-kyeol.click",
        "dashboard-dev.kyeol.click": "kyeol.click",
    }
    assert dev.nat_gateways["natgw"].gateway == "min-kyeol-dev-natgw"
    (api,) = dev.apis.values()
    assert set(api.origins.values()) == {"https://dev-kyeol.click", "https://dashboard-dev.kyeol.click"}
    storefront = dev.services["saleor-storefront"].required
    assert storefront["NEXT_PUBLIC_API_URI"].value == "https://origin-dev-kyeol.click/graphql/"


@pytest.mark.parametrize(("name", "has_cache"), [("dev", False), ("stage", True), ("prod", True)])
def test_valkey_is_demanded_in_stage_and_prod_only(name: str, has_cache: bool) -> None:
    """Dev does without; elsewhere a missing REDIS_URL is a fault."""
    environment = ours(name)
    assert bool(environment.caches) == has_cache
    assert ("REDIS_URL" in environment.services["saleor-api"].required) == has_cache


@pytest.mark.parametrize(("name", "zones"), [("dev", 1), ("stage", 1), ("prod", 3)])
def test_nat_gateways_are_one_a_zone_in_prod_only(name: str, zones: int) -> None:
    """Elsewhere one gateway serves all zones, to save cost."""
    environment = ours(name)
    assert environment.vpc is not None
    assert environment.vpc.nat_gateway_per_zone == (zones > 1)
    assert len(environment.nat_gateways) == zones


@pytest.mark.parametrize("name", EVERY)
def test_only_prod_environments_are_production_with_fixed_tags(name: str) -> None:
    """Production is only verified when asked for by name, and runs no `latest`."""
    environment = ours(name)
    assert environment.production == name.endswith("prod")
    if environment.production:
        assert {service.tag_policy for service in environment.services.values()} == {"fixed"}


@pytest.mark.parametrize("name", ["doa-prod", "sandbox"])
def test_each_of_doa_markets_18_services_has_a_database_of_its_own(name: str) -> None:
    """The gateway has none; 19 services answer their health below /health."""
    environment = ours(name)
    services = [entry for entry in environment.services.values() if entry.namespace == "doa-market-prod"]
    assert len(services) == 19
    assert {service.health.path for service in services if service.health} == {"/health"}
    databases = [service.database for service in services if service.name != "api-gateway"]
    assert databases == [
        service.name.replace("-", "_") for service in services if service.name != "api-gateway"
    ]
    server = next(entry for entry in environment.database_servers.values() if entry.kind == "cluster")
    assert set(server.databases) == set(databases)
    assert len(server.databases) == 18
    assert environment.services["api-gateway"].database is None


@pytest.mark.parametrize("name", ["doa-prod", "sandbox"])
def test_brokers_are_off_where_there_are_none(name: str) -> None:
    """Three services need RABBITMQ_ENABLED=false to start at all, and one OPENSEARCH_ENABLED=false."""
    services = ours(name).services
    off = {
        key: {service for service, entry in services.items() if key in entry.required}
        for key in ("RABBITMQ_ENABLED", "OPENSEARCH_ENABLED")
    }
    assert off["RABBITMQ_ENABLED"] == {"inventory-service", "payment-service", "search-service"}
    assert off["OPENSEARCH_ENABLED"] == {"search-service"}
    assert services["search-service"].required["OPENSEARCH_ENABLED"].value == "false"


def test_doa_prod_is_the_guides_account_and_network() -> None:
    """These ids stand in the guide."""
    doa = ours("doa-prod")
    assert doa.cluster is not None
    assert doa.vpc is not None
    assert doa.aws.account == "478266318018"
    assert doa.cluster.context == "arn:aws:eks:ap-northeast-2:478266318018:cluster/doa-market-cluster"
    assert doa.cluster.node_security_group == "sg-037d2e22b92d81ec5"
    assert doa.vpc.vpc == "vpc-05833dfa80ced8e6e"
    aurora = doa.database_servers["aurora"]
    assert (aurora.engine_version, aurora.parameter_group) == ("17.4", "doa-market-postgres17")
    assert (aurora.tls, aurora.user) == ("optional", "doaadmin")
    assert list(doa.jobs) == ["create-databases"]
    assert list(doa.applications) == ["doa-market-backend-prod"]


def test_sandbox_takes_its_ports_from_the_command_that_brought_it_up() -> None:
    """Everything listens on a port that only the running sandbox knows."""
    process = {
        "SANDBOX_HTTPS_PORT": "8443",
        "SANDBOX_DNS": "127.0.0.1:5353",
        "SANDBOX_NAME_SERVER": "127.0.0.1:5354",
        "SANDBOX_DOA_POSTGRES_PORT": "15432",
    }
    sandbox = load(find("sandbox", FOLDER), process)
    assert (sandbox.resolver, sandbox.authoritative) == ("127.0.0.1:5353", "127.0.0.1:5354")
    assert sandbox.database_servers["doa-market-rds"].port == 15432
    assert sandbox.apis["graphql"].url == "https://origin-sandbox-kyeol.click:8443/graphql/"
    assert {host.port for host in sandbox.hosts.values()} == {8443}
    assert sandbox.bring_up is not None
    assert sandbox.bring_up.command == ("python", "-m", "sandbox", "up", "--attach")


# --- composing a file -----------------------------------------------------------------------------------


def test_file_extends_a_base_and_takes_back_with_null(tmp_path: Path) -> None:
    """An environment says only what differs; an entry without a body is still an entry."""
    written(
        tmp_path,
        MINIMAL + "jobs: {a: {namespace: x}, b: {namespace: x}}\napplications: {old: }\n",
        "a.base.yaml",
    )
    text = "extends: a.base.yaml\njobs: {a: null, b: {namespace: y}}\napplications: {old: null, new: }\n"
    environment = load(written(tmp_path, text), {})
    assert {name: job.namespace for name, job in environment.jobs.items()} == {"b": "y"}
    assert list(environment.applications) == ["new"]


def test_entry_has_its_sections_defaults_and_its_own_name(tmp_path: Path) -> None:
    """Naming by convention is written once."""
    text = """\
services:
  defaults:
    namespace: x
    image_repository: repo-${name}
    deployment: ${snake_name}
    required: {A: {}, B: {}}
  one-two:
  three: {deployment: null, required: {"*": null, C: {}}}
  four: {required: {A: null}}
"""
    services = load(written(tmp_path, MINIMAL + text), {}).services
    assert services["one-two"].deployment == "one_two"
    assert services["one-two"].image_repository == "repo-one-two"
    assert services["three"].workload == "three"
    assert [list(service.required) for service in services.values()] == [["A", "B"], ["C"], ["B"]]


def test_variables_use_each_other_and_the_process_environment(tmp_path: Path) -> None:
    """`${NAME:-default}` is the default when NAME is unset or empty, as in a shell."""
    text = MINIMAL + "variables: {a: 'x-${b}', b: '${OUTSIDE:-inside}'}\ndescription: ${a}\n"
    file = written(tmp_path, text)
    assert load(file, {}).description == "x-inside"
    assert load(file, {"OUTSIDE": ""}).description == "x-inside"
    assert load(file, {"OUTSIDE": "y", "b": "the file's own goes first"}).description == "x-y"


def test_number_may_come_from_a_variable(tmp_path: Path) -> None:
    """A process environment holds text only; a port is a number nevertheless."""
    text = MINIMAL + "hosts: {h: {hosted_zone: z, port: '${PORT}'}}\nhosted_zones: {z: {zone: z}}\n"
    assert load(written(tmp_path, text), {"PORT": "8443"}).hosts["h"].port == 8443


def test_a_lower_case_variable_is_the_files_own(tmp_path: Path) -> None:
    """`${prefix}` must not be filled in from whatever a shell has by that name."""
    text = MINIMAL + "variables: {prefixes: a}\ndescription: ${prefix}\n"
    with pytest.raises(EnvironmentFileError) as caught:
        load(written(tmp_path, text), {"prefix": "of-the-shell"})
    assert "${prefix} has no value. Did you mean `prefixes`? Set it under `variables:`" in str(caught.value)


# --- finding a file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("doa", "Did you mean `doa-prod`?"),
        ("stgae", "Did you mean `stage`?"),
        ("kyeol.base", "a base of environments"),
        ("no/such/stage.yaml", "Did you mean `stage`?"),
        ("", "there is no file"),
    ],
)
def test_name_that_is_no_environment_is_answered_with_those_there_are(name: str, said: str) -> None:
    """A typing error is mended from the message alone."""
    with pytest.raises(EnvironmentFileError) as caught:
        find(name, FOLDER)
    message = str(caught.value)
    assert said in message
    assert f"--env {name}" in message
    assert "dev, doa-prod, prod, sandbox, stage" in message


def test_a_name_that_is_like_no_other_is_not_guessed_at() -> None:
    """Whoever is asked whether something else was meant looks for a slip that was not made."""
    with pytest.raises(EnvironmentFileError) as caught:
        find("nothing-alike", FOLDER)
    assert "Did you mean" not in str(caught.value)


def test_environment_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    """`--env stage` and `--env ./my.yaml` both work."""
    file = written(tmp_path, MINIMAL)
    assert find("stage", FOLDER) == FOLDER / "stage.yaml"
    assert find(str(file), FOLDER) == file
