"""However and whenever a run ends, it removes its canary, or names what may be left."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import names
from sandbox.aws.client import Aws
from selftests.canary_looks import OLD, PREFIX
from selftests.processes import children_of
from selftests.proofs.harness import RunningSuite, Sandbox, SuiteRun
from selftests.s3_proxy import How, S3Proxy, standing_before

UPLOADS = "tests_app/test_uploads.py"
RECORDS = "tests_network/test_records.py"
# A removal takes five seconds at most; what else a run does at its end, a moment on an idle machine.
ENDS_WITHIN_S = 20.0


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[S3Proxy]:
    """A proxy before the sandbox's S3; the bucket holds no canary before, and none after."""
    with standing_before(sandbox.variables["AWS_ENDPOINT_URL"]) as made:
        yield made
    for key in canaries(sandbox):
        store(sandbox).delete_object(Bucket=names.MEDIA_BUCKET, Key=key)


def store(sandbox: Sandbox) -> Any:
    return Aws(sandbox.variables["AWS_ENDPOINT_URL"]).client("s3")


def canaries(sandbox: Sandbox) -> list[str]:
    """Return the canary objects that lie in the media bucket."""
    found = store(sandbox).list_objects_v2(Bucket=names.MEDIA_BUCKET, Prefix=PREFIX)
    return [one["Key"] for one in found.get("Contents", ())]


def start(sandbox: Sandbox, proxy: S3Proxy, *arguments: str) -> RunningSuite:
    """Start a run of the uploads' checks with S3 behind the proxy."""
    return sandbox.start_suite(*arguments, UPLOADS, environment={"AWS_ENDPOINT_URL_S3": proxy.url})


def ended(running: RunningSuite) -> SuiteRun:
    """Return what came of a run that has been ended, which takes some seconds at most."""
    began = time.monotonic()
    run = running.finish()
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert "Traceback" not in run.output
    return run


def with_a_signal(number: signal.Signals) -> Callable[[RunningSuite], None]:
    return lambda running: running.process.send_signal(number)


# A deadline counts from the start of the process, and must come after the upload.
ENDS = {
    "ctrl-c": ((), with_a_signal(signal.SIGINT)),
    "sigterm": ((), with_a_signal(signal.SIGTERM)),
    "sighup": ((), with_a_signal(signal.SIGHUP)),
    "deadline": (("--deadline=10s",), lambda _: None),
    "workers, ctrl-c": (("-n", "2"), with_a_signal(signal.SIGINT)),
    "workers, deadline": (("-n", "2", "--deadline=20s"), lambda _: None),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_canary_whose_reading_hangs_is_removed_at_every_end(
    sandbox: Sandbox, proxy: S3Proxy, end: str
) -> None:
    """The removal does not wait for the answer that hangs."""
    arguments, ends = ENDS[end]
    proxy.behaviour["HeadObject"] = "hang"
    running = start(sandbox, proxy, *arguments)
    proxy.wait_for("HeadObject")
    ends(running)
    run = ended(running)

    assert run.exit_status == (6 if "deadline" in end else 2), run.output
    assert canaries(sandbox) == []
    assert run.results["canaries_left"] == []
    assert "CANARY LEFT" not in run.output
    assert not (run.folder / "canaries").exists()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_second_ctrl_c_does_not_cut_the_removal_short(
    sandbox: Sandbox, proxy: S3Proxy, workers: tuple[str, ...]
) -> None:
    """Who presses it again wants the end at once, and gets it some seconds later without a leftover."""
    proxy.behaviour |= {"HeadObject": "hang", "DeleteObject": "late"}
    running = start(sandbox, proxy, *workers)
    proxy.wait_for("HeadObject")
    running.process.send_signal(signal.SIGINT)
    proxy.wait_for("DeleteObject")
    for _ in range(3):
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    run = ended(running)

    assert run.exit_status == 2
    assert canaries(sandbox) == []
    assert run.results["canaries_left"] == []


MOMENTS: dict[str, tuple[str, How]] = {
    "before the upload": ("ListObjectsV2", "hang"),
    "the listing is late": ("ListObjectsV2", "late"),
    "reading drips": ("GetObject", "drip"),
    "reading hangs": ("GetObject", "hang"),
    "the upload arrives late": ("PutObject", "late"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_left_whenever_a_run_is_interrupted(sandbox: Sandbox, proxy: S3Proxy, moment: str) -> None:
    """An upload on its way is removed when it has arrived."""
    action, how = MOMENTS[moment]
    proxy.behaviour[action] = how
    running = start(sandbox, proxy)
    proxy.wait_for(action)
    running.process.send_signal(signal.SIGINT)
    run = ended(running)

    assert run.exit_status == 2
    assert canaries(sandbox) == []
    assert run.results["canaries_left"] == []


@pytest.mark.parametrize("how", ["hang", "mute"])
def test_an_upload_without_an_answer_is_removed_and_named(sandbox: Sandbox, proxy: S3Proxy, how: How) -> None:
    """It may have written, or write yet: the deletion is sent, and the next run looks again."""
    proxy.behaviour["PutObject"] = how
    running = start(sandbox, proxy)
    proxy.wait_for("PutObject")
    running.process.send_signal(signal.SIGINT)
    run = ended(running)

    assert proxy.count("DeleteObject") == 1
    assert proxy.count("PutObject") == 1, "nothing is sent again once the removal has begun"
    assert canaries(sandbox) == []
    (left,) = run.results["canaries_left"]
    assert "may still arrive" in left["why"]
    assert_named(run, left)


@pytest.mark.parametrize("how", ["hang", "page"])
def test_a_canary_that_cannot_be_removed_is_named_and_swept_by_the_next_run(
    sandbox: Sandbox, proxy: S3Proxy, how: How
) -> None:
    """Its bucket, its key and the command that removes it are in every report."""
    proxy.behaviour |= {"HeadObject": "hang", "DeleteObject": how}
    running = start(sandbox, proxy)
    proxy.wait_for("HeadObject")
    running.process.send_signal(signal.SIGINT)
    run = ended(running)

    (left,) = run.results["canaries_left"]
    assert canaries(sandbox) == [left["key"]]
    assert run.folder.resolve().name in left["key"], "the key tells whose it is"
    assert_named(run, left)

    proxy.behaviour.clear()
    assert_swept_by_the_next_run(sandbox, proxy, run.folder.parent, left["key"])


def test_a_canary_that_an_interrupted_sweep_left_is_named(sandbox: Sandbox, proxy: S3Proxy) -> None:
    """The earlier run that wrote it was killed: no report but this one's can name it."""
    store(sandbox).put_object(Bucket=names.MEDIA_BUCKET, Key=OLD, Body=b"x")
    proxy.behaviour["DeleteObject"] = "hang"
    running = start(sandbox, proxy)
    proxy.wait_for("DeleteObject")
    running.process.send_signal(signal.SIGINT)
    run = ended(running)

    (left,) = run.results["canaries_left"]
    assert canaries(sandbox) == [OLD] == [left["key"]]
    assert "an earlier run left it" in left["why"]
    assert_named(run, left)


def assert_named(run: SuiteRun, left: dict[str, str]) -> None:
    place = f"s3://{left['bucket']}/{left['key']}"
    command = f"aws s3api delete-object --bucket {left['bucket']} --key {left['key']}"
    assert left["command"] == command
    summary = (run.folder / "summary.md").read_text(encoding="utf-8")
    assert place in "".join(run.output.split())
    assert command in run.output
    assert place in summary
    assert command in summary


def assert_swept_by_the_next_run(sandbox: Sandbox, proxy: S3Proxy, reports: Path, key: str) -> None:
    """The next run over the same reports removes what the last one left, however young it is."""
    again = start(sandbox, proxy, f"--reports={reports}")
    status = again.process.wait(timeout=60)
    assert status == 0, again.output.read_text(encoding="utf-8")
    assert canaries(sandbox) == []
    (file,) = (reports / "latest" / "evidence").glob("aws.canary.canary-*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["evidence"]["swept"] == [key]
    assert list(reports.glob("*/canaries/*.json")) == []


def test_what_a_killed_run_left_the_next_one_sweeps(sandbox: Sandbox, proxy: S3Proxy) -> None:
    """Nothing can be done at `kill -9`; but what was written is recorded, and no lock is held any more."""
    proxy.behaviour["HeadObject"] = "hang"
    killed = start(sandbox, proxy)
    proxy.wait_for("HeadObject")
    killed.process.kill()
    killed.process.wait()
    (key,) = canaries(sandbox)

    proxy.behaviour.clear()
    assert_swept_by_the_next_run(sandbox, proxy, killed.reports, key)


def test_a_run_that_goes_on_keeps_its_canary(sandbox: Sandbox, proxy: S3Proxy) -> None:
    """Two runs at once, a gate's and the nightly one, must not take each other's canary away."""
    proxy.behaviour["GetObject"] = "drip"
    first = start(sandbox, proxy)
    proxy.wait_for("GetObject")
    (key,) = canaries(sandbox)
    second = sandbox.start_suite(UPLOADS, f"--reports={first.reports}")
    assert second.process.wait(timeout=60) == 0
    assert canaries(sandbox) == [key]
    first.process.send_signal(signal.SIGINT)
    first.process.wait(timeout=30)
    assert canaries(sandbox) == []


def test_a_canary_of_a_worker_that_was_killed_is_removed(sandbox: Sandbox, proxy: S3Proxy) -> None:
    """The controller finds the record, and nobody who holds it."""
    proxy.behaviour["HeadObject"] = "hang"
    running = start(sandbox, proxy, "-n", "1", "--max-worker-restart=0")
    proxy.wait_for("HeadObject")
    for worker in children_of(running.process.pid):
        os.kill(worker, signal.SIGKILL)
    run = ended(running)

    assert run.exit_status != 0
    assert canaries(sandbox) == []
    assert run.results["canaries_left"] == []


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_enough_failures_leave_no_canary(sandbox: Sandbox, proxy: S3Proxy, workers: tuple[str, ...]) -> None:
    """With patience the upload is looked at again while the first look hangs: both remove theirs."""
    proxy.behaviour["HeadObject"] = "hang"
    sandbox.break_("dns-record-missing", f"host={names.DASHBOARD_HOST}")
    try:
        run = start(sandbox, proxy, RECORDS, "-x", "--patience=2s", *workers).finish()
    finally:
        sandbox.mend("dns-record-missing")

    assert run.exit_status == 1, run.output
    assert canaries(sandbox) == []
    assert run.results["canaries_left"] == []
