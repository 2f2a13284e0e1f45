"""A replay knows what it judges again, and is never taken for a run that looked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from selftests import tiny_project
from selftests.test_run import pytest_said


def replay_of(folder: Path, environment: str) -> Path:
    """Make a run's folder of which nothing is known but its environment."""
    (folder / "evidence").mkdir(parents=True)
    kept = {"vantage": "outside", "variables": {}}
    (folder / "surroundings.json").write_text(json.dumps(kept), encoding="utf-8")
    told = {"run": {"env": environment, "started": "2026-11-20T03:00:00+00:00"}}
    (folder / "results.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.mark.parametrize("variable", ["", "stage"])
def test_a_replay_needs_no_environment(tmp_path: Path, variable: str) -> None:
    """The run knows what it was of, even production; a variable left over in a shell does not."""
    run = replay_of(tmp_path / "run", "prod")

    status, said = pytest_said(f"--replay={run}", "--collect-only", "-q", POSTFLIGHT_ENV=variable)

    assert status == 0, said
    assert "tests_infra/test_nat.py" in said


@pytest.mark.parametrize("made", [False, True], ids=["absent", "empty"])
def test_what_is_no_run_is_said_in_words(tmp_path: Path, made: bool) -> None:
    """`[Errno 2]` is for whoever wrote the program."""
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()

    status, said = pytest_said(f"--replay={folder}")

    assert status == 4
    assert "this is not a run directory (" in said
    assert "No such file or directory" in said
    assert "Each run has one of its own in reports/." in said
    assert "Errno" not in said


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("surroundings.json", '{"vantage": "outside", "variables": [1]}'),
        ("surroundings.json", '{"vantage": "outside", "variables": {"A": 5}}'),
        ("surroundings.json", '{"vantage": 3, "variables": {}}'),
        ("surroundings.json", "[" * 100_000),
        ("surroundings.json", '{"vantage": "outs'),
        ("surroundings.json", "\x00\xff"),
        ("results.json", "[]"),
        ("results.json", '{"run": []}'),
        ("results.json", '{"run": {"env": 5, "started": "x"}}'),
        ("results.json", '{"run": {"env": "prod", "started": ["x"]}}'),
        ("results.json", '{"run": {"env": "prod", "started": "x", "replayed": 1}}'),
        ("results.json", '{"run": {"env": "", "started": "x"}}'),
        ("results.json", '{"run": {"env": "../../etc/passwd", "started": "x"}}'),
    ],
)
def test_what_no_run_wrote_is_refused_in_a_sentence(tmp_path: Path, file: str, text: str) -> None:
    """A folder that was copied half way, or edited, or is not ours."""
    run = replay_of(tmp_path / "run", "prod")
    (run / file).write_text(text, encoding="utf-8")

    status, said = pytest_said(f"--replay={run}", "-q")

    assert status == 4, said
    assert "this is not a run directory (" in said
    assert "INTERNALERROR" not in said
    assert "Traceback" not in said
    assert "pydantic" not in said


@pytest.mark.parametrize("file", ["surroundings.json", "results.json"])
def test_a_pipe_in_a_run_directory_is_not_waited_for(tmp_path: Path, file: str) -> None:
    """Nobody writes to it."""
    run = replay_of(tmp_path / "run", "prod")
    (run / file).unlink()
    os.mkfifo(run / file)

    status, said = pytest_said(f"--replay={run}", "-q")

    assert status == 4, said
    assert f"{file} is not a regular file" in said


def test_a_replay_of_an_environment_elsewhere_asks_for_its_file(tmp_path: Path) -> None:
    """`--env=PATH` may have named any file; a run knows its name only."""
    run = replay_of(tmp_path / "run", "elsewhere")

    status, said = pytest_said(f"--replay={run}", "-q")

    assert status == 4
    assert "this is a run of elsewhere, which is not one of the environments here" in said
    assert "--env=PATH" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"began": "x", "evidence": {}}',
        '{"began": 1, "evidence": []}',
        '{"began": 1, "unverified": 5}',
        '{"began": 1, "unverified": {"message": 5}}',
        '{"began": 1, "evidence": ' + "[" * 100_000,
    ],
)
def test_evidence_that_no_run_wrote_is_unverified(tmp_path: Path, text: str) -> None:
    """Of who we are nothing else is asked: without it there is no run."""
    made = tiny_project.make(tmp_path)
    (identity,) = (made / "reports" / "recorded" / "evidence").glob("*.json")
    identity.write_text(text, encoding="utf-8")

    run = tiny_project.run(made)

    assert run.returncode == 4, run.stdout
    assert "cannot tell where we are" in run.stderr + run.stdout
    assert "INTERNALERROR" not in run.stdout


def test_a_replay_leaves_what_failed_last(tmp_path: Path) -> None:
    """Otherwise the next --lf would select by a run of last week."""
    made = tiny_project.make(tmp_path)
    kept = made / "cache" / "v" / "cache" / "lastfailed"
    kept.parent.mkdir(parents=True)
    before = '{"tests_infra/test_tiny.py::test_all_is_well[a]": true}'
    kept.write_text(before, encoding="utf-8")

    run = tiny_project.run(made, "-p", "cacheprovider", "-o", f"cache_dir={made / 'cache'}")

    assert run.returncode == 1, run.stdout
    assert kept.read_text(encoding="utf-8") == before


def test_a_replay_of_another_environment_says_so(tmp_path: Path) -> None:
    """That an answer was not recorded would be told of each check, and not why."""
    run = replay_of(tmp_path / "run", "sandbox")

    status, said = pytest_said("--env", "stage", f"--replay={run}")

    assert status == 4
    assert "that is a run of sandbox, not of stage." in said
    assert "Traceback" not in said


def test_a_replay_is_not_told_as_the_newest_run(tmp_path: Path) -> None:
    """Old evidence judged tonight must not be what `latest` shows, nor be compared with a newer run."""
    made = tiny_project.make(tmp_path)
    newer = made / "reports" / "tiny-20990101T000000Z"
    newer.mkdir()
    told = {"id": "tests_infra/test_tiny.py::test_other", "verdict": "failed", "duration_s": 0.1}
    results = {"schema": 1, "run": {"env": "tiny", "started": newer.name}, "checks": [told]}
    (newer / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (made / "reports" / "latest").symlink_to(newer.name)

    run = tiny_project.run(made)

    assert run.stdout.count("REPLAY of recorded: nothing was looked at now") == 2
    assert "since " not in run.stdout
    assert (made / "reports" / "latest").resolve() == newer
