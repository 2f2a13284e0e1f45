"""What `postflight permissions` grants: all that a run asks for, and nothing besides."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from postflight.environment import Environment, available, find, load
from postflight.permissions import Grantee, Need, iam_policy, needs, probes_of, rbac_objects
from postflight.permissions.scopes import arns
from postflight.probes.reads import Probe, declared_probes
from postflight.subjects import rows
from sandbox.aws.client import Aws
from sandbox.aws.policies import Request, judge_identity
from sandbox.run_folder import RunFolder, call
from selftests.proofs.harness import ROOT, Sandbox, SuiteRun, running_sandbox

ENVIRONMENTS = available(ROOT / "environments")
SERVICES = (
    "ec2", "rds", "elasticache", "iam", "s3", "acm", "cloudfront", "route53", "eks", "ecr", "dynamodb",
    "secretsmanager", "sts",
)  # fmt: skip
PASSED_OVER = {
    # Calls that IAM knows by another name, which the policy has to allow.
    "s3:listobjectsv2", "s3:headbucket", "s3:headobject", "s3:getpublicaccessblock",
    # The canary is written as the application's role, which the sandbox's deny list would stop as well.
    "s3:putobject", "s3:getobject", "s3:deleteobject",
    # Allowed to everybody.
    "sts:getcalleridentity",
}  # fmt: skip
CALLER = "arn:aws:iam::123456789012:user/postflight"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@cache
def loaded(name: str) -> Environment:
    return load(find(name, ROOT / "environments"), {})


def our_probes() -> list[Probe[..., Any]]:
    """The probes of a run. This process may know more: those of other tests, and of `init`."""
    return [
        probe
        for probe in declared_probes().values()
        if probe.function.__module__.startswith("postflight.probes.")
    ]


def granted(name: str, vantage: str = "outside", *more: str, sandbox: Sandbox | None = None) -> list[Any]:
    """Return what the command prints, as its YAML documents."""
    command = [sys.executable, "-m", "postflight", "permissions", "--env", name, "--vantage", vantage, *more]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=None if sandbox is None else sandbox.process_environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return list(yaml.safe_load_all(done.stdout))


def rules(roles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules of all Roles, each with its namespace."""
    return [
        {**rule, "namespace": role["metadata"].get("namespace", "")}
        for role in roles
        if role["kind"] in {"Role", "ClusterRole"}
        for rule in role["rules"]
    ]


def unlisted(policy: Mapping[str, Any]) -> list[str]:
    """Return every AWS action that the suite or its services know and the policy does not allow."""
    from botocore.session import Session

    allowed = {action.lower() for statement in policy["Statement"] for action in statement["Action"]}
    session = Session()
    services = {"elasticloadbalancing": "elbv2", **{name: name for name in SERVICES}}
    known = {
        f"{prefix}:{operation}"
        for prefix, service in services.items()
        for operation in session.get_service_model(service).operation_names
    }
    declared = {one for probe in our_probes() for one in probe.reads if ":" in one}
    return sorted(one for one in known | declared if one.lower() not in allowed | PASSED_OVER)


def permit(sandbox: Sandbox, policy: Mapping[str, Any], roles: Sequence[Mapping[str, Any]]) -> None:
    """Let the suite do in this sandbox just what a policy and Roles allow."""
    state = RunFolder(sandbox.folder).read()
    assert state is not None
    call(state, "permit", rules=rules(roles))
    Aws(sandbox.variables["AWS_ENDPOINT_URL"]).deny(unlisted(policy))


def restore(sandbox: Sandbox) -> None:
    """Let the suite do what it could before."""
    state = RunFolder(sandbox.folder).read()
    assert state is not None
    call(state, "permit")
    Aws(sandbox.variables["AWS_ENDPOINT_URL"]).deny([])


@pytest.fixture(scope="module")
def run(sandbox: Sandbox) -> SuiteRun:
    """A run that may do just what the command prints."""
    policy, *roles = granted("sandbox", sandbox=sandbox)
    permit(sandbox, policy, roles)
    try:
        return sandbox.run_suite()
    finally:
        restore(sandbox)


def test_printed_permissions_are_enough(run: SuiteRun) -> None:
    """Somebody who grants just what is printed must not find that something cannot be looked at."""
    unseen = {one["id"]: one["message"] for one in run.by_verdict("unverified")}
    assert not unseen
    assert run.exit_status == 0, run.output


def test_less_than_printed_is_not_enough(sandbox: Sandbox) -> None:
    """The sandbox really holds a run to its permissions, or the test above would prove nothing."""
    policy, *roles = granted("sandbox", sandbox=sandbox)
    policy["Statement"] = [one for one in policy["Statement"] if "eks:DescribeCluster" in one["Action"]]
    fewer = [
        {**role, "rules": [{**rule, "resourceNames": ["none"]} for rule in role["rules"]]}
        for role in roles
        if role["kind"] == "Role"
    ]
    permit(sandbox, policy, fewer)
    try:
        starved = sandbox.run_suite("tests_infra/test_nat.py", "tests_platform/test_ingress.py")
    finally:
        restore(sandbox)
    assert starved.exit_status == 6, starved.output
    assert not starved.by_verdict("passed")


def test_every_question_of_a_run_was_foreseen(run: SuiteRun) -> None:
    """Which probes a row asks is read from its code; what a real run asked shows whether that reads right."""
    asked = {name.split("-", 1)[0].removesuffix(".json") for name in evidence_files(run)}
    foreseen = {probe for row in rows().values() for probe in probes_of(row.look)}
    of_identity = {"aws.sts.caller", "aws.eks.cluster", "kubernetes.context.context"}
    assert len(asked) > 40
    assert asked - of_identity <= foreseen


def evidence_files(run: SuiteRun) -> list[str]:
    return sorted(file.name for file in (run.folder / "evidence").iterdir())


def test_resources_of_a_run_are_those_of_the_policy(run: SuiteRun, sandbox: Sandbox) -> None:
    """A policy narrowed to the wrong ARN denies on AWS what the sandbox, which tells no ARNs, lets pass."""
    policy = granted("sandbox", "outside", "--iam", sandbox=sandbox)[0]
    asked = list(_resources(run))
    assert len(asked) > 10
    for action, resource in asked:
        request = Request(action, resource, (CALLER,), ())
        assert judge_identity([policy], request) == "allowed", f"{action} on {resource}"


def _resources(run: SuiteRun) -> Iterator[tuple[str, str]]:
    """Yield the action and ARN of each recorded question whose arguments name one."""
    own = "arn:aws:{}:ap-northeast-2:123456789012:{}"
    for file in (run.folder / "evidence").iterdir():
        recorded = json.loads(file.read_text(encoding="utf-8"))
        given = recorded["arguments"]
        match recorded["probe"]:
            case "aws.iam.role":
                yield "iam:GetRole", f"arn:aws:iam::123456789012:role/{given['name']}"
            case "aws.iam.role_policy":
                yield "iam:GetRolePolicy", f"arn:aws:iam::123456789012:role/{given['role']}"
            case "aws.acm.certificate":
                yield "acm:DescribeCertificate", given["arn"]
            case "aws.eks.cluster":
                yield "eks:DescribeCluster", own.format("eks", f"cluster/{given['name']}")
            case "aws.route53.records":
                yield "route53:ListResourceRecordSets", f"arn:aws:route53:::hostedzone/{given['identifier']}"
            case "aws.s3.policy":
                yield "s3:GetBucketPolicy", f"arn:aws:s3:::{given['name']}"
            case "aws.canary.canary":
                yield "s3:ListBucket", f"arn:aws:s3:::{given['bucket']}"
                yield "sts:AssumeRole", f"arn:aws:iam::123456789012:role/{given['role']}"
            case "aws.rds.instance_parameters":
                yield "rds:DescribeDBParameters", own.format("rds", f"pg:{given['group']}")


def test_every_declared_read_has_a_scope() -> None:
    """A probe that nobody told the policy about would make `postflight permissions` fail for its users."""
    assert rows()
    declared = {one for probe in our_probes() for one in probe.reads if ":" in one}
    assert len(declared) > 25
    for one in sorted(declared - {"sts:GetCallerIdentity"}):
        arns(loaded("sandbox"), Need(one, "", None, "outside"))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_policy_allows_no_write_but_the_canary(name: str) -> None:
    """A verification that could change what it verifies would not be let into production."""
    policy = iam_policy(loaded(name), needs(name, loaded(name), ROOT, ["inside"]))
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            verb = action.split(":")[1]
            if verb in {"PutObject", "DeleteObject", "DeleteObjectVersion"}:
                assert str(statement["Resource"]).endswith("/postflight/canary/*")
            elif verb == "AssumeRole":
                assert "role/" in str(statement["Resource"])
            else:
                assert any(fnmatchcase(verb, one) for one in ("Describe*", "Get*", "List*", "BatchGet*"))
    assert len(json.dumps(policy, separators=(",", ":"))) < 6144, "longer than a managed policy may be"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_secrets_are_named_one_by_one(name: str) -> None:
    """`get secrets` of a whole namespace would hand out what no check reads."""
    found = rbac_objects(loaded(name), needs(name, loaded(name), ROOT, ["inside", "outside"]), [])
    for rule in rules(found):
        if "secrets" in rule["resources"]:
            assert rule["resources"] == ["secrets"]
            assert rule["verbs"] == ["get"]
            assert rule["resourceNames"]
        assert "create" not in rule["verbs"] or rule["resources"] == ["pods/exec"]


def test_commands_in_pods_are_allowed_only_where_an_environment_lets_them(tmp_path: Path) -> None:
    """`pods/exec` is a shell in production for whoever holds it."""
    file = tmp_path / "shop.yaml"
    for name in ("stage", "kyeol.base"):
        shutil.copy(ROOT / "environments" / f"{name}.yaml", tmp_path)

    def shop(exec_: str) -> Environment:
        text = f"extends: stage.yaml\nsuperusers: {{saleor: {{exec: {exec_}}}}}\n"
        file.write_text(text, encoding="utf-8")
        return load(file, {})

    assert not _may_exec(shop("false"), file, "outside")
    assert _may_exec(shop("true"), file, "outside")
    assert not _may_exec(shop("true"), file, "inside"), "inside the network the database itself is asked"


def test_a_lock_beside_the_state_needs_no_table(tmp_path: Path) -> None:
    """Terraform keeps its lock in S3 where a backend says `use_lockfile`, and DynamoDB is no concern then."""
    file = tmp_path / "shop.yaml"
    state = "terraform: {shop: {bucket: shop-states, key: shop.tfstate%s}}\n"
    head = "aws: {account: '123456789012', region: ap-northeast-2}\n"

    def actions(lock: str) -> str:
        file.write_text(head + state % lock, encoding="utf-8")
        shop = load(file, {})
        return json.dumps(iam_policy(shop, needs(str(file), shop, ROOT, ["outside"])))

    assert "dynamodb:GetItem" in actions(", lock_table: locks")
    assert "s3:GetObject" in actions("")
    assert "dynamodb" not in actions("")


def _may_exec(environment: Environment, file: Path, vantage: Any) -> bool:
    found = rbac_objects(environment, needs(str(file), environment, ROOT, [vantage]), [])
    return any("pods/exec" in rule["resources"] for rule in rules(found))


def test_roles_can_be_bound_to_a_group() -> None:
    """People and CI jobs come in by an EKS access entry, which maps an IAM role to a group."""
    bindings = rbac_objects(
        loaded("doa-prod"),
        needs("doa-prod", loaded("doa-prod"), ROOT, ["outside"]),
        [Grantee("Group", "verifiers")],
    )
    subjects = [one["subjects"] for one in bindings if one["kind"].endswith("Binding")]
    assert subjects
    assert all(one[0]["kind"] == "Group" and one[0]["name"] == "verifiers" for one in subjects)
