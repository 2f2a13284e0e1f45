"""What `deploy/` holds is current, valid, and runs: manifests, policies, pipelines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from postflight.environment import find, load
from postflight.permissions import Grantee, iam_policy, needs, rbac_objects
from selftests.kube_api_server import serving
from selftests.proofs.harness import ROOT

DEPLOY: Final = ROOT / "deploy"
OVERLAYS: Final = ("dev", "stage", "prod", "doa-prod")
NIGHTLY: Final = tuple(f"overlays/{name}/nightly" for name in OVERLAYS)
KUSTOMIZATIONS: Final = (*(f"overlays/{name}" for name in OVERLAYS), *NIGHTLY, "fleet")
SCHEMAS: Final = "1.33"
KUBECTL: Final = shutil.which("kubectl")

needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on PATH")


def documents(file: Path) -> list[Any]:
    return [one for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one is not None]


@cache
def built(name: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects that `kubectl kustomize` makes of a folder."""
    command = [str(KUBECTL), "kustomize", str(DEPLOY / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return tuple(yaml.safe_load_all(done.stdout))


def pods(objects: tuple[Mapping[str, Any], ...]) -> Iterator[Mapping[str, Any]]:
    """Yield the pod template of every Job and CronJob."""
    for one in objects:
        if one["kind"] == "Job":
            yield one["spec"]["template"]
        elif one["kind"] == "CronJob":
            yield one["spec"]["jobTemplate"]["spec"]["template"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_generated_permissions_are_current(name: str) -> None:
    """A check that asks for more than the checked-in Role allows would be unverified in the cluster only."""
    environment = load(find(name, ROOT / "environments"), {})
    inside = needs(name, environment, ROOT, ["inside"])
    either = [*inside, *needs(name, environment, ROOT, ["outside"])]
    roles = rbac_objects(environment, inside, [Grantee("ServiceAccount", "postflight", f"postflight-{name}")])
    again = f"postflight permissions --env {name}"
    policy = json.loads((DEPLOY / "iam" / f"{name}.json").read_text(encoding="utf-8"))
    assert policy == iam_policy(environment, either), f"{again} --iam > deploy/iam/{name}.json"
    assert documents(DEPLOY / "overlays" / name / "rbac.yaml") == roles, (
        f"{again} --kubernetes --vantage inside --service-account postflight-{name}/postflight "
        f"> deploy/overlays/{name}/rbac.yaml"
    )


@needs_kubectl
@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_manifests_are_valid(name: str) -> None:
    """A misspelt field is dropped by an API server in silence, and its safeguard with it."""
    validator = pytest.importorskip("kubernetes_validate", reason="the Kubernetes schemas are not installed")
    assert built(name)
    for one in built(name):
        validator.validate(one, SCHEMAS, strict=True)


@needs_kubectl
@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_manifests_can_be_applied(name: str, tmp_path: Path) -> None:
    """Every object has a kind that an API server knows, a namespace where it needs one, and a name."""
    with serving(tmp_path) as served:
        present = {"kube-system", "default", "kube-public", "kube-node-lease"}
        wanted = {one["metadata"].get("namespace") for one in built(name)} - present - {None}
        for namespace in wanted - {one["metadata"]["name"] for one in built(name)}:
            served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": namespace}})
        for one in built(name):
            answer = served.request("POST", _path(one), body=dict(one))
            assert answer.status_code == 201, answer.text


def _path(one: Mapping[str, Any]) -> str:
    version = one["apiVersion"]
    namespace = one["metadata"].get("namespace")
    plural = f"{one['kind'].lower()}s"
    root = "/apis" if "/" in version else "/api"
    return f"{root}/{version}{f'/namespaces/{namespace}' if namespace else ''}/{plural}"


@needs_kubectl
@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_pods_have_no_rights_on_their_node(name: str) -> None:
    """The namespace enforces the restricted standard: a pod that asks for more would not be admitted."""
    templates = list(pods(built(name)))
    assert templates
    for template in templates:
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/reports"}  # noqa: S108
            assert "limits" in container["resources"]


@needs_kubectl
@pytest.mark.parametrize("name", OVERLAYS)
def test_jobs_end_by_themselves(name: str) -> None:
    """A hook that never ends holds the sync; one that is tried again hides what the first pod found."""
    jobs = [one["spec"] for one in built(f"overlays/{name}") if one["kind"] == "Job"]
    nightly = built(f"overlays/{name}/nightly")
    jobs += [one["spec"]["jobTemplate"]["spec"] for one in nightly if one["kind"] == "CronJob"]
    assert len(jobs) == 2
    for job in jobs:
        assert job["backoffLimit"] == 0
        deadline = next(
            word for word in job["template"]["spec"]["containers"][0]["args"] if word.startswith("--deadline")
        )
        minutes = int(re.sub(r"\D", "", deadline))
        assert minutes * 60 < job["activeDeadlineSeconds"], "the suite must have time to report"


@needs_kubectl
@pytest.mark.parametrize("name", OVERLAYS)
def test_argo_cd_waits_for_nothing_but_the_hook(name: str) -> None:
    """A PostSync hook starts when all else is healthy.

    Argo CD reports a PersistentVolumeClaim as Progressing until a pod uses it (argo-cd#12840), and a CronJob
    as Degraded after a failed run (resource_customizations/batch/CronJob/health.lua).
    """
    objects = built(f"overlays/{name}")
    hooks = [one for one in objects if one["kind"] == "Job"]
    others = {one["kind"] for one in objects} - {"Job"}

    assert [one["metadata"]["annotations"]["argocd.argoproj.io/hook"] for one in hooks] == ["PostSync"]
    # Argo CD knows no health of these: they are as good as applied.
    assert others == {
        *("Namespace", "ServiceAccount", "ConfigMap", "Role", "RoleBinding", "ClusterRole"),
        "ClusterRoleBinding",
    }


@needs_kubectl
def test_environments_in_one_cluster_share_no_object() -> None:
    """Two Applications that hold one object overwrite and prune it in turn."""
    seen: dict[tuple[str, str, str], str] = {}
    for name in (*KUSTOMIZATIONS,):
        for one in built(name):
            about = one["metadata"]
            key = (one["kind"], about.get("namespace", ""), about["name"])
            assert seen.setdefault(key, name) == name, f"{key} is in {seen[key]} and {name}"


@needs_kubectl
@pytest.mark.parametrize("name", OVERLAYS)
def test_both_runs_of_an_environment_have_its_service_account(name: str) -> None:
    """Roles and the IAM role are bound to the account by namespace and name."""
    objects = built(f"overlays/{name}")
    (account,) = (one["metadata"] for one in objects if one["kind"] == "ServiceAccount")
    everything = (*objects, *built(f"overlays/{name}/nightly"))
    runs = [one for one in everything if one["kind"] in {"Job", "CronJob"}]
    subjects = [subject for one in objects for subject in one.get("subjects", ())]

    assert account["namespace"] == f"postflight-{name}"
    assert {subject["namespace"] for subject in subjects} == {account["namespace"]}
    assert {subject["name"] for subject in subjects} == {account["name"]}
    assert [one["metadata"]["namespace"] for one in runs] == [account["namespace"]] * 2
    assert [pod["spec"]["serviceAccountName"] for pod in pods(everything)] == [account["name"]] * 2


@needs_kubectl
def test_nightly_results_can_be_kept_on_a_volume(tmp_path: Path) -> None:
    """The component puts the claim in place of the folder that ends with the pod."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "overlays" / "stage" / "nightly" / "kustomization.yaml"
    settings = "  - ../settings\n"
    kept = f"{settings}  - ../../../components/reports-volume\n"
    overlay.write_text(overlay.read_text(encoding="utf-8").replace(settings, kept), encoding="utf-8")
    command = [str(KUBECTL), "kustomize", str(overlay.parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (template,) = pods(tuple(yaml.safe_load_all(done.stdout)))
    volumes = {one["name"]: one for one in template["spec"]["volumes"]}
    (claim,) = documents(DEPLOY / "components" / "reports-volume" / "claim.yaml")

    assert volumes["reports"]["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert "emptyDir" in volumes["tmp"]


def command_lines() -> Iterator[str]:
    """Yield the words that each example gives to the suite."""
    for file in ("base/hook", "nightly/cronjob"):
        (one,) = documents(DEPLOY / f"{file}.yaml")
        (template,) = pods((one,))
        yield " ".join(template["spec"]["containers"][0]["args"])
    (fleet,) = documents(DEPLOY / "fleet" / "job.yaml")
    yield fleet["spec"]["template"]["spec"]["containers"][0]["args"][0].split("deploy/verify ")[1]
    for file in ("gate", "nightly"):
        (workflow,) = documents(DEPLOY / "github" / f"{file}.yaml")
        steps = workflow["jobs"]["verify"]["steps"]
        yield next(step["run"] for step in steps if step.get("name") == "Verify").split(" pytest ")[1]


def test_every_option_in_the_examples_exists() -> None:
    """A pipeline whose command line is wrong fails on the night it is needed."""
    command = [sys.executable, "-m", "pytest", "--help"]
    helped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", helped))
    for line in command_lines():
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line))
        assert {"--env", "--patience", "--deadline"} <= used
        assert used <= known


def test_release_in_the_examples_is_the_pipelines() -> None:
    """Of several sources Argo CD tells the revision of the one it builds: never that of what was deployed."""
    (application,) = documents(DEPLOY / "argocd" / "application.yaml")
    sources = application["spec"]["sources"]
    (options,) = (source["kustomize"] for source in sources if "kustomize" in source)
    assert len(sources) > 1
    assert "commonAnnotationsEnvsubst" not in options
    assert "$" not in options["commonAnnotations"]["postflight/release"]
    # YAML 1.1 reads the key `on` as true.
    (gate,) = documents(DEPLOY / "github" / "gate.yaml")
    assert gate[True]["workflow_call"]["inputs"]["release"]["default"] == ""


@pytest.mark.parametrize("file", sorted((DEPLOY / "github").glob("*.yaml")), ids=lambda file: file.stem)
def test_workflows_hold_no_keys(file: Path) -> None:
    """A role is assumed by OIDC; a key in a repository's secrets would have to be kept and renewed."""
    (workflow,) = documents(file)
    text = file.read_text(encoding="utf-8")
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "aws-access-key-id" not in text
    assert "secrets." not in text
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            # An expression inside a script would be a way to put words into the shell.
            assert "${{" not in step.get("run", "")


def test_fleet_takes_the_environment_of_its_index(tmp_path: Path) -> None:
    """One pod an environment: a wrong index would verify one twice and another never."""
    (job,) = documents(DEPLOY / "fleet" / "job.yaml")
    container = job["spec"]["template"]["spec"]["containers"][0]
    given = {one["name"]: one["value"] for one in container["env"]}
    names = given["ENVIRONMENTS"].split()
    assert job["spec"]["completions"] == len(names)
    stand_in = tmp_path / "verify"
    stand_in.write_text('#!/bin/sh\necho "$RESULTS" "$@"\n', encoding="utf-8")
    stand_in.chmod(0o700)
    script = container["args"][0].replace("/app/deploy/verify", str(stand_in))
    for index, name in enumerate(names):
        process = {**os.environ, **given, "JOB_COMPLETION_INDEX": str(index), "REPORTS": "/reports"}
        done = subprocess.run(
            [*container["command"], script],
            env=process,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stdout.startswith(f"{given['RESULTS']}/{name} --env={name} --vantage=outside")
