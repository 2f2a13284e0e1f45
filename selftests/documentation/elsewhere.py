"""The commands of the documentation that cannot be run here as they stand: why, and what is run instead.

What stands in for a command has to end well. It tries as much of the command as can be tried: that options
exist, that files are where the page says, that what it edits is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Instead:
    """Why a command is not run, and what is."""

    reason: str
    command: str


_NO_KUBECTL = "it needs kubectl; test_deploy.py builds the overlays and applies them to the sandbox"
_OVERLAY = "test -f deploy/overlays/stage/kustomization.yaml"
_OF_GROUP = "postflight permissions --env stage --vantage outside --kubernetes --group postflight"
_FLEET = "s3://postflight-results-123456789012/fleet"
_ANNOTATION = 'commonAnnotations."postflight/release"'
_DOCKER_RUN = (
    "docker run --rm --read-only --tmpfs /tmp -v postflight-reports:/reports -v ~/.aws:/tmp/.aws:ro "
    "-e AWS_PROFILE=stage postflight --env=stage"
)
_ACCESS_ENTRY = (
    "aws eks create-access-entry --cluster-name min-kyeol-stage-eks --kubernetes-groups postflight "
    "--principal-arn arn:aws:iam::123456789012:role/postflight-stage"
)
_ACCESS_ENTRY_FIELDS = """python -c '
import boto3
model = boto3.client("eks", region_name="ap-northeast-2").meta.service_model
fields = set(model.operation_model("CreateAccessEntry").input_shape.members)
assert {"clusterName", "kubernetesGroups", "principalArn"} <= fields'"""
_SECOND_SOURCE = """python -c '
import pathlib, yaml
application = yaml.safe_load(pathlib.Path("deploy/argocd/application.yaml").read_text())
assert "postflight/release" in application["spec"]["sources"][1]["kustomize"]["commonAnnotations"]'"""

INSTEAD: Final[Mapping[str, Instead]] = {
    "make test": Instead("it is what runs these tests", "make --dry-run test"),
    "make check": Instead(
        "CI runs it before these tests",
        "ruff check --quiet postflight sandbox tests_platform && make --dry-run check",
    ),
    "make generated": Instead(
        "test_deploy.py makes permissions anew, which takes long",
        "make --dry-run generated && python -m selftests.proofs --table > docs/faults.md && "
        "python -m selftests.proofs.words > runbook/faults.json",
    ),
    "pip install -e .": Instead(
        "it would change the interpreter of these tests",
        "grep -q 'postflight = \"postflight.cli:main\"' pyproject.toml",
    ),
    "pytest --env stage": Instead("it needs an account", "pytest --env stage --collect-only -q"),
    "pytest --env shop": Instead(
        "test_init.py verifies what init has written", "pytest --env shop --collect-only -q"
    ),
    "docker build -f deploy/Dockerfile -t postflight .": Instead(
        "it needs a container engine; test_deploy_image.py lays out the image and runs it",
        "test -f deploy/Dockerfile",
    ),
    _DOCKER_RUN: Instead(
        "it needs a container engine",
        "grep '^ENTRYPOINT' deploy/Dockerfile && postflight check-environment stage",
    ),
    "kubectl kustomize deploy/overlays/stage": Instead(_NO_KUBECTL, _OVERLAY),
    "kubectl apply -k deploy/overlays/stage": Instead(_NO_KUBECTL, _OVERLAY),
    "kubectl apply -k deploy/overlays/stage/nightly": Instead(
        _NO_KUBECTL, "test -f deploy/overlays/stage/nightly/kustomization.yaml"
    ),
    "kubectl apply -n postflight-stage -f deploy/components/reports-volume/claim.yaml": Instead(
        _NO_KUBECTL, "test -f deploy/components/reports-volume/claim.yaml"
    ),
    f"TAG=7114918 yq -i '.spec.sources[1].kustomize.{_ANNOTATION} = strenv(TAG)' application.yaml": Instead(
        "it needs yq", _SECOND_SOURCE
    ),
    _ACCESS_ENTRY: Instead("it needs an account", _ACCESS_ENTRY_FIELDS),
    f"{_OF_GROUP} | kubectl apply -f -": Instead("it needs a cluster", f"{_OF_GROUP} | grep 'kind: Group'"),
    f"aws s3 sync {_FLEET} fleet": Instead("it needs a bucket", f"grep {_FLEET} deploy/fleet/job.yaml"),
    "make report RUN_FOLDER=fleet": Instead(
        "it needs npm and the results of a fleet; test_fleet_report.py gathers them",
        "make --dry-run report RUN_FOLDER=fleet",
    ),
}
