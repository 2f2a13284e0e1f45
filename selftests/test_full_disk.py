"""What a run does when nothing more can be written: it says so in a sentence, and is not green."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from postflight.evidence import Kept, Looking, Question, Unverified
from postflight.recording import Recording, redact_again
from postflight.writing import Clean, write_whole
from selftests.proofs.harness import ROOT, Sandbox

LOOKING = Looking(Question("aws.subnets", "{}"), lambda: 7, int, deadline_s=5.0)


def test_evidence_that_cannot_be_kept_is_not_green(tmp_path: Path) -> None:
    """A verdict must be provable by what the run leaves behind."""
    occupied = tmp_path / "evidence"
    occupied.touch()
    with pytest.raises(Unverified, match=r"cannot be kept in .*evidence: Not a directory"):
        Recording(occupied).write(LOOKING, Kept(7, 0.0))


def test_a_record_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """Taking a secret out of evidence on a full disk must not take the evidence."""
    Recording(tmp_path).write(LOOKING, Kept(7, 0.0))
    (file,) = tmp_path.iterdir()
    before = file.read_text(encoding="utf-8")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            redact_again(tmp_path, lambda text: text.replace("subnets", "[redacted]"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert file.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    """Half a report would be read as one, and a leftover fills the disk further."""

    def pieces() -> Iterator[Clean]:
        yield Clean("a beginning")
        raise LookupError("no more")

    (tmp_path / "results.json").write_text("as it was", encoding="utf-8")
    with pytest.raises(LookupError):
        write_whole(tmp_path / "results.json", pieces())

    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
    assert (tmp_path / "results.json").read_text(encoding="utf-8") == "as it was"


def _little_room() -> None:
    """Let files grow to 24 KiB: enough for evidence, not for results."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (24576, 24576))


def test_reports_that_cannot_be_written_are_told_in_a_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    """A script that reads results.json must not find those of the run before and call them this one's."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "--env=sandbox", f"--reports={tmp_path}",
            "-p", "no:cacheprovider", "-q", "tests_infra",
        ],
        cwd=ROOT,
        env={**os.environ, **sandbox.process_environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=_little_room,
    )  # fmt: skip
    said = done.stdout + done.stderr

    assert done.returncode == 3
    assert "The reports could not be written: File too large" in said
    assert "Traceback" not in said
    assert not (tmp_path / "latest").exists()
