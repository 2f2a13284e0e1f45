"""The container image: what it holds is enough, and its script ends as the suite does."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from sandbox.aws.client import Aws
from selftests.proofs.harness import ROOT, running_sandbox

DEPLOY: Final = ROOT / "deploy"


def kept_in_image() -> set[str]:
    """Return what the image's ignore file leaves of the checkout."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    return {line[1:] for line in lines if line.startswith("!")}


def test_image_has_all_that_a_run_needs() -> None:
    """What the ignore file leaves out is missing in the image, and first missed in the cluster."""
    kept = kept_in_image()
    folders = {folder.name for folder in ROOT.glob("tests_*")}
    needed = {
        "conftest.py",
        "environments",
        "postflight",
        "runbook",
        "pyproject.toml",
        "uv.lock",
        "deploy/verify",
    }
    assert folders | needed <= kept
    assert all((ROOT / one).exists() for one in kept)
    assert not {"sandbox", "selftests", "reports"} & kept
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--frozen" in text
    assert "\nUSER 10001:10001\n" in text


def image(folder: Path) -> Path:
    """Copy what the image holds, with an environment that brings nothing up: a sandbox is no part of it."""
    for name in kept_in_image():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    here = folder / "environments" / "here.yaml"
    here.write_text("extends: sandbox.yaml\nbring_up: null\n", encoding="utf-8")
    return folder


def test_image_verifies_and_keeps_the_results(tmp_path: Path) -> None:
    """The image, its script, the words of the hook: verdict, exit status, and results in a bucket."""
    app = image(tmp_path / "app")
    before = sorted(app.rglob("*"))
    hook = yaml.safe_load((DEPLOY / "base" / "hook.yaml").read_text(encoding="utf-8"))
    args = hook["spec"]["template"]["spec"]["containers"][0]["args"]
    words = {"POSTFLIGHT_ENVIRONMENT": "here", "POSTFLIGHT_RELEASE": ""}
    expanded = [re.sub(r"\$\((\w+)\)", lambda found: words[found[1]], word) for word in args]
    with running_sandbox() as sandbox:
        s3 = Aws(sandbox.variables["AWS_ENDPOINT_URL"]).client("s3")
        location = {"LocationConstraint": "ap-northeast-2"}
        s3.create_bucket(Bucket="postflight-results", CreateBucketConfiguration=location)
        process = {
            **shell(tmp_path / "reports", "s3://postflight-results/here"),
            **sandbox.variables,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = verify(app, process, *expanded, "tests_infra/test_nat.py", "tests_platform/test_ingress.py")
        assert done.returncode == 0, done.stdout + done.stderr
        listed = s3.list_objects_v2(Bucket="postflight-results", Prefix="here/")["Contents"]
        keys = {one["Key"] for one in listed}
        kept = s3.get_object(Bucket="postflight-results", Key="here/latest/results.json")["Body"].read()
    assert any(re.fullmatch(r"here/here-[0-9TZ]+/summary\.md", key) for key in keys), keys
    assert {one["verdict"] for one in json.loads(kept)["checks"]} == {"passed"}
    assert sorted(app.rglob("*")) == before, "the root file system is read-only in a pod"


def shell(reports: Path, results: str) -> dict[str, str]:
    """Return the variables that the image and its manifests set, with this interpreter as `python`."""
    reports.mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "REPORTS": str(reports), "RESULTS": results}


def verify(folder: Path, process: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the image's script in a folder."""
    return subprocess.run(
        [str(folder / "deploy" / "verify"), *arguments],
        cwd=folder,
        env=process,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_script_ends_as_the_suite_does(tmp_path: Path) -> None:
    """A Job is told to be failed by its exit status alone; keeping the results must not change it."""
    done = verify(ROOT, shell(tmp_path, "nowhere"), "--env=no-such-environment")
    assert done.returncode == 4
    assert "the results stay in" in done.stderr


def test_script_hands_on_the_signal_that_ends_it(tmp_path: Path) -> None:
    """A Job's deadline sends SIGTERM to the script: the suite has to hear it to report what it has judged."""
    asleep = tmp_path / "bin" / "python"
    asleep.parent.mkdir()
    asleep.write_text(
        "#!/bin/sh\ntrap 'echo heard; exit 2' TERM\necho ready\nsleep 20 & wait $!\n", encoding="utf-8"
    )
    asleep.chmod(0o700)
    process = {**shell(tmp_path, ""), "PATH": f"{asleep.parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        [str(DEPLOY / "verify")], env=process, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.readline() == "heard\n"
        assert running.wait(timeout=10) == 2
